//! Weight files: what goes in comes out, and nothing else is let in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate bptt_layers as bptt; // the derived code refers to the façade

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::thread;

use bptt_autodiff::Param;
use bptt_layers::weights::{self, Archive, WeightsError, WeightsProblem};
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tempfile::TempDir;

#[derive(Clone, Debug, Module)]
struct Layer<T: Scalar> {
    w: Param<T>,
    b: Param<T>,
}

#[derive(Clone, Debug, Module)]
struct Model<T: Scalar> {
    layers: Vec<Layer<T>>,
    scale: Param<T>,
}

/// A model with values that count from `first`.
fn model<T: Scalar>(first: f64) -> Model<T> {
    let mut next = first;
    let mut param = |shape: &[usize]| {
        Param::new(Tensor::from_fn(shape, |_| {
            next += 1.0;
            T::of(next / 7.0)
        }))
    };
    Model {
        layers: vec![
            Layer { w: param(&[2, 3]), b: param(&[3]) },
            Layer { w: param(&[3, 0]), b: param(&[0]) },
        ],
        scale: param(&[]),
    }
}

fn values<T: Scalar>(model: &Model<T>) -> Vec<(String, Vec<f64>)> {
    let values = |parameter: &Param<T>| parameter.value().to_vec();
    (model.parameters().into_iter())
        .map(|(name, p)| (name, values(p).into_iter().map(Scalar::as_f64).collect()))
        .collect()
}

struct Place {
    folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { path: folder.path().join("model.safetensors"), folder }
}

impl Place {
    /// The names of what stands in the folder.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Where a file may be written before it takes its place.
    fn beside(&self) -> PathBuf {
        self.path.with_extension("safetensors.0123456789abcdef.tmp")
    }

    /// Puts these bytes where the file is. Truncating it instead can wait for the disk.
    fn put(&self, bytes: &[u8]) {
        let _ = fs::remove_file(&self.path);
        fs::write(&self.path, bytes).unwrap();
    }

    /// Loads the file into a model, which must refuse it and stay as it was.
    #[track_caller]
    fn refused<T: Scalar>(&self, mut into: Model<T>) -> WeightsError {
        let before = values(&into);
        let error = weights::load(&mut into, &self.path).unwrap_err();
        assert_eq!(values(&into), before);
        assert_eq!(error.file.as_ref(), Some(&self.path));
        assert!(error.to_string().starts_with(self.path.to_str().unwrap()), "{error}");
        error
    }
}

#[test]
fn a_saved_model_loads() {
    fn saves_and_loads<T: Scalar>() {
        let place = place();
        let saved = model::<T>(0.0);
        weights::save(&saved, &place.path).unwrap();
        let mut loaded = model::<T>(100.0);
        weights::load(&mut loaded, &place.path).unwrap();
        assert_eq!(values(&loaded), values(&saved));
        assert_eq!(place.files(), ["model.safetensors"]);
    }
    saves_and_loads::<f32>();
    saves_and_loads::<f64>();
}

#[test]
fn a_boxed_model_saves_and_loads() {
    let place = place();
    let mut boxed: Box<dyn Module<f64>> = Box::new(model::<f64>(0.0));
    weights::save(&*boxed, &place.path).unwrap();
    weights::load(&mut *boxed, &place.path).unwrap();
}

#[test]
fn values_that_are_not_finite_are_kept() {
    let place = place();
    let saved = Param::new(Tensor::from_vec([3], vec![f32::NAN, f32::INFINITY, -0.0]));
    weights::save(&saved, &place.path).unwrap();
    let mut loaded = Param::new(Tensor::<f32>::zeros([3]));
    weights::load(&mut loaded, &place.path).unwrap();
    let bits =
        |p: &Param<f32>| p.value().to_vec().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&loaded), bits(&saved));
}

#[test]
fn other_programs_can_read_the_file() {
    let place = place();
    weights::save(&model::<f32>(0.0), &place.path).unwrap();
    let bytes = fs::read(&place.path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("layers.0.w").unwrap();
    assert_eq!((view.dtype(), view.shape()), (Dtype::F32, &[2, 3][..]));
    assert_eq!(view.data()[..4], (1.0_f32 / 7.0).to_le_bytes());
}

#[test]
fn tensors_are_aligned_in_the_file() {
    let place = place();
    for length in 0..8 {
        let mut archive = Archive::new();
        archive.insert("w".repeat(length), Tensor::scalar(1.0));
        archive.save(&place.path).unwrap();
        let bytes = fs::read(&place.path).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        assert_eq!(header % 8, 0, "a name of {length} bytes");
    }
}

#[test]
fn files_of_other_programs_can_be_read() {
    let place = place();
    write_foreign(&place, &[("layers.0.w", Dtype::F64, &[1], &2.5_f64.to_le_bytes())]);
    let archive = Archive::<f64>::load(&place.path).unwrap();
    assert_eq!(archive.tensor("layers.0.w").unwrap().to_vec(), [2.5]);
}

#[test]
fn double_precision_holds_single_precision() {
    let place = place();
    let saved = model::<f32>(0.0);
    weights::save(&saved, &place.path).unwrap();
    let mut loaded = model::<f64>(100.0);
    weights::load(&mut loaded, &place.path).unwrap();
    assert_eq!(values(&loaded), values(&saved));
}

#[test]
fn other_precisions_are_refused() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let error = place.refused(model::<f32>(100.0));
    let message = error.to_string();
    assert!(
        message.ends_with("has elements of type F64, which f32 does not hold exactly"),
        "{message}"
    );

    for dtype in [Dtype::BF16, Dtype::F16, Dtype::I64] {
        let bytes = vec![0; dtype.bitsize() / 8];
        write_foreign(&place, &[("scale", dtype, &[], &bytes)]);
        let problem = place.refused(model::<f64>(0.0)).problem;
        let WeightsProblem::WrongType { tensor, found, expected } = *problem else {
            panic!("{problem}")
        };
        assert_eq!((tensor.as_str(), found, expected), ("scale", dtype.to_string(), "f64"));
    }
}

