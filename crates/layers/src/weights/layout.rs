//! Layouts of a model's parameters in other frameworks.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use bptt_autodiff::ParamId;
use bptt_tensor::{Scalar, Shape, Tensor};

use super::archive::Archive;
use super::error::WeightsError;
use super::matching::Unmatched;
use super::part::{Part, Piece};
use super::spelling::Spelling;
use crate::core::module::Module;

/// The tensors in which another framework holds a module's parameters. Each has a name, and consists of parameters.
///
/// One layout serves both directions. A tensor consists of [`Part`]s: parameters, or rows or columns of them, beside or
/// above one another. Its rank and the order of its axes are arbitrary. A parameter that occurs in several tensors is
/// loaded as their sum: PyTorch adds two biases where bptt has one. It is saved into the first of them, and the others
/// are zero.
///
/// ```standalone_crate
/// use bptt_autodiff::Param;
/// use bptt_layers::Module;
/// use bptt_layers::weights::{Layout, pytorch, pytorch::PyTorch};
/// use bptt_tensor::{Scalar, Tensor};
///
/// # extern crate bptt_layers as bptt;
/// /// `x W ⊙ (x V)`, whose weights are one tensor `[2O, I]` in PyTorch.
/// #[derive(Module)]
/// struct Bilinear<T> {
///     w: Param<T>, // [I, O]
///     v: Param<T>, // [I, O]
/// }
///
/// impl<T: Scalar> PyTorch<T> for Bilinear<T> {
///     fn in_pytorch(&self) -> Layout<'_, T> {
///         Layout::new().transposed("weight", [&self.w, &self.v])
///     }
/// }
///
/// let param = |value| Param::new(Tensor::<f32>::full([3, 2], value));
/// let archive = pytorch::archive(&Bilinear { w: param(1.0), v: param(2.0) });
/// assert_eq!(archive.tensor("weight")?.shape(), &[4, 3]);
/// # Ok::<(), bptt_layers::weights::WeightsError>(())
/// ```
///
/// In TensorFlow 1 the kernel of an LSTM is `[I + H, 4H]`: the weights of the input stand above those of the state.
/// The order of the gates is `i`, candidate, `f`, `o`:
///
/// ```
/// # use bptt_layers::Lstm;
/// # use bptt_layers::weights::{Layout, Part};
/// fn in_tensorflow_1(lstm: &Lstm<f32>) -> Layout<'_, f32> {
///     let hidden_size = lstm.w_hh.shape()[0];
///     let gates = [0, 2, 1, 3].map(|gate| gate * hidden_size..(gate + 1) * hidden_size);
///     let rows = [&lstm.w_ih, &lstm.w_hh]
///         .map(|weight| Part::beside(gates.clone().map(|gate| Part::columns(weight, gate))));
///     let b = lstm.b.iter().flat_map(|b| gates.clone().map(|gate| Part::columns(b, gate)));
///     Layout::new().stacked("kernel", rows).tensor("bias", b)
/// }
/// # let lstm = Lstm::new(&mut bptt_layers::rng(0), 3, 4);
/// # let _ = in_tensorflow_1(&lstm);
/// ```
///
/// (TensorFlow 1 adds 1 to the bias of `f` in each step, and this 1 is in no file. Add it to the loaded bias.)
///
/// # Panics
///
/// Methods that add a tensor panic at the caller's line if the shapes of the parts do not fit. The message names the
/// tensor.
#[derive(Clone, Debug)]
#[must_use]
pub struct Layout<'m, T> {
    tensors: Vec<Foreign<'m, T>>,
    settings: Vec<Setting>,
    /// Names of tensors that the module does not use, in the same form as the name of a tensor.
    ignored: Vec<Vec<String>>,
}

/// A tensor of the other framework.
#[derive(Clone, Debug)]
struct Foreign<'m, T> {
    /// Its own name, followed by the names of its groups, innermost first.
    path: Vec<String>,
    part: Part<'m, T>,
    shape: Shape,
}

/// A setting that the other framework computes with, in addition to tensors.
#[derive(Clone, Debug)]
struct Setting {
    /// The setting's name, in the same form as the name of a tensor.
    path: Vec<String>,
    value: String,
}

impl<'m, T: Scalar> Layout<'m, T> {
    /// Creates a layout without tensors.
    pub fn new() -> Self {
        Self { tensors: Vec::new(), settings: Vec::new(), ignored: Vec::new() }
    }

