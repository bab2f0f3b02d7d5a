//! Building Python plugins: componentize-py puts the interpreter and the modules into one component, as they are after they
//! were imported.

use std::{path::Path, process::Command};

use super::{
    Failed, Toolchain, contract,
    tools::{self, Tool},
};

const TOOL: Tool = Tool { name: "componentize-py", version: "0.25.1", megabytes: 20, install };

/// Prints which of the contract's classes a module has, without running it.
const CLASSES: &str = "
import ast, sys
names = set()
for node in ast.parse(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1]).body:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names.update(alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.ClassDef):
        names.add(node.name)
    elif isinstance(node, ast.Assign):
        names.update(name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
print(*(name for name in ('Plugin', 'Undo', 'Check') if name in names))
";

/// Writes the component of a Python plugin.
pub(super) fn build(toolchain: &Toolchain, folder: &Path, to: &Path) -> Result<(), Failed> {
    let module = folder.join("plugin.py");
    if !module.exists() {
        return Err(Failed("it has no plugin.py, which makes `Plugin`".to_owned()));
    }
    let tools = toolchain.tools()?;
    let tool = TOOL.folder(&tools)?;
    let source = module.display().to_string();
    let classes = tools::run(tool.join("bin/python"), &["-c", CLASSES, &source], folder, "it is no Python")?;
    let has = |class: &str| classes.split_whitespace().any(|name| name == class);
    if !has("Plugin") {
        return Err(Failed("plugin.py makes no `Plugin` at its top level".to_owned()));
    }
    // Modules of others come from the plugin's own environment if it has one, and never from wherever the author's shell is.
    let own = folder.join(".venv");
    let environment = if own.exists() { own } else { tool.clone() };
    let mut command = Command::new(tool.join("bin/componentize-py"));
    command.env("VIRTUAL_ENV", environment).arg("--quiet").arg("--wit-path").arg(contract::folder(&tools)?);
    command.args(["--world", contract::world(has("Undo"), has("Check")), "componentize", "--stub-wasi", "plugin"]);
    command.arg("--python-path").arg(folder).arg("--output").arg(to);
    tools::compile(&mut command)
}

fn install(folder: &Path) -> Result<(), Failed> {
    let help = "install Python 3.10 or newer with venv (Debian: apt-get install python3-venv)";
    tools::run("python3", &["-m", "venv", "."], folder, help)?;
    let requirement = format!("{}=={}", TOOL.name, TOOL.version);
    let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2", &requirement];
    tools::run(folder.join("bin/python"), &arguments, folder, "does PyPI answer?").map(|_| ())
}