#[test]
fn a_missing_file_is_reported() {
    let error = place().refused(model::<f64>(0.0));
    let WeightsProblem::Read(cause) = &*error.problem else { panic!("{error}") };
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().ends_with(&format!("cannot be read: {cause}")), "{error}");
    assert!(error.source().is_none() && error.problem.source().is_none(), "the cause comes twice");
}

#[test]
fn a_missing_tensor_is_reported() {
    let place = place();
    let mut small = model::<f64>(0.0);
    small.layers.pop();
    weights::save(&small, &place.path).unwrap();
    let problem = place.refused(model::<f64>(100.0)).problem;
    assert!(
        matches!(*problem, WeightsProblem::MissingTensor { ref tensor } if tensor == "layers.1.w")
    );
}

#[test]
fn an_unexpected_tensor_is_reported() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let mut small = model::<f64>(100.0);
    small.layers.pop();
    let problem = place.refused(small).problem;
    assert!(
        matches!(*problem, WeightsProblem::UnexpectedTensor { ref tensor } if tensor == "layers.1.b")
    );
}

#[test]
fn a_wrong_shape_is_reported() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let mut wide = model::<f64>(100.0);
    wide.layers[0].b = Param::new(Tensor::zeros([4]));
    let message = place.refused(wide).to_string();
    assert!(message.contains("tensor `layers.0.b` has shape [3], but [4] is needed"), "{message}");
}

#[test]
fn every_truncation_is_refused() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let whole = fs::read(&place.path).unwrap();
    for length in 0..whole.len() {
        place.put(&whole[..length]);
        let error = place.refused(model::<f64>(100.0));
        assert!(matches!(*error.problem, WeightsProblem::Malformed(_)), "{length} bytes: {error}");
    }
    place.put(&[&whole[..], &[0]].concat());
    assert!(matches!(*place.refused(model::<f64>(100.0)).problem, WeightsProblem::Malformed(_)));
}

#[test]
fn foreign_files_are_refused() {
    let place = place();
    let declared = |length: u64, rest: &str| [&length.to_le_bytes(), rest.as_bytes()].concat();
    let deep = "[".repeat(100_000);
    let files = [
        b"To be, or not to be, that is the question.".to_vec(),
        vec![0; 100],
        vec![255; 100],
        declared(2, "{}trailing"),
        declared(4, "null"),
        declared(100_000, &deep),
        declared(u64::MAX, "{}"),
        declared(1 << 40, "{}"),
        declared(
            66,
            r#"{"scale":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}        12345678"#,
        ),
        declared(
            96,
            &format!(
                "{:96}",
                r#"{"scale":{"dtype":"F64","shape":[4611686018427387904,8],"data_offsets":[0,0]}}"#
            ),
        ),
    ];
    for bytes in files {
        place.put(&bytes);
        let error = place.refused(model::<f64>(0.0));
        assert!(matches!(*error.problem, WeightsProblem::Malformed(_)), "{error}");
    }
}

/// Whatever a file has become, loading it ends in an error or in values of the right shapes.
#[test]
fn no_flipped_bit_makes_a_panic() {
    let place = place();
    let mut archive = Archive::of(&model::<f64>(0.0));
    archive.set_text("steps", 12);
    archive.save(&place.path).unwrap();
    let whole = fs::read(&place.path).unwrap();
    let mut refused = 0;
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        place.put(&bytes);
        let mut into = model::<f64>(100.0);
        refused += usize::from(weights::load(&mut into, &place.path).is_err());
        let shapes: Vec<_> = into.parameters().iter().map(|(_, p)| p.shape().len()).collect();
        assert_eq!(shapes, [2, 1, 2, 1, 0]);
    }
    assert!(refused > 8 * 100, "only {refused} flipped bits of the header are noticed");
}

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
fn what_a_killed_program_left_behind_is_removed() {
    let place = place();
    fs::write(place.beside(), [7; 10_000]).unwrap();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert_eq!(place.files(), ["model.safetensors"]);
}