    /// Adds a tensor that concatenates these parts along the last axis. Without parts it adds nothing, so `&self.b` may
    /// be an [`Option`].
    #[track_caller]
    pub fn tensor<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, |parts| Part::beside(parts))
    }

    /// Adds a tensor that concatenates these parts along the first axis.
    #[track_caller]
    pub fn stacked<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, |parts| Part::stacked(parts))
    }

    /// Adds the tensor of [`tensor`](Self::tensor) with its axes in reverse order. For a matrix, this is the
    /// transpose.
    #[track_caller]
    pub fn transposed<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, |parts| Part::beside(parts).transposed())
    }

    /// Adds the tensor of [`tensor`](Self::tensor) with its axes in another order: axis `i` there is axis `order[i]`
    /// here.
    #[track_caller]
    pub fn permuted<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        order: &[usize],
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, |parts| Part::beside(parts).permuted(order))
    }

    /// Adds the vector of [`tensor`](Self::tensor), cut into rows of the same size.
    #[track_caller]
    pub fn rows<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        rows: usize,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, |parts| Part::beside(parts).cut(rows))
    }

    /// Adds a setting that changes what the model computes, such as an activation. It is saved as a text. A file with
    /// another text of this name is refused. A file without this text is accepted.
    #[expect(clippy::needless_pass_by_value, reason = "`setting(\"epsilon\", 1e-3)` reads best")]
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push(Setting { path: vec![name.to_owned()], value: value.to_string() });
        self
    }

    /// Adds the name of a tensor that a file may hold and that the module does not use, such as a counter. It is
    /// neither loaded nor saved.
    pub fn ignored(mut self, name: &str) -> Self {
        self.ignored.push(vec![name.to_owned()]);
        self
    }

    /// Adds the tensors and settings of a part of the module, with their names within this group.
    pub fn group(self, group: &str, mut part: Self) -> Self {
        part.tensors.iter_mut().for_each(|tensor| tensor.path.push(group.to_owned()));
        part.settings.iter_mut().for_each(|setting| setting.path.push(group.to_owned()));
        part.ignored.iter_mut().for_each(|path| path.push(group.to_owned()));
        self.and(part)
    }

    /// Adds the tensors and settings of another layout.
    pub fn and(mut self, other: Self) -> Self {
        self.tensors.extend(other.tensors);
        self.settings.extend(other.settings);
        self.ignored.extend(other.ignored);
        self
    }

    #[track_caller]
    fn with<P: Into<Part<'m, T>>>(
        mut self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
        put_together: impl FnOnce(Vec<Part<'m, T>>) -> Part<'m, T>,
    ) -> Self {
        let parts: Vec<_> = parts.into_iter().map(Into::into).collect();
        if parts.is_empty() {
            return self;
        }
        let part = put_together(parts);
        let shape = match part.shape() {
            Ok(shape) => shape.clone(),
            Err(error) => panic!("the layout of tensor `{name}`: {error}"),
        };
        self.tensors.push(Foreign { path: vec![name.to_owned()], part, shape });
        self
    }

    /// The parameters by the model's own names, from the tensors of the other framework, and the names that did not
    /// match. A parameter with a missing tensor is not among them.
    #[track_caller]
    pub(super) fn read(
        &self,
        model: &dyn Module<T>,
        archive: &Archive<T>,
        spelling: &Spelling,
    ) -> Result<(Archive<T>, Unmatched), WeightsError> {
        let stored: HashMap<_, _> =
            archive.names().map(|name| ((spelling.essence)(name), name)).collect();
        let mut used = HashSet::new();
        let mut missing = Vec::new();
        let mut incomplete = HashSet::new();
        let mut values = HashMap::new();
        for (name, tensor) in self.named(model, spelling) {
            if let Some(&name) = stored.get(&(spelling.essence)(&name)) {
                tensor.add_to(&mut values, archive.shaped(name, &tensor.shape)?);
                used.insert(name);
            } else {
                incomplete.extend(tensor.part.pieces().iter().map(|piece| piece.param.id()));
                missing.push(name);
            }
        }
        for setting in &self.settings {
            archive.expect_setting(&spelling.path(&setting.path), &setting.value, spelling)?;
        }
        let mut own = Archive::new();
        for (name, param) in model.parameters() {
            let value = values.remove(&param.id()).filter(|_| !incomplete.contains(&param.id()));
            value.into_iter().for_each(|value| own.insert(&name, value));
        }
        let essence = |name: &str| (spelling.essence)(name);
        let ignored: HashSet<_> =
            self.ignored.iter().map(|path| essence(&spelling.path(path))).collect();
        let is_known = |name: &str| used.contains(name) || ignored.contains(&essence(name));
        Ok((own, archive.unmatched(missing, is_known)))
    }

    /// The tensors of the other framework.
    #[track_caller]
    pub(super) fn write(&self, model: &dyn Module<T>, spelling: &Spelling) -> Archive<T> {
        let mut left = HashMap::new();
        let mut archive = Archive::new();
        for (name, tensor) in self.named(model, spelling) {
            archive.insert(name, tensor.take_from(&mut left));
        }
        for setting in &self.settings {
            archive.set_text(&spelling.path(&setting.path), &setting.value);
        }
        archive
    }

    /// The tensors by their names.
    ///
    /// # Panics
    ///
    /// If two tensors have the same name, if a part of one of the model's parameters is in no tensor, or if the layout
    /// has a parameter of another model.
    #[track_caller]
    fn named(&self, model: &dyn Module<T>, spelling: &Spelling) -> Vec<(String, &Foreign<'m, T>)> {
        let placed = self.placed();
        let own: HashSet<_> = model.parameters().iter().map(|(_, param)| param.id()).collect();
        for tensor in &self.tensors {
            let is_own = |piece: &Piece<'_, T>| own.contains(&piece.param.id());
            assert!(
                tensor.part.pieces().into_iter().all(is_own),
                "the layout has a parameter in `{}` that the model does not have",
                spelling.path(&tensor.path)
            );
        }
        for (name, param) in model.parameters() {
            let all = placed.get(&param.id()).is_some_and(Placed::is_whole);
            assert!(
                all || param.value().is_empty(),
                "the layout has no place for the parameter `{name}` or a part of it; build the \
                 model without it if the other framework does not have it, or lay it out"
            );
        }
        let mut taken = HashSet::new();
        let named: Vec<_> =
            self.tensors.iter().map(|tensor| (spelling.path(&tensor.path), tensor)).collect();
        for (name, _) in &named {
            assert!(
                taken.insert((spelling.essence)(name)),
                "the layout has two tensors `{name}`; put them into groups of their own"
            );
        }
        named
    }

    /// The elements of each parameter that the layout contains.
    fn placed(&self) -> HashMap<ParamId, Placed<T>> {
        let mut placed = HashMap::new();
        for piece in self.tensors.iter().flat_map(|tensor| tensor.part.pieces()) {
            let id = piece.param.id();
            if piece.range.is_none() {
                placed.insert(id, Placed::Whole);
                continue;
            }
            let none = || Placed::Pieces(Tensor::zeros(piece.param.shape()));
            if let Placed::Pieces(marks) = placed.entry(id).or_insert_with(none) {
                let ones = piece.take(&mut Tensor::ones(marks.shape()));
                piece.set(marks, &ones);
            }
        }
        placed
    }
}

