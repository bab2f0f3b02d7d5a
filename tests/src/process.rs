//! Processes that end with the test binary, however it ends.

use std::{
    io::{Read, Seek},
    net::TcpListener,
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// How long a test waits for what must come before it says that it does not come. Nothing is expected sooner: a busy machine
/// makes a test slow, and never red.
pub const GUARD: Duration = Duration::from_mins(5);

/// A port nobody listens on now, and nobody will by chance: the kernel draws from those above, and this process gives each once.
///
/// # Panics
/// When the machine has no free port.
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u32> = 10_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let of_this_process = std::process::id().wrapping_mul(211);
    for _ in PORTS {
        let at = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(of_this_process);
        let port = u16::try_from(PORTS.start + at % (PORTS.end - PORTS.start)).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("the machine has no free port");
}

/// A command that the kernel ends when this process ends; `account` is who it runs as when this process is root, because
/// some servers refuse to be.
pub fn bound_to_us(program: &str, account: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(account) = account.filter(|_| is_root()) {
        command.args(["--reuid", account, "--regid", account, "--clear-groups"]);
    }
    command.arg(program);
    command
}

/// Whether this process is root.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

/// A server in the background; what it says goes to a file that is shown when it does not come up.
#[derive(Debug)]
pub struct Server {
    name: String,
    output: std::fs::File,
}

impl Server {
    /// Starts it. The kernel counts the starting *thread* as the parent, so a thread of its own waits for it.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(name: &str, mut command: Command) -> Self {
        let output = tempfile::tempfile().expect("a temporary file");
        let stdout = output.try_clone().expect("a second handle");
        let stderr = output.try_clone().expect("a third handle");
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let (started, start) = mpsc::channel();
        thread::spawn(move || match command.spawn() {
            Ok(mut child) => {
                _ = started.send(Ok(()));
                _ = child.wait();
            }
            Err(error) => _ = started.send(Err(error)),
        });
        start.recv().expect("the thread answers").unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name: name.to_owned(), output }
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// With its output, when it does not within [`GUARD`].
    pub fn wait(&mut self, ready: impl Fn() -> bool) {
        let deadline = now() + GUARD;
        while !ready() {
            if now() >= deadline {
                let said = self.said();
                panic!("{} is not ready; it said:\n{said}", self.name);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        _ = self.output.rewind();
        _ = self.output.read_to_string(&mut said);
        said
    }
}

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "tests wait for real processes")]
pub fn now() -> Instant {
    Instant::now()
}
