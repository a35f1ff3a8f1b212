//! Modules: trees of parameters with names.

use std::fmt::{Display, Write};

use bptt_autodiff::Param;
pub use bptt_derive::Module;
use bptt_tensor::Scalar;

/// A tree of parameters with names: a cell, a layer, a whole model.
///
/// A module is a plain struct, for which `#[derive(Module)]` implements this trait. Optimizers and weight files reach
/// parameters through it. A parameter's name is the path of fields that leads to it, joined by dots: `layers.0.w_ih`.
/// [`Vec`], arrays and tuples add the position; [`Option`] and [`Box`] add nothing.
///
/// The trait is object-safe. A trait object has [`visit`](Self::visit),
/// [`visit_mut`](Self::visit_mut), [`parameters`](Self::parameters) and
/// [`parameter_count`](Self::parameter_count); a `Box<dyn Module<T>>` has them all.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module of scalar type `{T}`",
    label = "holds no parameters of scalar type `{T}`",
    note = "`#[module(skip)]` leaves a field out",
    note = "`#[module(scalar = …)]` names the scalar type, if it is not the first type parameter that is not a part"
)]
pub trait Module<T: Scalar> {
    /// Calls `visitor` with the name and value of each parameter, in the order of declaration.
    ///
    /// `path` is the name of the module, the prefix of its parameters' names. It is unchanged after the call.
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>));

    /// Visits the parameters like [`visit`](Self::visit), to change them.
    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    );

    /// Calls `visitor` with the name and value of each parameter, in the order of declaration.
    fn for_each_parameter<'a>(&'a self, mut visitor: impl FnMut(&str, &'a Param<T>))
    where
        Self: Sized,
    {
        self.visit(&mut ParameterPath::default(), &mut visitor);
    }

    /// Visits the parameters like [`for_each_parameter`](Self::for_each_parameter), to change them.
    fn for_each_parameter_mut<'a>(&'a mut self, mut visitor: impl FnMut(&str, &'a mut Param<T>))
    where
        Self: Sized,
    {
        self.visit_mut(&mut ParameterPath::default(), &mut visitor);
    }

    /// Returns all parameters with their names, in the order of declaration.
    #[must_use]
    fn parameters(&self) -> Vec<(String, &Param<T>)> {
        let mut parameters = Vec::new();
        self.visit(&mut ParameterPath::default(), &mut |name, parameter| {
            parameters.push((name.to_owned(), parameter));
        });
        parameters
    }

    /// Returns the number of scalars in all parameters together.
    #[must_use]
    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit(&mut ParameterPath::default(), &mut |_, parameter| {
            count += parameter.value().len();
        });
        count
    }
}

/// The name of the module that is being visited.
///
/// One buffer serves a whole visit, so that visiting allocates nothing per parameter.
#[derive(Clone, Debug, Default)]
pub struct ParameterPath {
    name: String,
}

impl ParameterPath {
    /// Returns the name so far, such as `layers.0`, which is empty at the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Runs `visit` with the path extended by `segment`, the name or position of a part.
    pub fn within(&mut self, segment: impl Display, visit: impl FnOnce(&mut Self)) {
        let outer = self.enter(&segment);
        visit(self);
        self.leave(outer);
    }

    /// Extends the path, and returns its length before. Not generic, so that it is compiled once.
    fn enter(&mut self, segment: &dyn Display) -> usize {
        let outer = self.name.len();
        let separator = if outer == 0 { "" } else { "." };
        write!(self.name, "{separator}{segment}").expect("a string takes any text");
        outer
    }

    fn leave(&mut self, outer: usize) {
        self.name.truncate(outer);
    }
}

/// Joins the names of a whole and its part. Either may be empty: a model that is itself a parameter has no name.
pub(crate) fn join(whole: &str, part: &str) -> String {
    let separator = if whole.is_empty() || part.is_empty() { "" } else { "." };
    format!("{whole}{separator}{part}")
}

/// Returns a parameter's name for messages. If the model itself is a parameter, its name is empty.
pub(crate) fn described(name: &str) -> String {
    if name.is_empty() { "the model's parameter".to_owned() } else { format!("`{name}`") }
}

/// The name of a parameter is the path to it.
impl<T: Scalar> Module<T> for Param<T> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        visitor(path.as_str(), self);
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        visitor(path.as_str(), self);
    }
}

impl<T: Scalar, M: Module<T>> Module<T> for Option<M> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        if let Some(module) = self {
            module.visit(path, visitor);
        }
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        if let Some(module) = self {
            module.visit_mut(path, visitor);
        }
    }
}

/// Each part is named by its position.
impl<T: Scalar, M: Module<T>> Module<T> for [M] {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        for (position, module) in self.iter().enumerate() {
            path.within(position, |path| module.visit(path, visitor));
        }
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        for (position, module) in self.iter_mut().enumerate() {
            path.within(position, |path| module.visit_mut(path, visitor));
        }
    }
}

/// Implements [`Module`] for a type through the type that it coerces to.
macro_rules! impl_by_coercion {
    ([$($parameters:tt)*] $outer:ty => $inner:ty) => {
        impl<T: Scalar, $($parameters)*> Module<T> for $outer {
            fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
                let inner: &'a $inner = self;
                inner.visit(path, visitor);
            }

            fn visit_mut<'a>(
                &'a mut self,
                path: &mut ParameterPath,
                visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
            ) {
                let inner: &'a mut $inner = self;
                inner.visit_mut(path, visitor);
            }
        }
    };
}

impl_by_coercion!([M: Module<T> + ?Sized] Box<M> => M);
impl_by_coercion!([M: Module<T>] Vec<M> => [M]);
impl_by_coercion!([M: Module<T>, const N: usize] [M; N] => [M]);

/// Implements [`Module`] for a tuple, whose parts are named by their positions.
macro_rules! impl_for_tuple {
    ($($part:ident $position:tt),*) => {
        #[allow(unused_variables, reason = "the empty tuple has nothing to visit")]
        impl<T: Scalar, $($part: Module<T>),*> Module<T> for ($($part,)*) {
            fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
                $(path.within($position, |path| self.$position.visit(path, visitor));)*
            }

            fn visit_mut<'a>(
                &'a mut self,
                path: &mut ParameterPath,
                visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
            ) {
                $(path.within($position, |path| self.$position.visit_mut(path, visitor));)*
            }
        }
    };
}

impl_for_tuple!();
impl_for_tuple!(A 0);
impl_for_tuple!(A 0, B 1);
impl_for_tuple!(A 0, B 1, C 2);
impl_for_tuple!(A 0, B 1, C 2, D 3);
impl_for_tuple!(A 0, B 1, C 2, D 3, E 4);
impl_for_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
