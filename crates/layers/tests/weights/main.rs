//! Weight files: saved contents load unchanged, and all else is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate bptt_layers as bptt; // the derived code refers to the façade

mod build;
mod damage;
mod groups;
mod misfits;
mod precision;
mod survival;

use std::fs;
use std::path::PathBuf;

use bptt_autodiff::Param;
use bptt_layers::weights::{self, Archive, WeightsError};
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

pub(crate) struct Place {
    folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { path: folder.path().join("model.safetensors"), folder }
}

impl Place {
    /// Returns the names of the files in the folder.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns a path at which a file may be written before it is renamed.
    fn beside(&self) -> PathBuf {
        self.path.with_extension("safetensors.0123456789abcdef.tmp")
    }

    /// Replaces the file by these bytes. Truncating it instead can wait for the disk.
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

/// A safetensors file of another program, with tensors of any type.
fn write_foreign(place: &Place, tensors: &[(&str, Dtype, &[usize], &[u8])]) {
    let views = tensors.iter().map(|&(name, dtype, shape, data)| {
        (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
    });
    place.put(&safetensors::serialize(views, None).unwrap());
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

#[test]
#[should_panic(expected = "the model has two parameters named `w`; name them apart")]
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
#[should_panic(expected = "a tensor cannot be named `__metadata__`, a name that the format takes")]
fn the_formats_own_name_is_refused() {
    Archive::<f64>::new().insert("__metadata__", Tensor::scalar(1.0));
}

#[test]
#[should_panic(expected = "a text cannot be named `bptt.crc32`: the checksum has this name")]
fn the_checksums_name_is_refused() {
    Archive::<f64>::new().set_text("bptt.crc32", 1);
}
