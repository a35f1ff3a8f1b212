//! Groups of an archive by any name or pattern.
#![no_main]

use bptt::weights::Archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<String>, String)| {
    let (mut names, pattern) = input;
    names.retain(|name| name != "bptt.crc32"); // reserved: the checksum
    names.sort();
    names.dedup();
    let mut archive = Archive::<f32>::new();
    for name in &names {
        archive.set_text(name, "text");
    }
    let group = archive.group(&pattern);
    for name in group.text_names() {
        assert!(names.iter().any(|whole| whole.starts_with(&pattern) && whole.ends_with(name)));
    }
    if let Ok(matching) = archive.group_matching(&pattern) {
        assert_ne!(matching.text_names().count(), 0);
        if !pattern.contains('*') {
            assert!(matching.text_names().eq(group.text_names()));
        }
    }
});
