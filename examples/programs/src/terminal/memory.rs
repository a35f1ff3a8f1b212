//! The memory that a program needs, and the memory that is available.

use std::fmt;
use std::fs;
use std::path::Path;

/// A number of bytes. It is an `f64`, so that a size that overflows an integer is still compared correctly.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Bytes(pub f64);

impl fmt::Display for Bytes {
    /// Writes the number in megabytes, gigabytes or terabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes < 1e9 => write!(f, "{:.0} MB", bytes / 1e6),
            bytes if bytes < 1e12 => write!(f, "{:.1} GB", bytes / 1e9),
            bytes if bytes < 1e18 => write!(f, "{:.1} TB", bytes / 1e12),
            bytes => write!(f, "{:.1e} TB", bytes / 1e12),
        }
    }
}

/// More memory is needed than is available. The program that reports it says which flags lower the need.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("about {needed} of memory are needed, and {available} are available")]
pub struct MemoryError {
    /// The memory that the caller needs.
    pub needed: Bytes,
    /// The memory that the machine, control groups and limits leave.
    pub available: Bytes,
}

/// Refuses to start if more memory is needed than is available.
///
/// # Errors
///
/// If the available memory is known and too small.
pub fn expect(needed: Bytes) -> Result<(), MemoryError> {
    match available(
        Path::new("/proc/self"),
        Path::new("/proc/meminfo"),
        Path::new("/sys/fs/cgroup"),
    ) {
        Some(available) if needed > available => Err(MemoryError { needed, available }),
        _ => Ok(()),
    }
}

/// Returns the memory that is still available to this process, if Linux reports it. It is the smallest amount that the
/// machine, the control groups of the process and the limit of its address space leave.
fn available(process: &Path, machine: &Path, groups: &Path) -> Option<Bytes> {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let status = read(&process.join("status"));
    let kilobytes = |text: &str, key| Some(1024.0 * number(text.lines(), key)?);
    let limit = number(read(&process.join("limits")).lines(), "Max address space");
    let space = limit.map(|limit| limit - kilobytes(&status, "VmSize:").unwrap_or(0.0));
    let of_machine = kilobytes(&read(machine), "MemAvailable:");
    let of_groups = read(&process.join("cgroup"));
    let of_groups = of_groups.lines().filter_map(|line| left_in_group(line, groups));
    of_groups.chain(of_machine).chain(space).reduce(f64::min).map(|bytes| Bytes(bytes.max(0.0)))
}

/// Returns the memory that a control group and its ancestors leave, from a line of `/proc/self/cgroup`. Inactive pages
/// of files count as available, since the kernel gives them back when needed.
fn left_in_group(line: &str, groups: &Path) -> Option<f64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (root, limit, usage, inactive) = match fields.next()? {
        "" => (groups.to_path_buf(), "memory.max", "memory.current", "inactive_file"),
        "memory" => {
            let names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
            (groups.join("memory"), names.0, names.1, names.2)
        }
        _ => return None,
    };
    let group = root.join(fields.next()?.trim_start_matches('/'));
    let left = |folder: &Path| {
        let read = |name| fs::read_to_string(folder.join(name)).ok();
        let single = |name| read(name)?.trim().parse::<f64>().ok();
        let inactive = number(read("memory.stat")?.lines(), inactive).unwrap_or(0.0);
        Some(single(limit)? - single(usage)? + inactive)
    };
    let above = group.ancestors().take_while(|folder| folder.starts_with(&root));
    above.filter_map(left).reduce(f64::min)
}

/// Returns the first number after the key, on the line that starts with the key.
fn number<'a>(mut lines: impl Iterator<Item = &'a str>, key: &str) -> Option<f64> {
    let rest = lines.find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const MEGABYTE: f64 = 1e6;

    /// Returns the available memory that these files report, together with the machine's 100 MB.
    fn left(files: &[(&str, &str)]) -> Option<Bytes> {
        let root = TempDir::new().expect("a folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        let path = |name| root.path().join(name);
        available(&path("self"), &path("meminfo"), &path("groups"))
    }

    const MACHINE: (&str, &str) = ("meminfo", "MemTotal: 9999999 kB\nMemAvailable:   97656 kB\n");

    #[test]
    fn the_least_that_is_left_counts() {
        assert_eq!(left(&[]), None, "another system than Linux");
        assert_eq!(left(&[MACHINE]), Some(Bytes(97_656.0 * 1024.0)));
        let limits =
            ("self/limits", "Limit  Soft\nMax address space  90000000  unlimited  bytes\n");
        let status = ("self/status", "Name:\tlm\nVmSize:\t   10000 kB\n");
        assert_eq!(left(&[MACHINE, limits, status]), Some(Bytes(90.0 * MEGABYTE - 10_240_000.0)));
        let unlimited = ("self/limits", "Max address space  unlimited  unlimited  bytes\n");
        assert_eq!(left(&[MACHINE, unlimited]), left(&[MACHINE]));
    }

    #[test]
    fn control_groups_leave_what_the_tightest_leaves() {
        let of_process = ("self/cgroup", "0::/a/b\n");
        let inner = [
            ("groups/a/b/memory.max", "max\n"),
            ("groups/a/b/memory.current", "1000000\n"),
            ("groups/a/b/memory.stat", "anon 1\ninactive_file 7\n"),
        ];
        let outer = [
            ("groups/a/memory.max", "50000000\n"),
            ("groups/a/memory.current", "30000000\n"),
            ("groups/a/memory.stat", "anon 1\ninactive_file 5000000\n"),
        ];
        let files = [vec![MACHINE, of_process], inner.to_vec(), outer.to_vec()].concat();
        assert_eq!(left(&files), Some(Bytes(25.0 * MEGABYTE)));
        // In a container of the older kind the path is the host's, and the limit stands at the root.
        let older = [
            MACHINE,
            ("self/cgroup", "3:cpu:/host\n2:memory:/host/path\n"),
            ("groups/memory/memory.limit_in_bytes", "20000000\n"),
            ("groups/memory/memory.usage_in_bytes", "9000000\n"),
            ("groups/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 2000000\n"),
        ];
        assert_eq!(left(&older), Some(Bytes(13.0 * MEGABYTE)));
    }

    #[test]
    fn sizes_are_told_in_units_that_fit() {
        let told = |bytes| Bytes(bytes).to_string();
        assert_eq!([told(2.4e6), told(2.34e9), told(2.34e12)], ["2 MB", "2.3 GB", "2.3 TB"]);
        assert_eq!(told(2.34e40), "2.3e28 TB");
    }
    #[test]
    fn more_than_any_machine_has_is_refused() {
        assert_eq!(expect(Bytes(0.0)), Ok(()));
        if cfg!(target_os = "linux") {
            let error = expect(Bytes(1e30)).expect_err("no machine has so much");
            assert!(error.to_string().starts_with("about 1.0e18 TB of memory are needed, and "));
        }
    }
}
