//! The compilers that are not part of the program: installed from their registries when they are needed first, each version
//! in a folder of its own in the user's cache.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Failed, Toolchain};
use crate::{cli::terminal, config::variable_of_process};

/// A compiler and how it is installed.
pub(super) struct Tool {
    /// Its name, which people know it by.
    pub(super) name: &'static str,
    /// Its version, exactly.
    pub(super) version: &'static str,
    /// What is fetched, in megabytes.
    pub(super) megabytes: u32,
    /// Installs it into an empty folder.
    pub(super) install: fn(&Path) -> Result<(), Failed>,
}

impl Toolchain {
    /// Where tools are kept.
    pub(super) fn tools(&self) -> Result<PathBuf, Failed> {
        let known = self.tools.clone().or_else(cache);
        let folder =
            known.ok_or_else(|| Failed("no home folder is known: --tools DIR names one for tools".to_owned()))?;
        fs::create_dir_all(&folder).map_err(|error| Failed(format!("{}: {error}", folder.display())))?;
        Ok(folder.canonicalize()?)
    }
}

impl Tool {
    /// Its folder; installs it if it is not there.
    pub(super) fn folder(&self, tools: &Path) -> Result<PathBuf, Failed> {
        let folder = tools.join(format!("{}-{}", self.name, self.version));
        let done = folder.join("ok");
        if done.exists() {
            return Ok(folder);
        }
        // Two builds at once: one installs, the other waits for it. The lock ends with the process.
        let lock = File::create(tools.join(format!("{}.lock", self.name)))?;
        lock.lock()?;
        if !done.exists() {
            terminal::note(&format!(
                "installing {} {} (once, about {} MB) into {}",
                self.name,
                self.version,
                self.megabytes,
                folder.display()
            ))?;
            // What an interrupted installation left.
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir_all(&folder)?;
            (self.install)(&folder)?;
            fs::write(&done, "")?;
        }
        Ok(folder)
    }
}

/// Runs a program that installs something; what it said is told when it fails, with what would help.
pub(super) fn run<S: AsRef<OsStr>>(
    program: S,
    arguments: &[&str],
    within: &Path,
    help: &str,
) -> Result<String, Failed> {
    let program = program.as_ref();
    // A script of ours says nothing to anybody.
    let words: Vec<&str> = arguments.iter().copied().filter(|argument| !argument.contains('\n')).collect();
    let shown = format!("{} {}", Path::new(program).display(), words.join(" "));
    let output = Command::new(program).args(arguments).current_dir(within).stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failed(format!("{} is not there: {help}", Path::new(program).display())),
        _ => Failed(format!("{shown}: {error}")),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).trim().to_owned());
    Err(Failed(format!("{shown} failed: {help}\n{}", said.join("\n").trim())))
}

/// Runs a compiler; what it says is for the author.
pub(super) fn compile(command: &mut Command) -> Result<(), Failed> {
    let program = Path::new(command.get_program()).display().to_string();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|error| Failed(format!("{program}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failed("it does not build".to_owned())) }
}

fn cache() -> Option<PathBuf> {
    let own = variable_of_process("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let cache = own.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("wardroom-tools"))
}
