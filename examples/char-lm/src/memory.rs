//! The memory that a run needs, and the memory that is available.
//!
//! Sizes are `f64`, so that a number of elements that overflows an integer is still compared correctly.

use std::fmt;
use std::fs;
use std::iter;
use std::path::Path;

use crate::error::Error;
use crate::model;
use crate::settings::Settings;

/// A number of bytes.
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

/// Estimates the memory for a model and its computation on a window of this many characters.
///
/// In training, a parameter takes five numbers: itself, its gradient, two moments of Adam, and its best value so far.
/// The memory of the reverse pass for each character was measured. A layer takes the width of all its gates and of four
/// states. The embedding takes two numbers for each feature, and the logits take five for each class. Without a reverse
/// pass, half of this memory is needed.
#[must_use]
pub fn needed(settings: &Settings, vocabulary_size: usize, window: f64, training: bool) -> Bytes {
    let [v, e, h] = [vocabulary_size, settings.embedding, settings.hidden].map(|size| size as f64);
    let matrices = model::matrices(settings.cell);
    let layer = |inputs: f64| {
        let rows = iter::once(inputs).chain(iter::repeat(h));
        matrices.iter().zip(rows).map(|(&(_, gates), rows)| rows * gates as f64 * h).sum::<f64>()
    };
    let layers = settings.layers as f64;
    let parameters = v * e + layer(e) + (layers - 1.0) * layer(h) + h * v;
    let (_, gates) = matrices[0];
    let character = 2.0 * e + layers * (gates + 4) as f64 * h + 5.0 * v;
    let numbers = if training {
        5.0 * parameters + window * character
    } else {
        parameters + window * character / 2.0
    };
    Bytes(numbers * size_of::<f32>() as f64)
}

/// Returns the memory for a text of this many bytes, with a number for each character.
#[must_use]
pub fn of_text(bytes: u64) -> Bytes {
    Bytes(bytes as f64 * (1 + size_of::<u32>()) as f64)
}

/// Refuses to start if more memory is needed than is available.
///
/// # Errors
///
/// If the available memory is known and too small. The error has both numbers.
pub fn expect(needed: Bytes) -> Result<(), Error> {
    match available(
        Path::new("/proc/self"),
        Path::new("/proc/meminfo"),
        Path::new("/sys/fs/cgroup"),
    ) {
        Some(available) if needed > available => Err(Error::Memory { needed, available }),
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
    use clap::Parser;
    use tempfile::TempDir;

    use super::*;
    use crate::args::{Cli, Command};

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
        let status = ("self/status", "Name:\tchar-lm\nVmSize:\t   10000 kB\n");
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

    /// The estimates are close to the measured peak of resident memory in runs of two steps, from 8 MB upwards.
    #[test]
    fn needs_are_as_measured() {
        let needed = |flags: &str, vocabulary_size, positions| {
            let flags = iter::once("char-lm").chain(flags.split(' '));
            let Command::Train(args) = Cli::parse_from(flags).into_command() else {
                panic!("train")
            };
            needed(&args.settings, vocabulary_size, positions, true).0 / 1e6
        };
        let close = |megabytes: f64, measured: f64| {
            assert!((megabytes / measured - 1.0).abs() < 0.1, "{megabytes} MB, not {measured}");
        };
        close(needed("--hidden 128", 203, 64.0 * 512.0), 415.0);
        close(needed("--hidden 128 --cell gru", 203, 64.0 * 512.0), 373.0);
        close(needed("--hidden 16 --embedding 16", 37_921, 1024.0), 856.0);
    }

    #[test]
    fn sizes_are_told_in_units_that_fit() {
        let told = |bytes| Bytes(bytes).to_string();
        assert_eq!([told(2.4e6), told(2.34e9), told(2.34e12)], ["2 MB", "2.3 GB", "2.3 TB"]);
        assert_eq!(told(2.34e40), "2.3e28 TB");
    }
}
