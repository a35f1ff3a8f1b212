use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bptt_tensor::{HalfPrecision, Scalar, Shape, Tensor};

use super::error::{WeightsError, WeightsProblem};
use super::present::Present;
use super::stored::Stored;
use super::{file, header};
use crate::core::module::Module;
use crate::core::module::join;
use crate::core::random::{Generator, Xoshiro256PlusPlus};

/// The contents of a weight file: named tensors and texts.
///
/// A checkpoint is several groups in one archive, such as a model, its optimizer's state, the
/// carried states of the batch and some counters:
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::{Adam, Optimizer};
/// use bptt_layers::weights::{Archive, WeightsError};
/// use bptt_tensor::Tensor;
///
/// # fn main() -> Result<(), WeightsError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("checkpoint.safetensors");
/// let mut model = Param::new(Tensor::<f64>::ones([3]));
/// let mut optimizer = Adam::new(0.1);
/// # let tape = Tape::new();
/// # let gradients = tape.backward(tape.param(&model).sum_all());
/// optimizer.step(&mut model, &gradients);
///
/// let mut checkpoint = Archive::new();
/// checkpoint.insert_group("model", &Archive::of(&model));
/// checkpoint.insert_group("optimizer", &optimizer.state());
/// checkpoint.set_text("steps", 1);
/// checkpoint.save(&path)?;
///
/// let checkpoint = Archive::load(&path)?;
/// checkpoint.group("model").assign_to(&mut model)?;
/// optimizer.restore(&model, &checkpoint.group("optimizer"))?;
/// let steps: u64 = checkpoint.parse("steps")?;
/// assert_eq!(steps, 1);
/// # Ok(())
/// # }
/// ```
///
/// Tensors share their buffers, so an archive and its groups copy none. A file may hold tensors of any type. Tensors
/// that a `T` does not hold exactly, such as counters, keep their type when the archive is saved. Only
/// [reading](Self::tensor) one is an error.
#[derive(Clone, Debug)]
pub struct Archive<T: Scalar> {
    pub(super) tensors: BTreeMap<String, Stored<T>>,
    pub(super) texts: BTreeMap<String, String>,
    /// The origin of the contents, for messages.
    pub(super) file: Option<PathBuf>,
    pub(super) group: String,
    /// The groups of the whole archive, if this is a group that does not exist in it.
    pub(super) beside: Option<Present>,
}

