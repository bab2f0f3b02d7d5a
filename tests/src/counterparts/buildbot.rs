//! Buildbot: one builder, `deploy`, whose builds write the property `version` into a file and fail on `broken`.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::{answers, cache};
use crate::process::{Server, bound_to_us, free_port};

const MASTER: &str = "\
from buildbot.plugins import schedulers, steps, util, worker
c = BuildmasterConfig = {}
c['protocols'] = {'null': {}}
c['workers'] = [worker.LocalWorker('local')]
deploy = util.BuildFactory([
    steps.ShellCommand(command=['sh', '-c', util.Interpolate('test %(prop:version)s != broken && printf %(prop:version)s > FOLDER/deployed')])])
c['builders'] = [util.BuilderConfig(name='deploy', workernames=['local'], factory=deploy)]
c['schedulers'] = [schedulers.ForceScheduler(name='deploy', builderNames=['deploy'],
    properties=[util.StringParameter(name='version', default='', required=True)])]
c['www'] = {'port': 'tcp:PORT:interface=127.0.0.1', 'plugins': {}}
c['db'] = {'db_url': 'sqlite:///state.sqlite'}
c['buildbotNetUsageData'] = None
c['title'] = 'Test'
c['buildbotURL'] = 'http://127.0.0.1:PORT/'
";

const APPLICATION: &str = "\
from twisted.application import service
from buildbot.master import BuildMaster
application = service.Application('buildmaster')
BuildMaster('FOLDER', 'master.cfg').setServiceParent(application)
";

/// The server.
#[derive(Debug)]
pub struct Buildbot {
    /// Its URL.
    pub url: String,
    folder: TempDir,
}

impl Buildbot {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let filled = |text: &str| {
            text.replace("FOLDER", &folder.path().display().to_string()).replace("PORT", &port.to_string())
        };
        fs::write(folder.path().join("master.cfg"), filled(MASTER)).expect("the folder takes it");
        fs::write(folder.path().join("buildbot.tac"), filled(APPLICATION)).expect("the folder takes it");
        let bin = cache().join("buildbot/bin");
        let made = Command::new(bin.join("buildbot")).args(["upgrade-master", "."]).current_dir(folder.path()).output();
        let made = made.expect("Buildbot runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let mut command = bound_to_us(&bin.join("twistd").display().to_string(), None);
        command.current_dir(folder.path()).args(["--nodaemon", "--no_save", "--pidfile=", "-y", "buildbot.tac"]);
        Server::start("Buildbot", command).wait(|| answers(port, "/api/v2/builders/deploy"));
        Self { url: format!("http://127.0.0.1:{port}"), folder }
    }

    /// The version that is deployed; empty before the first build.
    pub fn deployed(&self) -> String {
        fs::read_to_string(self.place()).unwrap_or_default()
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("deployed")
    }
}
