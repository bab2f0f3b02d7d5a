//! tinyproxy: an HTTP proxy that keeps a log of what it was asked for.

use std::{fs, net::TcpStream, path::PathBuf};

use tempfile::TempDir;

use crate::process::{Server, bound_to_us, free_port};

/// The proxy. It wants a password.
#[derive(Debug)]
pub struct TinyProxy {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The same with user and password.
    pub url_with_password: String,
    log: PathBuf,
    _folder: TempDir,
}

impl TinyProxy {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let (config, log) = (folder.path().join("tinyproxy.conf"), folder.path().join("tinyproxy.log"));
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\nBasicAuth wardroom pass\nLogLevel Connect\n\
             LogFile \"{}\"\n",
            log.display()
        );
        fs::write(&config, text).expect("the folder takes it");
        let mut command = bound_to_us("tinyproxy", None);
        command.arg("-d").arg("-c").arg(&config);
        Server::start("tinyproxy", command).wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        let url = format!("http://127.0.0.1:{port}");
        let url_with_password = format!("http://wardroom:pass@127.0.0.1:{port}");
        Self { url, url_with_password, log, _folder: folder }
    }

    /// What it was asked to connect to, in order: `host:port`.
    pub fn goals(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let goal = |line: &str| Some(line.split_once("): CONNECT ")?.1.split_whitespace().next()?.to_owned());
        log.lines().filter_map(goal).collect()
    }
}