impl<T: Scalar> Archive<T> {
    /// Creates an empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::of_contents(BTreeMap::new(), BTreeMap::new(), None)
    }

    fn of_contents(
        tensors: BTreeMap<String, Stored<T>>,
        texts: BTreeMap<String, String>,
        file: Option<PathBuf>,
    ) -> Self {
        Self { tensors, texts, file, group: String::new(), beside: None }
    }

    /// Creates an archive of a model's parameters, by their names.
    ///
    /// # Panics
    ///
    /// If two have the same name, which only a [`Module`] written by hand can give them.
    #[track_caller]
    #[must_use]
    pub fn of(model: &dyn Module<T>) -> Self {
        let mut archive = Self::new();
        for (name, parameter) in model.parameters() {
            assert!(
                !archive.tensors.contains_key(&name),
                "the model has two parameters named `{name}`; name them apart"
            );
            archive.insert(name, parameter.value().clone());
        }
        archive
    }

    /// Inserts a tensor, and replaces any tensor of that name.
    ///
    /// # Panics
    ///
    /// If the name is `__metadata__`, which the file format reserves.
    #[track_caller]
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor<T>) {
        self.put(name.into(), Stored::new(tensor));
    }

    /// Inserts a tensor of double precision, whatever `T` is. [`shaped_f64`](Self::shaped_f64) returns it to the bit.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    #[track_caller]
    pub fn insert_f64(&mut self, name: impl Into<String>, tensor: &Tensor<f64>) {
        self.put(name.into(), Stored::of_f64(tensor));
    }

    #[track_caller]
    fn put(&mut self, name: String, tensor: Stored<T>) {
        assert!(
            name != header::TEXTS,
            "a tensor cannot be named `{name}`, a name that the format takes"
        );
        self.tensors.insert(name, tensor);
        self.beside = None;
    }

    /// Inserts a text, such as a number or a setting, and replaces any text of that name.
    ///
    /// # Panics
    ///
    /// If the name is `bptt.crc32`, which is reserved for the checksum.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "`set_text(\"steps\", 1)` reads best")]
    pub fn set_text(&mut self, name: &str, text: impl ToString) {
        assert!(
            name != file::CHECKSUM,
            "a text cannot be named `{name}`: the checksum has this name"
        );
        self.texts.insert(name.to_owned(), text.to_string());
    }

    /// Inserts the contents of `part`, with names prefixed by `group` and a dot.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert) and [`set_text`](Self::set_text).
    #[track_caller]
    pub fn insert_group(&mut self, group: &str, part: &Self) {
        for (name, tensor) in &part.tensors {
            self.put(join(group, name), tensor.clone());
        }
        for (name, text) in &part.texts {
            self.set_text(&join(group, name), text);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tensors.is_empty() && self.texts.is_empty()
    }

    /// The names of the tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The names of the texts, sorted.
    pub fn text_names(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// A tensor by its name.
    ///
    /// # Errors
    ///
    /// If there is no tensor of this name, or if a `T` does not hold its elements exactly.
    pub fn tensor(&self, name: &str) -> Result<&Tensor<T>, WeightsError> {
        self.stored(name)?.tensor(name).map_err(|problem| self.error(problem))
    }

    /// A tensor by its name, which must have this shape.
    ///
    /// # Errors
    ///
    /// As [`tensor`](Self::tensor), or if it has another shape.
    pub fn shaped(&self, name: &str, shape: &Shape) -> Result<&Tensor<T>, WeightsError> {
        let tensor = self.tensor(name)?;
        self.expect_shape(name, tensor.shape(), shape)?;
        Ok(tensor)
    }

    /// A tensor in double precision by its name, which must have this shape.
    ///
    /// # Errors
    ///
    /// If there is no tensor of this name, an `f64` does not hold its elements exactly, or it has another shape.
    pub fn shaped_f64(&self, name: &str, shape: &Shape) -> Result<Tensor<f64>, WeightsError> {
        let tensor = self.stored(name)?.in_f64(name).map_err(|problem| self.error(problem))?;
        self.expect_shape(name, tensor.shape(), shape)?;
        Ok(tensor)
    }

    fn expect_shape(
        &self,
        name: &str,
        found: &Shape,
        expected: &Shape,
    ) -> Result<(), WeightsError> {
        if found == expected {
            return Ok(());
        }
        let (tensor, found, expected) = (name.to_owned(), found.clone(), expected.clone());
        Err(self.error(WeightsProblem::WrongShape { tensor, found, expected }))
    }

    /// Whether there is a tensor of this name, of any type.
    #[must_use]
    pub fn has_tensor(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn stored(&self, name: &str) -> Result<&Stored<T>, WeightsError> {
        self.tensors.get(name).ok_or_else(|| {
            if let Some(present) = self.beside.clone() {
                let (file, group) = (self.file.clone(), self.group.clone());
                let problem = Box::new(WeightsProblem::MissingGroup { group, present });
                return WeightsError { file, group: String::new(), problem };
            }
            let present = Present::near(name, self.tensors.keys());
            self.error(WeightsProblem::MissingTensor { tensor: name.to_owned(), present })
        })
    }

    /// Whether there is a text of this name.
    #[must_use]
    pub fn has_text(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    /// A text by its name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn text(&self, name: &str) -> Result<&str, WeightsError> {
        self.texts.get(name).map(String::as_str).ok_or_else(|| {
            let present = Present::near(name, self.texts.keys());
            self.error(WeightsProblem::MissingText { text: name.to_owned(), present })
        })
    }

    /// The value of a text by its name, parsed as a number or another type.
    ///
    /// # Errors
    ///
    /// If there is no such text, or if it cannot be parsed as a `V`.
    pub fn parse<V: FromStr>(&self, name: &str) -> Result<V, WeightsError> {
        self.parse_if(name, |_| true)
    }

    /// Adds the state of a random generator, as a text.
    pub fn set_rng(&mut self, name: &str, rng: &Xoshiro256PlusPlus) {
        self.set_text(name, Generator(rng.clone()));
    }

    /// Returns a random generator in the state that [`set_rng`](Self::set_rng) added.
    ///
    /// # Errors
    ///
    /// If there is no such text, or it is not the state of a generator.
    pub fn rng(&self, name: &str) -> Result<Xoshiro256PlusPlus, WeightsError> {
        self.parse(name).map(|Generator(rng)| rng)
    }

    /// Like [`parse`](Self::parse), but also an error if `sensible` says that the value makes no sense.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and if `sensible` returns false.
    pub fn parse_if<V: FromStr>(
        &self,
        name: &str,
        sensible: impl Fn(&V) -> bool,
    ) -> Result<V, WeightsError> {
        let content = self.text(name)?;
        content.parse().ok().filter(sensible).ok_or_else(|| {
            let (text, content) = (name.to_owned(), content.to_owned());
            self.error(WeightsProblem::UnreadableText { text, content })
        })
    }

    /// Rounds all elements to the nearest number of half precision, and to the even one of two that are equally near.
    /// The archive is saved in this format. Infinities and NaN stay as they are.
    ///
    /// ```
    /// # use bptt_autodiff::Param;
    /// # use bptt_layers::weights::{self, Archive, HalfPrecision};
    /// # use bptt_tensor::Tensor;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("model.safetensors");
    /// let mut model = Param::new(Tensor::<f32>::full([3], 1.001));
    /// Archive::of(&model).rounded_to(HalfPrecision::Bf16)?.save(&path)?;
    /// weights::load(&mut model, &path)?;
    /// assert_eq!(model.value(), &Tensor::ones([3]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a finite element rounds to infinity.
    pub fn rounded_to(&self, precision: HalfPrecision) -> Result<Self, WeightsError> {
        let round = |(name, tensor): (&String, &Stored<T>)| {
            let rounded = tensor.rounded(precision, name);
            Ok((name.clone(), rounded.map_err(|problem| self.error(problem))?))
        };
        let tensors = self.tensors.iter().map(round).collect::<Result<_, _>>()?;
        Ok(Self { tensors, ..self.clone() })
    }

    /// Writes the archive to a file.
    ///
    /// The file is written as `<path>.<16 random digits>.tmp`, and renamed to `path` once it is safely stored. An
    /// existing file is replaced atomically. Any number of threads, processes and hosts may save to one path at the
    /// same time, and the last file stays. An unfinished file of a killed program is removed by the next save to this
    /// path.
    ///
    /// # Errors
    ///
    /// If the file cannot be written or renamed. An existing file then stays as it was, and no unfinished file is left.
    /// Also if the folder cannot be stored after that. The new file is then complete, but a power failure may bring the
    /// old one back. Also if a [group](Self::group) or a new name results in a name that the format reserves.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        let path = path.as_ref();
        if let Some(name) = self.reserved() {
            let problem = WeightsProblem::Duplicate { name: name.to_owned() };
            return Err(WeightsError::new(path, problem));
        }
        file::write(path, &self.tensors, &self.texts)
            .map_err(|error| WeightsError::new(path, WeightsProblem::Write(error)))
    }

    /// A name in this archive that the format reserves, if there is one. [`insert`](Self::insert) and
    /// [`set_text`](Self::set_text) refuse these.
    fn reserved(&self) -> Option<&'static str> {
        let tensor = self.tensors.contains_key(header::TEXTS).then_some(header::TEXTS);
        tensor.or_else(|| self.texts.contains_key(file::CHECKSUM).then_some(file::CHECKSUM))
    }

    /// Reads an archive from a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a complete safetensors file, has a name twice, or differs from what was
    /// written. A file of this library holds a checksum.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        let (tensors, texts) =
            file::read(path).map_err(|problem| WeightsError::new(path, problem))?;
        Ok(Self::of_contents(tensors, texts, Some(path.to_owned())))
    }

    /// Refuses tensors whose names are not `known`. Call it after all known tensors have been read.
    ///
    /// # Errors
    ///
    /// If there is such a tensor. The error has its name.
    pub fn expect_tensors(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        self.expect_matched(&self.unmatched(Vec::new(), known))
    }

    /// Refuses texts whose names are not `known`.
    ///
    /// # Errors
    ///
    /// If there is such a text. The error has its name.
    pub fn expect_texts(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        match self.texts.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(self.error(WeightsProblem::UnexpectedText { text: name.clone() })),
        }
    }

    /// An error with this problem and the origin of the contents.
    pub(super) fn error(&self, problem: WeightsProblem) -> WeightsError {
        let (file, group) = (self.file.clone(), self.group.clone());
        WeightsError { file, group, problem: Box::new(problem) }
    }
}

impl<T: Scalar> Default for Archive<T> {
    fn default() -> Self {
        Self::new()
    }
}
