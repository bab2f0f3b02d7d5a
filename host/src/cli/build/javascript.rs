//! Building JavaScript plugins: componentize-js puts the engine and the modules into one component, as they are after they
//! were imported.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    Failed, Toolchain, contract,
    tools::{self, Tool},
};

const TOOL: Tool = Tool { name: "componentize-js", version: "0.23.0", megabytes: 70, install };

/// What the tool leans on and does not pin itself, in the version that needs the least beside it.
const JCO: &str = "1.15.1";

/// How many hexadecimal characters the tool draws for the name of its temporary folder, at the least.
const DRAWN: usize = 8;

const HELP: &str = "install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)";

/// Which of the contract's interfaces a module exports, without running it; and the component itself. Nothing of WASI stays:
/// the host has no clock, no randomness and no streams to give.
const COMPILE: &str = "
import { readFile, writeFile } from 'node:fs/promises';
import { init, parse } from 'es-module-lexer';
import { componentize } from '@bytecodealliance/componentize-js';
const [, sourcePath, witPath, to, worlds] = process.argv;
try {
  await init;
  const names = parse(await readFile(sourcePath, 'utf8'), sourcePath)[1].map((each) => each.n);
  if (!names.includes('plugin')) throw new Error('it exports no `plugin`');
  const worldName = worlds.split(' ')[Number(names.includes('undo')) + 2 * Number(names.includes('check'))];
  const disableFeatures = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];
  const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
  await writeFile(to, component);
} catch (error) {
  console.error(`${sourcePath}: ${error.message}`);
  process.exitCode = 1;
}
";

/// Writes the component of a JavaScript plugin.
pub(super) fn build(toolchain: &Toolchain, folder: &Path, to: &Path) -> Result<(), Failed> {
    let package = fs::read_to_string(folder.join("package.json"))?;
    let package: Value =
        serde_json::from_str(&package).map_err(|error| Failed(format!("package.json is no JSON: {error}")))?;
    let main = package["main"].as_str().unwrap_or("plugin.js");
    let source = folder.join(main);
    if !source.exists() {
        return Err(Failed(format!("there is no {main}, which `main` in package.json names")));
    }
    node()?;
    let tools = toolchain.tools()?;
    let tool = TOOL.folder(&tools)?;
    let temporary = to.with_extension("node");
    fs::create_dir_all(&temporary)?;
    let mut command = Command::new("node");
    // The folder that modules are looked for in.
    command.current_dir(tool).env("TMPDIR", &temporary).args(["--input-type=module", "--eval", COMPILE]);
    command.arg(source).arg(contract::folder(&tools)?).arg(to).arg(contract::WORLDS.join(" "));
    let compiled = tools::compile(&mut command);
    fs::remove_dir_all(&temporary)?;
    compiled?;
    let mut component = fs::read(to)?;
    // The engine's memory, as it is kept, holds the command line that filled it.
    for told in [&temporary, folder] {
        hide(&mut component, told.as_os_str().as_encoded_bytes());
    }
    Ok(fs::write(to, component)?)
}

/// Writes over a path wherever it stands, to the end of the names that were drawn for temporary files below it. As many bytes
/// stay as there were, so everything else stays where it is.
fn hide(component: &mut [u8], path: &[u8]) {
    let mut from = 0;
    while let Some(found) = find(&component[from..], path) {
        let start = from + found;
        let end = start + path.len();
        let drawn = component[end..].iter().skip(1).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let drawn = if drawn >= DRAWN && component[end] == b'/' { drawn + 1 } else { 0 };
        for byte in &mut component[start..end + drawn] {
            *byte = if *byte == b'/' { b'/' } else { b'x' };
        }
        from = end;
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Whether there is a Node.js that will do.
fn node() -> Result<(), Failed> {
    let version = tools::run("node", &["--version"], Path::new("."), HELP)?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 20) {
        Ok(())
    } else {
        Err(Failed(format!("node is {}: {HELP}", version.trim())))
    }
}

fn install(folder: &Path) -> Result<(), Failed> {
    tools::run("npm", &["--version"], folder, HELP)?;
    let package = json!({
        "private": true,
        "dependencies": { "@bytecodealliance/componentize-js": TOOL.version, "@bytecodealliance/jco": JCO },
    });
    fs::write(folder.join("package.json"), package.to_string())?;
    let arguments = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"];
    tools::run("npm", &arguments, folder, "does the npm registry answer?").map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_hidden_with_the_drawn_name_below_it_and_nothing_moves() {
        let mut component = b"a /tmp/me/7d58eac03335/sources/x.js /tmp/me/plugin.js /tmp/meadow".to_vec();
        hide(&mut component, b"/tmp/me");
        assert_eq!(component, b"a /xxx/xx/xxxxxxxxxxxx/sources/x.js /xxx/xx/plugin.js /xxx/xxadow");
    }
}
