//! The memory that a text of a gigabyte takes.

use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bptt::RngExt;

use super::*;
use crate::text::Streams;

/// Writes words of a vocabulary of 100 000, frequent ones more often, as lines of twenty.
fn write_text(path: &Path, bytes: usize) {
    let mut rng = bptt::rng(1);
    let mut file = BufWriter::new(fs::File::create(path).expect("writable"));
    let (mut written, mut line) = (0, String::new());
    while written < bytes {
        line.clear();
        for _ in 0..20 {
            let rank = 100_000_f64.powf(rng.random::<f64>());
            line += &format!("é{rank:.0} ");
        }
        line.push('\n');
        file.write_all(line.as_bytes()).expect("writable");
        written += line.len();
    }
    file.flush().expect("writable");
}

/// Returns a line of `/proc/self/status`, in MB.
fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1000
}

/// Opens a corpus and reads 1000 windows, and returns the peak of resident memory in MB, too.
///
/// Pages are counted that belong to no file (`RssAnon`). Those of a mapped store are the page cache's, which the kernel
/// takes back when it needs them.
fn open_and_read(files: &Files, units: Units) -> (Corpus, u64) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !is_done.load(Ordering::Relaxed) {
                peak = peak.max(memory("RssAnon:"));
                std::thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        let corpus = files.open(&files.split(units)).expect("a corpus");
        let streams = Streams::new(&corpus.train.tokens, 64, 35).expect("long enough");
        for start in (0..streams.steps() - 35).step_by(streams.steps() / 1000) {
            black_box(streams.window(start, 35));
        }
        is_done.store(true, Ordering::Relaxed);
        (corpus, watch.join().expect("a peak"))
    })
}

#[test]
#[ignore = "writes 1 GB of text and 3 GB of stores"]
fn a_text_of_a_gigabyte_takes_tens_of_megabytes() {
    let files = Files::new(&[""]);
    write_text(&files.paths[0], 1 << 30);
    for units in [Units::Characters, Units::Bytes, Units::Words] {
        let start = Instant::now();
        let (corpus, peak) = open_and_read(&files, units);
        let encoded = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let again = files.open(&files.split(units)).expect("a store");
        let found = start.elapsed().as_secs_f64();
        assert_eq!(again.fingerprint(), corpus.fingerprint());
        println!(
            "{units:?}: {corpus}; encoded in {encoded:.1} s, found again in {found:.1} s; peak \
             RssAnon {peak} MB, VmHWM {} MB",
            memory("VmHWM:")
        );
        assert!(peak < 100, "{units:?}: {peak} MB");
    }
}
