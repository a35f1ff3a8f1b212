//! How another framework holds a model's parameters.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bptt_autodiff::{Param, ParamId};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::{Archive, Unmatched, WeightsError};
use crate::Module;

/// The tensors in which another framework holds a module's parameters: what each is called, and which
/// parameters it is made of.
///
/// One layout serves both directions. Parameters, or columns of them, stand side by side in a tensor. What
/// stands in several tensors is their sum, as PyTorch adds two biases where we have one; saved, it is in the
/// first of them, and the others are zero.
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
#[derive(Clone, Debug)]
#[must_use]
pub struct Layout<'m, T> {
    tensors: Vec<Foreign<'m, T>>,
}

/// A tensor of the other framework.
#[derive(Clone, Debug)]
struct Foreign<'m, T> {
    /// Its own name, then those of the groups that it is in, innermost first.
    path: Vec<String>,
    parts: Vec<Part<'m, T>>,
    order: Order,
}

/// A parameter, or columns of it: its entries along the last axis.
#[derive(Clone, Debug)]
pub struct Part<'m, T> {
    param: &'m Param<T>,
    columns: Range<usize>,
}

/// How parts side by side are stored.
#[derive(Clone, Copy, Debug)]
enum Order {
    Same,
    Transposed,
    /// A vector, cut into this many rows.
    Rows(usize),
}

/// How a framework spells the paths of tensors.
#[derive(Debug)]
pub(super) struct Spelling {
    pub(super) separator: &'static str,
    /// Of a name, what tells tensors apart.
    pub(super) essence: fn(&str) -> String,
}

impl<'m, T: Scalar> Layout<'m, T> {
    /// No tensors.
    pub fn new() -> Self {
        Self { tensors: Vec::new() }
    }

    /// With a tensor in which these parts stand side by side; none if there are no parts, so that
    /// `&self.b` may be an [`Option`].
    pub fn tensor<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, Order::Same)
    }

    /// With the transpose of what [`tensor`](Self::tensor) would put there.
    pub fn transposed<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, Order::Transposed)
    }

    /// With the vector that [`tensor`](Self::tensor) would put there, cut into rows of the same size.
    pub fn rows<P: Into<Part<'m, T>>>(
        self,
        name: &str,
        rows: usize,
        parts: impl IntoIterator<Item = P>,
    ) -> Self {
        self.with(name, parts, Order::Rows(rows))
    }

    /// With the tensors of a part of the module, their names within this group.
    pub fn group(mut self, group: &str, part: Self) -> Self {
        self.tensors.extend(part.tensors.into_iter().map(|mut tensor| {
            tensor.path.push(group.to_owned());
            tensor
        }));
        self
    }

    /// With the tensors of another layout too.
    pub fn and(mut self, other: Self) -> Self {
        self.tensors.extend(other.tensors);
        self
    }

    fn with<P: Into<Part<'m, T>>>(
        mut self,
        name: &str,
        parts: impl IntoIterator<Item = P>,
        order: Order,
    ) -> Self {
        let parts: Vec<_> = parts.into_iter().map(Into::into).collect();
        if !parts.is_empty() {
            self.tensors.push(Foreign { path: vec![name.to_owned()], parts, order });
        }
        self
    }

    /// The parameters by the model's own names, from those of the other framework, and what did not match. A
    /// parameter of which something is missing is not among them.
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
                tensor.add_to(&mut values, archive.shaped(name, &tensor.shape())?);
                used.insert(name);
            } else {
                incomplete.extend(tensor.parts.iter().map(|part| part.param.id()));
                missing.push(name);
            }
        }
        let mut own = Archive::new();
        for (name, param) in model.parameters() {
            let value = values.remove(&param.id()).filter(|_| !incomplete.contains(&param.id()));
            value.into_iter().for_each(|value| own.insert(&name, value));
        }
        Ok((own, archive.unmatched(missing, |name| used.contains(name))))
    }

    /// The tensors of the other framework.
    #[track_caller]
    pub(super) fn write(&self, model: &dyn Module<T>, spelling: &Spelling) -> Archive<T> {
        let mut left = HashMap::new();
        let mut archive = Archive::new();
        for (name, tensor) in self.named(model, spelling) {
            archive.insert(name, tensor.take_from(&mut left));
        }
        archive
    }

    /// The tensors by their names.
    ///
    /// # Panics
    ///
    /// If two have the same, or the model has a parameter of which not all is in them.
    #[track_caller]
    fn named(&self, model: &dyn Module<T>, spelling: &Spelling) -> Vec<(String, &Foreign<'m, T>)> {
        let parts = self.tensors.iter().flat_map(|tensor| &tensor.parts);
        let placed: HashSet<_> = parts
            .flat_map(|part| part.columns.clone().map(|column| (part.param.id(), column)))
            .collect();
        for (name, param) in model.parameters() {
            let width = param.shape().last().copied().unwrap_or(1);
            assert!(
                (0..width).all(|column| placed.contains(&(param.id(), column))),
                "the layout has no place for the parameter `{name}` or columns of it; build the \
                 model without it if the other framework does not have it, or lay it out"
            );
        }
        let mut taken = HashSet::new();
        let named = self.tensors.iter().map(|tensor| (tensor.name(spelling), tensor));
        let named: Vec<_> = named.collect();
        for (name, _) in &named {
            assert!(
                taken.insert((spelling.essence)(name)),
                "the layout has two tensors `{name}`; put them into groups of their own"
            );
        }
        named
    }
}

