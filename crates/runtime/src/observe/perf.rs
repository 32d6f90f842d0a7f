//! The map file from which perf and other profilers name compiled code: `/tmp/perf-PID.map`, a line
//! `START SIZE NAME` per piece of code, numbers in hexadecimal (the kernel's `tools/perf/Documentation/jit-interface.txt`).
//!
//! The format knows no way to take a line back: code that is dropped keeps its lines, and where other code comes to lie
//! later, the later line counts.

use super::{Legend, lock, word};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, SystemTime};

/// The map file of this process.
pub(crate) struct Map {
    /// The file, and the process whose file it is.
    file: Option<(u32, File)>,
    /// All that was written. A forked child has the same code, so its own file starts with it.
    written: String,
}

impl Map {
    pub(crate) const fn new() -> Map {
        Map { file: None, written: String::new() }
    }
}

/// Appends the names of an image.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn append(legend: &Legend) -> io::Result<()> {
    let mut lines = String::new();
    for (range, name) in &legend.names {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{:x} {:x} {}", range.start, range.len(), word(name));
    }
    let map = &mut *lock();
    map.written.push_str(&lines);
    let pid = std::process::id();
    match &mut map.file {
        Some((owner, file)) if *owner == pid => file.write_all(lines.as_bytes()),
        other => {
            let mut file = open(pid)?;
            file.write_all(map.written.as_bytes())?;
            *other = Some((pid, file));
            Ok(())
        }
    }
}

/// Opens the file to append to it: other code makers in this process may write there too. What a former process of the
/// same number left is removed.
fn open(pid: u32) -> io::Result<File> {
    let path = path(pid);
    if let Ok(left) = std::fs::symlink_metadata(&path)
        && let (Ok(changed), Some(age)) = (left.modified(), process_age())
        // Clocks of files tick more slowly than that of the process.
        && SystemTime::now().duration_since(changed).is_ok_and(|since| since > age + Duration::from_millis(50))
    {
        std::fs::remove_file(&path)?;
    }
    // The folder is everybody's: whoever put a link there does not choose what is written to.
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path)
}

/// Where profilers look for the names in a process.
pub(crate) fn path(pid: u32) -> String {
    format!("/tmp/perf-{pid}.map")
}

/// How long this process has been running, to a hundredth of a second or so.
fn process_age() -> Option<Duration> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // Field 22, in units that are a hundredth of a second in this file on every Linux; the second field, the command's
    // name in parentheses, may contain anything.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let start: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - start / 100.0).ok()
}
