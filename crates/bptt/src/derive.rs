//! The derive macros, documented here because their examples need the traits and the façade.

/// Implements `bptt::Module` for a struct or an enum. Every field is visited in the order of declaration, under its
/// name or position. Of an enum, the fields of the active variant are visited.
///
/// ```
/// use bptt::{Module, Param, Scalar, Tensor};
///
/// #[derive(Module)]
/// struct Readout<T: Scalar> {
///     #[module(skip)]
///     classes: usize,
///     w: Param<T>,
///     b: Param<T>,
/// }
///
/// #[derive(Module)]
/// struct Model<T: Scalar, C> {
///     cells: Vec<C>,
///     readout: Readout<T>,
/// }
///
/// let param = |shape: [usize; 2]| Param::new(Tensor::full(shape, 0.0_f32));
/// let readout = Readout { classes: 10, w: param([8, 10]), b: param([1, 10]) };
/// let model = Model { cells: vec![param([8, 8]), param([8, 8])], readout };
/// let names: Vec<_> = model.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["cells.0", "cells.1", "readout.w", "readout.b"]);
/// assert_eq!(model.parameter_count(), 2 * 8 * 8 + 9 * model.readout.classes);
/// ```
///
/// # Fields
///
/// A field is a parameter, a module, or a `Vec`, `Option`, `Box`, array or tuple of such. `#[module(skip)]` leaves out
/// a field without parameters, such as `classes` above. Without the attribute, such a field is refused:
///
/// ```compile_fail
/// use bptt::{Module, Param, Scalar};
///
/// #[derive(Module)]
/// struct Readout<T: Scalar> {
///     classes: usize,
///     w: Param<T>,
/// }
/// ```
///
/// A misspelt attribute is refused rather than ignored:
///
/// ```compile_fail
/// use bptt::{Module, Param, Scalar};
///
/// #[derive(Module)]
/// struct Readout<T: Scalar> {
///     #[module(skipped)]
///     classes: usize,
///     w: Param<T>,
/// }
/// ```
///
/// Unions are refused, because only their user knows which field is active:
///
/// ```compile_fail
/// use std::mem::ManuallyDrop;
/// use bptt::{Module, Param, Scalar};
///
/// #[derive(Module)]
/// union Either<T: Scalar> {
///     one: ManuallyDrop<Param<T>>,
///     other: ManuallyDrop<Param<T>>,
/// }
/// ```
///
/// # The scalar type
///
/// A type parameter is a part if a visited field has this type or is a list of it, such as the `C` above. The `T` of
/// `Module<T>` is the first type parameter that is not a part. Every other type parameter in a visited field must be a
/// `Module<T>`. If all type parameters are parts, the implementation is generic in `T`. `#[module(scalar = …)]` names
/// another `T`: a type parameter, a type, or `_` for any scalar type.
///
/// ```
/// use bptt::{Module, Param};
///
/// #[derive(Module)]
/// #[module(scalar = f32)]
/// struct Readout {
///     w: Param<f32>,
/// }
///
/// #[derive(Module)]
/// struct Bidirectional<F, B> {
///     forward: F,
///     backward: B,
/// }
/// ```
///
/// A type without type parameters must name its scalar type:
///
/// ```compile_fail
/// use bptt::{Module, Param};
///
/// #[derive(Module)]
/// struct Readout {
///     w: Param<f32>,
/// }
/// ```
pub use bptt_derive::Module;

/// Implements `bptt::State` and `bptt::Tree` for a struct of variables and other states, so that a cell can name the
/// variables of its state. Messages name a variable by its field: `state.c`.
///
/// The first lifetime parameter is that of the tape. The first type parameter is the scalar type;
/// `#[state(scalar = f32)]` names another. Other type parameters must be states themselves. A `Vec` of states
/// is the last field.
///
/// ```
/// use bptt::{Scalar, State, Tape, Tensor, Tree, Var};
///
/// #[derive(Clone, Copy, Debug, State)]
/// struct LstmState<'t, T: Scalar> {
///     h: Var<'t, T>,
///     c: Var<'t, T>,
/// }
///
/// let tape = Tape::new();
/// let [h, c] = [1.0, 2.0].map(|value| tape.constant(Tensor::scalar(value)));
/// let values = LstmState { h, c }.values();
///
/// let next_tape = Tape::new();
/// let state = LstmState::from_values(&next_tape, &values);
/// assert_eq!([state.h.item(), state.c.item()], [1.0, 2.0]);
/// ```
///
/// Every field is carried from step to step. A field that is not a variable is refused, since it belongs in the cell:
///
/// ```compile_fail
/// use bptt::{Scalar, State, Var};
///
/// #[derive(Clone, Copy, State)]
/// struct Counted<'t, T: Scalar> {
///     h: Var<'t, T>,
///     step: usize,
/// }
/// ```
///
/// A struct without a lifetime is refused, since its variables need a tape:
///
/// ```compile_fail
/// use bptt::{Scalar, State};
///
/// #[derive(Clone, Copy, State)]
/// struct Detached<T: Scalar> {
///     h: T,
/// }
/// ```
///
/// Enums are refused, because the number of variables must be the same at every step:
///
/// ```compile_fail
/// use bptt::{Scalar, State, Var};
///
/// #[derive(Clone, Copy, State)]
/// enum Memory<'t, T: Scalar> {
///     Short(Var<'t, T>),
///     Long(Var<'t, T>, Var<'t, T>),
/// }
/// ```
pub use bptt_derive::State;