impl<T: Scalar> Default for Layout<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Foreign<'_, T> {
    fn name(&self, spelling: &Spelling) -> String {
        let path: Vec<_> = self.path.iter().rev().map(String::as_str).collect();
        path.join(spelling.separator)
    }

    fn shape(&self) -> Shape {
        let first = self.parts[0].param.shape();
        let width = self.parts.iter().map(|part| part.columns.len()).sum();
        let side_by_side = first.with(first.len() - 1, width);
        match self.order {
            Order::Same => side_by_side,
            Order::Transposed => side_by_side.iter().rev().copied().collect(),
            Order::Rows(rows) => [rows, width / rows].into(),
        }
    }

    /// Adds the parts of a value of this tensor to the parameters' values, which start at zero.
    fn add_to(&self, values: &mut HashMap<ParamId, Tensor<T>>, value: &Tensor<T>) {
        let side_by_side = match self.order {
            Order::Same => value.clone(),
            Order::Transposed => value.transpose(0, 1),
            Order::Rows(_) => value.reshape([value.len()]),
        };
        let mut start = 0;
        for Part { param, columns } in &self.parts {
            let end = start + columns.len();
            (values.entry(param.id()).or_insert_with(|| Tensor::zeros(param.shape()))).add_slice(
                -1,
                columns.start,
                &side_by_side.slice(-1, start..end),
            );
            start = end;
        }
    }

    /// The value of this tensor: what others have left of the parameters, which start with all. Leaves zeros.
    fn take_from(&self, left: &mut HashMap<ParamId, Tensor<T>>) -> Tensor<T> {
        let take = |Part { param, columns }: &Part<'_, T>| {
            let left = left.entry(param.id()).or_insert_with(|| param.value().clone());
            let taken = left.slice(-1, columns.clone());
            left.set_slice(-1, columns.start, &Tensor::zeros(taken.shape()));
            taken
        };
        let parts: Vec<_> = self.parts.iter().map(take).collect();
        let side_by_side = Tensor::concat(&parts.iter().collect::<Vec<_>>(), -1);
        match self.order {
            Order::Same => side_by_side,
            Order::Transposed => side_by_side.transpose(0, 1),
            Order::Rows(_) => side_by_side.reshape(self.shape()),
        }
    }
}

impl<'m, T> Part<'m, T> {
    /// These columns of a parameter; of a vector, these elements.
    #[must_use]
    pub fn columns(param: &'m Param<T>, columns: Range<usize>) -> Self {
        Self { param, columns }
    }
}

/// The whole parameter.
///
/// # Panics
///
/// If it has no axis.
impl<'m, T> From<&'m Param<T>> for Part<'m, T> {
    #[track_caller]
    fn from(param: &'m Param<T>) -> Self {
        let width = param.shape().last().expect("a parameter of a layout has at least one axis");
        Self::columns(param, 0..*width)
    }
}
