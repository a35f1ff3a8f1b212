//! A file system that is really full.

use crate::support::{Place, told};

/// The run goes on after there is room again, with what was saved before. It takes the right to mount a file system.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_what_was_saved() {
    let place = Place::new();
    let disk = place.path("disk");
    std::fs::create_dir(&disk).expect("a new folder");
    // The disk ends with the shell.
    let script = "mount -t tmpfs -o size=1m none \"$DISK\" 2> /dev/null || exit 77
        \"$@\" --minutes 0.005 || exit 78
        set -- \"$1\" train --resume --threads 1 --out \"$DISK/run\"
        dd if=/dev/zero of=\"$DISK/rest\" 2> /dev/null
        cp \"$DISK\"/run/model.*safetensors \"$DISK/..\" || exit 79
        for start in 1 2; do
            \"$@\" && exit 80
            for file in \"$DISK\"/run/model.*safetensors; do
                cmp \"$file\" \"$DISK/../${file##*/}\" || exit 81
            done
        done
        rm \"$DISK/rest\"
        \"$@\" --minutes 0.005 || exit 82";
    let arguments = place.arguments("disk/run", 1_000_000);
    let output = crate::support::shell(script, &arguments, true).env("DISK", &disk).output();
    let Ok(output) = output else { return eprintln!("not tested: there is no `unshare`") };
    let told = told(&output);
    match output.status.code() {
        Some(77) => eprintln!("not tested: no file system can be mounted"),
        Some(1) if told.contains("unshare") => eprintln!("not tested: {told}"),
        Some(0) => {
            assert_eq!(told.matches("error: ").count(), 2, "{told}");
            assert_eq!(told.matches("No space left on device").count(), 2, "{told}");
        }
        code => panic!("{code:?}: {told}"),
    }
}
