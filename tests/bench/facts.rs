//! What the kernel says about this machine and about a process, read from `/proc`.

use std::{fs, time::Duration};

use serde_json::{Value, json};

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, which is 100 on every Linux that people run servers on.
const TICKS: u32 = 100;

/// The machine the figures belong to.
pub(crate) fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "cores": cores(),
        "cpu": model,
        "memory_mib": kib(&memory, "MemTotal:").map(|kib| kib / 1024),
        "kernel": kernel.trim(),
        "filesystem": filesystem(),
    })
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The type of the file system that holds the databases of the benchmark: that of the temporary folder.
fn filesystem() -> Option<String> {
    let folder = fs::canonicalize(std::env::temp_dir()).ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    });
    let (_, kind) = mounts.filter(|(place, _)| folder.starts_with(place)).max_by_key(|(place, _)| place.len())?;
    Some(kind.to_owned())
}

/// CPU time a process has used so far, its ended threads included.
///
/// # Panics
/// When there is no such process.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // The name may hold blanks and brackets: the fields are counted from behind it. User and system time are the 12th and
    // the 13th then.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    Duration::from_secs(1) * ticks / TICKS
}

/// The memory a process holds, in bytes.
///
/// # Panics
/// When there is no such process.
pub(crate) fn resident_bytes(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    f64::from(kib(&status, "VmRSS:").unwrap_or_default()) * 1024.0
}

/// The number of a line such as `MemTotal:  24681 kB`.
fn kib(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
