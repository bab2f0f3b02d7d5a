//! A fresh database for each test: an SQLite file, or a database in one private PostgreSQL server that the test binary
//! starts.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

use crate::process::{Server, bound_to_us, free_port, is_root};

/// The account PostgreSQL runs as when the tests run as root; Debian's package makes it.
const ACCOUNT: &str = "postgres";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// Says in the test's output which database comes now.
    #[expect(clippy::print_stdout, reason = "a failing test shows on which database it failed")]
    pub fn announce(self) {
        println!("on {self:?}");
    }
}

/// Both kinds: every store test runs on each.
pub const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// An empty database.
#[derive(Debug)]
pub struct Database {
    /// Its URL.
    pub url: String,
    /// Keeps an SQLite file's folder.
    folder: Option<TempDir>,
}

impl Database {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let url = format!("sqlite:{}", folder.path().join("wardroom.db").display());
                Self { url, folder: Some(folder) }
            }
            Kind::Postgres => {
                static NUMBER: AtomicU32 = AtomicU32::new(0);
                let server = postgres();
                let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                sqlx::any::install_default_drivers();
                let mut connection = AnyConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL");
                connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database");
                Self { url: format!("{server}/{name}"), folder: None }
            }
        }
    }
}

impl Database {
    /// A database with the content of a file: a packed SQLite file, or a packed dump of PostgreSQL.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn restored(kind: Kind, packed: &Path) -> Self {
        let database = Self::new(kind).await;
        let mut unpack = Command::new("gzip");
        unpack.arg("--decompress").arg("--stdout").arg(packed);
        let content = unpack.output().expect("gzip runs").stdout;
        if let Some(folder) = &database.folder {
            std::fs::write(folder.path().join("wardroom.db"), content).expect("is written");
        } else {
            let dump = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(dump.path(), content).expect("is written");
            let mut restore = Command::new(binaries().join("psql"));
            restore.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &database.url, "--file"]);
            run(restore.arg(dump.path()).stdout(std::process::Stdio::null()));
        }
        database
    }

    /// A database that is there already.
    pub fn of_url(url: String) -> Self {
        Self { url, folder: None }
    }

    /// The number that a query gives, asked behind the server's back.
    ///
    /// # Panics
    /// When it gives none.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("connects");
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
    }

    /// The texts that a query gives, asked behind the server's back.
    ///
    /// # Panics
    /// When it fails.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("connects");
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.expect("texts")
    }

    /// Runs a statement behind the server's back.
    ///
    /// # Panics
    /// When it fails.
    pub async fn execute(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("connects");
        if self.url.starts_with("sqlite:") {
            // A server writes to the same file.
            connection.execute("PRAGMA busy_timeout = 10000").await.expect("is set");
        }
        let done = connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Takes it away at once, whoever still has it open. An SQLite file goes with this value anyway; a database in the
    /// private server would stay as long as that.
    ///
    /// # Panics
    /// When PostgreSQL does not drop it.
    pub async fn remove(self) {
        if let Some((server, name)) = self.url.rsplit_once('/').filter(|_| self.folder.is_none()) {
            let mut connection = AnyConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL");
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("the database is dropped");
        }
    }
}

/// A PostgreSQL server of the test's own, which it may stop and start again.
#[derive(Debug)]
pub struct OwnPostgres {
    folder: PathBuf,
    port: u16,
}

impl OwnPostgres {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = folder(&format!("-own{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let own = Self { port: initialised(&folder), folder };
        own.start_again();
        own
    }

    /// Its one database.
    pub fn database(&self) -> Database {
        Database::of_url(format!("postgres://postgres@127.0.0.1:{}/postgres", self.port))
    }

    /// Stops it as a crash would.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self) {
        let ctl = binaries().join("pg_ctl").display().to_string();
        let mut command = bound_to_us(&ctl, Some(ACCOUNT));
        run(command.args(["stop", "--wait", "--mode=immediate", "-D"]).arg(self.folder.join("data")));
    }

    /// Starts it again after a stop, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        serve(&self.folder, self.port);
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        // Its process ends with this one anyway; what a failed test leaves of its folder is swept by the next.
        let ctl = binaries().join("pg_ctl").display().to_string();
        let mut command = bound_to_us(&ctl, Some(ACCOUNT));
        _ = command.args(["stop", "--wait", "--mode=immediate", "-D"]).arg(self.folder.join("data")).output();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The private server's URL, without a database.
fn postgres() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> String {
    let folder = folder("");
    let port = initialised(&folder);
    serve(&folder, port);
    // The server lives as long as this process; its folder is swept by the next.
    sweep();
    format!("postgres://postgres@127.0.0.1:{port}")
}

/// An empty folder that PostgreSQL may write.
fn folder(suffix: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("wardroom-postgres-{}{suffix}", std::process::id()));
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    if is_root() {
        run(Command::new("chown").arg(ACCOUNT).arg(&folder));
    }
    folder
}

/// Makes an empty database cluster; gives a port for its server.
fn initialised(folder: &Path) -> u16 {
    let initdb = binaries().join("initdb");
    run(bound_to_us(&initdb.display().to_string(), Some(ACCOUNT))
        .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(folder.join("data")));
    free_port()
}

/// Starts a server in the background and waits until it answers.
fn serve(folder: &Path, port: u16) {
    let binaries = binaries();
    let mut command = bound_to_us(&binaries.join("postgres").display().to_string(), Some(ACCOUNT));
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.args(["-c", "max_connections=400", "-c", "unix_socket_directories="]);
    let mut server = Server::start("PostgreSQL", command);
    server.wait(|| accepts(&binaries, port));
}

fn accepts(binaries: &Path, port: u16) -> bool {
    let status =
        Command::new(binaries.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
    status.is_ok_and(|status| status.success())
}

/// Removes what test binaries left that have ended.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix("wardroom-postgres-").and_then(|name| name.split('-').next()) else {
            continue;
        };
        if !Path::new("/proc").join(pid).exists() {
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where PostgreSQL's programs are: on the `PATH`, or in Debian's folder of the newest version.
fn binaries() -> PathBuf {
    let on_path = Command::new("sh").args(["-c", "command -v initdb"]).output().expect("a shell").stdout;
    let on_path = String::from_utf8_lossy(&on_path).trim().to_owned();
    // A link on the `PATH` may stand alone: the programs beside its target are wanted.
    if let Some(folder) = std::fs::canonicalize(on_path).ok().as_deref().and_then(Path::parent) {
        return folder.to_owned();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    newest.expect("PostgreSQL: scripts/counterparts.sh installs it")
}
