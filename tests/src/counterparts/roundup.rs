//! Roundup: a ticket tracker with one account, `admin`.

use std::{fs, net::TcpStream, process::Command};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use super::{ask, cache};
use crate::process::{Server, bound_to_us, free_port};

/// The account, as `user:password`.
pub const ROUNDUP_ACCOUNT: (&str, &str) = ("admin", "secret");

/// Serves one tracker; its own server refuses to run as root.
const SERVE: &str = "\
import sys
from wsgiref.simple_server import make_server
from roundup.cgi.wsgi_handler import RequestDispatcher
make_server('127.0.0.1', int(sys.argv[2]), RequestDispatcher(sys.argv[1])).serve_forever()
";

/// The server.
#[derive(Debug)]
pub struct Roundup {
    /// Its URL, which is also the tracker's.
    pub url: String,
    _folder: TempDir,
}

impl Roundup {
    /// Makes a tracker and serves it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let (home, bin) = (folder.path().join("tracker"), cache().join("roundup/bin"));
        let url = format!("http://127.0.0.1:{port}");
        let administer = |arguments: &[&str]| {
            let mut command = Command::new(bin.join("roundup-admin"));
            let said = command.arg("-i").arg(&home).args(arguments).output().expect("Roundup runs");
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
        };
        administer(&["install", "classic", "anydbm"]);
        let path = home.join("config.ini");
        let config = fs::read_to_string(&path).expect("is there");
        let config = config
            .replace("#web = NO DEFAULT", &format!("web = {url}/"))
            .replace("#domain = NO DEFAULT", "domain = localhost")
            .replace("#host = NO DEFAULT", "host = 127.0.0.1");
        fs::write(&path, config).expect("the folder takes it");
        administer(&["initialise", ROUNDUP_ACCOUNT.1]);
        let mut command = bound_to_us(&bin.join("python").display().to_string(), None);
        command.args(["-c", SERVE]).arg(&home).arg(port.to_string());
        Server::start("Roundup", command).wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { url, _folder: folder }
    }

    /// Asks it, such as for `issue/1?@verbose=2`.
    pub async fn get(&self, path: &str) -> Value {
        let account = "Basic YWRtaW46c2VjcmV0";
        ask(Method::GET, &format!("{}/rest/data/{path}", self.url), Some(account), None).await.1
    }
}