#[test]
fn what_another_program_is_writing_stays() {
    let place = place();
    let file = File::create(place.beside()).unwrap();
    file.lock().unwrap();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert!(place.beside().exists());
    drop(file);
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    assert_eq!(place.files(), ["model.safetensors"]);
}

/// Only files that bear such a name, of this file, are taken for unfinished ones.
#[test]
fn what_else_stands_beside_stays() {
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

/// None removes what another is writing.
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

/// The limit of a shell, beyond which writing fails like on a full disk, is that of this test run once more.
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

#[test]
fn groups_and_texts_share_a_file() {
    let place = place();
    let model = model::<f64>(0.0);
    let mut archive = Archive::new();
    archive.insert_group("model", &Archive::of(&model));
    archive.insert_group("modesty", &Archive::of(&Param::new(Tensor::scalar(1.0))));
    archive.insert("carried.0", Tensor::ones([2, 2]));
    archive.set_text("steps", u64::MAX);
    archive.set_text("alphabet", "aä\n\t\"\\\u{0}\u{1f}\u{7f}🦀\u{2028}");
    archive.save(&place.path).unwrap();

    let loaded = Archive::<f64>::load(&place.path).unwrap();
    assert!(loaded.names().eq(archive.names()));
    assert_eq!(loaded.parse::<u64>("steps").unwrap(), u64::MAX);
    assert_eq!(loaded.text("alphabet").unwrap(), archive.text("alphabet").unwrap());
    assert_eq!(loaded.group("carried").tensor("0").unwrap(), &Tensor::ones([2, 2]));
    assert_eq!(loaded.group("modesty").tensor("").unwrap().item(), 1.0);
    let mut into = self::model::<f64>(9.0);
    loaded.group("model").assign_to(&mut into).unwrap();
    assert_eq!(values(&into), values(&model));
    assert_eq!(loaded.group("mode").names().count(), 0);
}

#[test]
fn what_an_archive_lacks_is_reported_with_file_and_group() {
    let place = place();
    let mut archive = Archive::<f64>::new();
    archive.set_text("run.steps", "-3");
    archive.save(&place.path).unwrap();
    let group = Archive::<f64>::load(&place.path).unwrap().group("run");
    let file = place.path.display();
    assert_eq!(
        group.parse::<u64>("steps").unwrap_err().to_string(),
        format!("{file}: group `run`: text `steps` cannot be understood: `-3`")
    );
    assert!(
        matches!(*group.text("seed").unwrap_err().problem, WeightsProblem::MissingText { ref text } if text == "seed")
    );
    let error = group.tensor("w").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{file}: group `run`: has no tensor `w`")), "{error}");
    assert!(archive.tensor("w").unwrap_err().to_string().starts_with("weights: has no tensor"));
}

#[test]
fn the_same_contents_make_the_same_bytes() {
    let place = place();
    let bytes = |first: usize| {
        let mut archive = Archive::of(&model::<f64>(0.0));
        for i in 0..20 {
            archive.set_text(&format!("text {}", (first + i) % 20), "");
        }
        archive.save(&place.path).unwrap();
        fs::read(&place.path).unwrap()
    };
    assert_eq!(bytes(0), bytes(7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))] // each waits for the disk twice

    #[test]
    fn any_names_and_texts_come_back(name in ".*", text in ".*") {
        let place = place();
        let mut archive = Archive::<f64>::new();
        archive.insert(name.clone(), Tensor::scalar(1.5));
        archive.set_text(&name, &text);
        archive.save(&place.path).unwrap();
        let loaded = Archive::<f64>::load(&place.path).unwrap();
        prop_assert_eq!(loaded.tensor(&name).unwrap().item(), 1.5);
        prop_assert_eq!(loaded.text(&name).unwrap(), text);
    }
}

/// A safetensors file of another program, with tensors of any type.
fn write_foreign(place: &Place, tensors: &[(&str, Dtype, &[usize], &[u8])]) {
    let views = tensors.iter().map(|&(name, dtype, shape, data)| {
        (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
    });
    place.put(&safetensors::serialize(views, None).unwrap());
}

#[test]
#[should_panic(expected = "two parameters named `w`")]
fn parameters_of_one_name_are_refused() {
    struct Twins([Param<f64>; 2]);

    impl Module<f64> for Twins {
        fn visit<'a>(
            &'a self,
            _: &mut ParameterPath,
            visitor: &mut dyn FnMut(&str, &'a Param<f64>),
        ) {
            self.0.iter().for_each(|parameter| visitor("w", parameter));
        }

        fn visit_mut<'a>(
            &'a mut self,
            _: &mut ParameterPath,
            visitor: &mut dyn FnMut(&str, &'a mut Param<f64>),
        ) {
            self.0.iter_mut().for_each(|parameter| visitor("w", parameter));
        }
    }

    let _ = Archive::of(&Twins([1.0, 2.0].map(|value| Param::new(Tensor::scalar(value)))));
}

#[test]
#[should_panic(expected = "cannot be named `__metadata__`")]
fn the_formats_own_name_is_refused() {
    Archive::<f64>::new().insert("__metadata__", Tensor::scalar(1.0));
}
