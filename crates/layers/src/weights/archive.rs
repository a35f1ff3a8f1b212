use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bptt_tensor::{Scalar, Shape, Tensor};

use super::{WeightsError, WeightsProblem, file, join};
use crate::Module;

/// Named tensors and texts: what a weight file holds.
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
/// Tensors share their buffers, so an archive and its groups copy none.
#[derive(Clone, Debug)]
pub struct Archive<T: Scalar> {
    tensors: BTreeMap<String, Tensor<T>>,
    texts: BTreeMap<String, String>,
    /// Where the contents come from, for messages.
    file: Option<PathBuf>,
    group: String,
}

impl<T: Scalar> Archive<T> {
    /// An archive without contents.
    #[must_use]
    pub fn new() -> Self {
        Self { tensors: BTreeMap::new(), texts: BTreeMap::new(), file: None, group: String::new() }
    }

    /// The parameters of a model by their names.
    ///
    /// # Panics
    ///
    /// If two have the same name, which only a [`Module`] written by hand can give them.
    #[track_caller]
    #[must_use]
    pub fn of(model: &dyn Module<T>) -> Self {
        let mut archive = Self::new();
        for (name, parameter) in model.parameters() {
            let other = archive.tensors.insert(name.clone(), parameter.value().clone());
            assert!(
                other.is_none(),
                "the model has two parameters named `{name}`; name them apart"
            );
        }
        archive
    }

    /// Puts in a tensor, in place of any of that name.
    ///
    /// # Panics
    ///
    /// If the name is `__metadata__`, which the file format has taken.
    #[track_caller]
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor<T>) {
        let name = name.into();
        assert!(
            name != "__metadata__",
            "a tensor cannot be named `{name}`, a name that the format takes"
        );
        self.tensors.insert(name, tensor);
    }

    /// Puts in a text, such as a number or a setting, in place of any of that name.
    #[expect(clippy::needless_pass_by_value, reason = "`set_text(\"steps\", 1)` reads best")]
    pub fn set_text(&mut self, name: &str, text: impl ToString) {
        self.texts.insert(name.to_owned(), text.to_string());
    }

    /// Puts in all that `part` holds, its names prefixed by `group` and a dot.
    pub fn insert_group(&mut self, group: &str, part: &Self) {
        for (name, tensor) in &part.tensors {
            self.tensors.insert(join(group, name), tensor.clone());
        }
        for (name, text) in &part.texts {
            self.texts.insert(join(group, name), text.clone());
        }
    }

    /// What [`insert_group`](Self::insert_group) put in; empty if nothing was.
    #[must_use]
    pub fn group(&self, group: &str) -> Self {
        let part = self.renamed(|name| {
            let rest = name.strip_prefix(group)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
        });
        Self { group: join(&self.group, group), ..part }
    }

    /// The part whose names are `picked`.
    pub(crate) fn filtered(&self, picked: impl Fn(&str) -> bool) -> Self {
        self.renamed(|name| picked(name).then_some(name))
    }

    /// The part that has a new name.
    fn renamed(&self, rename: impl Fn(&str) -> Option<&str>) -> Self {
        Self {
            tensors: (self.tensors.iter())
                .filter_map(|(name, tensor)| Some((rename(name)?.to_owned(), tensor.clone())))
                .collect(),
            texts: (self.texts.iter())
                .filter_map(|(name, text)| Some((rename(name)?.to_owned(), text.clone())))
                .collect(),
            file: self.file.clone(),
            group: self.group.clone(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tensors.is_empty() && self.texts.is_empty()
    }

    /// The names of the tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor by its name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor<T>, WeightsError> {
        let missing = || self.error(WeightsProblem::MissingTensor { tensor: name.to_owned() });
        self.tensors.get(name).ok_or_else(missing)
    }

    /// A tensor by its name, if it has this shape.
    ///
    /// # Errors
    ///
    /// If there is none, or it has another.
    pub fn shaped(&self, name: &str, shape: &Shape) -> Result<&Tensor<T>, WeightsError> {
        let tensor = self.tensor(name)?;
        if tensor.shape() == shape {
            return Ok(tensor);
        }
        Err(self.error(WeightsProblem::WrongShape {
            tensor: name.to_owned(),
            found: tensor.shape().clone(),
            expected: shape.clone(),
        }))
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
        let missing = || self.error(WeightsProblem::MissingText { text: name.to_owned() });
        self.texts.get(name).map(String::as_str).ok_or_else(missing)
    }

    /// A number, or whatever else can be read from a text, by its name.
    ///
    /// # Errors
    ///
    /// If there is no such text, or it does not read as a `V`.
    pub fn parse<V: FromStr>(&self, name: &str) -> Result<V, WeightsError> {
        self.parse_if(name, |_| true)
    }

    /// Like [`parse`](Self::parse), and an error also if the value makes no sense.
    pub(crate) fn parse_if<V: FromStr>(
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

    /// Gives a model's parameters the values of their names.
    ///
    /// # Errors
    ///
    /// If the archive's tensors are not exactly the model's parameters, in name and shape. The
    /// model then stays as it was.
    pub fn assign_to(&self, model: &mut dyn Module<T>) -> Result<(), WeightsError> {
        let mut values = BTreeMap::new();
        for (name, parameter) in model.parameters() {
            let value = self.shaped(&name, parameter.shape())?.clone();
            values.insert(name, value);
        }
        self.expect_tensors(|name| values.contains_key(name))?;
        model.visit_mut(&mut crate::ParameterPath::default(), &mut |name, parameter| {
            parameter.set(values[name].clone());
        });
        Ok(())
    }

    /// Writes the archive to a file.
    ///
    /// The file is written as `<path>.<16 random digits>.tmp`, and takes its place once it is safely stored.
    /// An existing file is replaced in one instant. Any number of threads, processes and hosts may save to one path
    /// at the same time: the file of the last one stays. What a killed one leaves behind is removed by the next that
    /// saves to this path.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or cannot take its place: an existing one then stays as it
    /// was, and nothing is left beside it. Also if the folder cannot be stored after that: the new
    /// file then stands there complete, but a power failure may bring the old one back.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        let path = path.as_ref();
        file::write(path, &self.tensors, &self.texts)
            .map_err(|error| WeightsError::new(path, WeightsProblem::Write(error)))
    }

    /// Reads an archive from a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a complete safetensors file, or holds a tensor of
    /// another type than `T`, or `f32` where `T` is `f64`.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        let (tensors, texts) =
            file::read(path).map_err(|problem| WeightsError::new(path, problem))?;
        Ok(Self { tensors, texts, file: Some(path.to_owned()), group: String::new() })
    }

    /// Refuses tensors with other names than `known` ones.
    pub(crate) fn expect_tensors(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        match self.tensors.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                Err(self.error(WeightsProblem::UnexpectedTensor { tensor: name.clone() }))
            }
        }
    }

    /// Refuses texts with other names than `known` ones.
    pub(crate) fn expect_texts(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        match self.texts.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(self.error(WeightsProblem::UnexpectedText { text: name.clone() })),
        }
    }

    /// What is wrong with these contents, as an error that says where they come from.
    fn error(&self, problem: WeightsProblem) -> WeightsError {
        let (file, group) = (self.file.clone(), self.group.clone());
        WeightsError { file, group, problem: Box::new(problem) }
    }
}

impl<T: Scalar> Default for Archive<T> {
    fn default() -> Self {
        Self::new()
    }
}