/// The elements of a parameter that a layout contains.
enum Placed<T: Scalar> {
    Whole,
    /// A tensor with 1 for each such element, and 0 elsewhere.
    Pieces(Tensor<T>),
}

impl<T: Scalar> Placed<T> {
    fn is_whole(&self) -> bool {
        match self {
            Self::Whole => true,
            Self::Pieces(marks) => marks.as_slice().iter().all(|&mark| mark == T::one()),
        }
    }
}

impl<T: Scalar> Default for Layout<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Foreign<'_, T> {
    /// Adds a value of this tensor, part by part, to the parameters' values.
    fn add_to(&self, values: &mut HashMap<ParamId, Tensor<T>>, value: &Tensor<T>) {
        self.part.divide(value, &mut |piece, value| match values.entry(piece.param.id()) {
            Entry::Vacant(place) if piece.range.is_none() => {
                place.insert(value);
            }
            place => {
                let zeros = || Tensor::zeros(piece.param.shape());
                piece.add(place.or_insert_with(zeros), &value);
            }
        });
    }

    /// The value of this tensor, taken out of `left`, which holds the parts of parameters that no earlier tensor has
    /// taken. Leaves zeros there.
    fn take_from(&self, left: &mut HashMap<ParamId, Tensor<T>>) -> Tensor<T> {
        self.part.value(&mut |piece| {
            piece.take(left.entry(piece.param.id()).or_insert_with(|| piece.param.value().clone()))
        })
    }
}
