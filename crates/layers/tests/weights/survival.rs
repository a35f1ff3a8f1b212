//! Files appear complete or not at all, and nothing is left beside them.

use std::fs::{self, File};
use std::io;
use std::thread;

use bptt_autodiff::Param;
use bptt_layers::weights::{self, Archive, WeightsProblem};
use bptt_tensor::Tensor;

use crate::{Place, model, place, values};

#[test]
fn saving_replaces_a_file() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    weights::save(&model::<f64>(5.0), &place.path).unwrap();
    let mut loaded = model::<f64>(100.0);
    weights::load(&mut loaded, &place.path).unwrap();
    assert_eq!(values(&loaded), values(&model::<f64>(5.0)));
}

#[test]
fn unfinished_files_of_a_killed_program_are_removed() {
    let place = place();
    fs::write(place.beside(), [7; 10_000]).unwrap();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert_eq!(place.files(), ["model.safetensors"]);
}

#[test]
fn a_file_that_another_program_writes_stays() {
    let place = place();
    let file = File::create(place.beside()).unwrap();
    file.lock().unwrap();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert!(place.beside().exists());
    drop(file);
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert_eq!(place.files(), ["model.safetensors"]);
}

/// Only files with the name of an unfinished version of this file are removed.
#[test]
fn other_files_in_the_folder_stay() {
    let place = place();
    let others = [
        "model.safetensors.0123456789abcde.tmp",
        "model.safetensors.0123456789abcdeg.tmp",
        "model.safetensors.tmp",
        "model2.safetensors.0123456789abcdef.tmp",
        "odel.safetensors.0123456789abcdef.tmp",
    ];
    others.iter().for_each(|name| fs::write(place.folder.path().join(name), "").unwrap());
    fs::create_dir(place.beside()).unwrap();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert_eq!(place.files().len(), others.len() + 2);
}

/// No writer removes a file that another is writing.
#[test]
fn many_save_to_one_path_at_once() {
    let place = place();
    thread::scope(|scope| {
        for writer in 0..8 {
            let path = &place.path;
            scope.spawn(move || {
                for save in 0..25 {
                    weights::save(&model::<f64>(f64::from(100 * writer + save)), path).unwrap();
                    weights::load(&mut model::<f64>(0.0), path).unwrap();
                }
            });
        }
    });
    assert_eq!(place.files(), ["model.safetensors"]);
}

/// Saves over an existing file, which must fail and leave it.
#[track_caller]
fn assert_survives(place: &Place) {
    let before = fs::read(&place.path).unwrap();
    let error = weights::save(&model::<f64>(5.0), &place.path).unwrap_err();
    assert!(matches!(*error.problem, WeightsProblem::Write(_)), "{error}");
    assert!(error.to_string().contains("cannot be written"), "{error}");
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_file_survives_when_no_other_can_be_made() {
    let mut place = place();
    let name = "w".repeat(250); // with anything behind it, too long a name
    place.path = place.folder.path().join(name);
    fs::write(&place.path, "precious").unwrap();
    assert_survives(&place);
}

/// A shell limits the size of files, so that writing fails as on a full disk. It runs this test a second time.
#[cfg(unix)]
#[test]
fn a_file_survives_a_full_disk() {
    const PATH: &str = "BPTT_TEST_FULL_DISK";
    if let Some(path) = std::env::var_os(PATH) {
        let archive = Archive::of(&Param::new(Tensor::<f64>::zeros([100_000])));
        let error = archive.save(path).unwrap_err();
        assert!(matches!(*error.problem, WeightsProblem::Write(_)), "{error}");
        return;
    }
    let place = place();
    fs::write(&place.path, "precious").unwrap();
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limited]).arg(std::env::current_exe().unwrap());
    shell.args(["--exact", "a_file_survives_a_full_disk"]).env(PATH, &place.path);
    let run = shell.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    assert_eq!(fs::read(&place.path).unwrap(), b"precious");
    assert_eq!(place.files(), ["model.safetensors"], "the unfinished file is removed");
}

#[test]
fn a_folder_is_not_replaced() {
    let place = place();
    fs::create_dir(&place.path).unwrap();
    fs::write(place.path.join("precious"), "").unwrap();
    let error = weights::save(&model::<f64>(0.0), &place.path).unwrap_err();
    assert!(matches!(*error.problem, WeightsProblem::Write(_)), "{error}");
    assert!(place.path.join("precious").exists());
    assert_eq!(place.files(), ["model.safetensors"], "the unfinished file is removed");
}

#[test]
fn saving_into_a_missing_folder_is_reported() {
    let mut place = place();
    place.path = place.folder.path().join("missing/model.safetensors");
    let error = weights::save(&model::<f64>(0.0), &place.path).unwrap_err();
    assert!(
        matches!(&*error.problem, WeightsProblem::Write(e) if e.kind() == io::ErrorKind::NotFound)
    );
}
