//! Builder methods that many cells share. Each is defined here once, and a cell lists those that apply to its
//! equations.

use bptt_autodiff::Param;
use bptt_tensor::Scalar;

/// A part of a cell's net input: one of its gates, or the candidate.
///
/// [`Lstm::gate_bias`](crate::Lstm::gate_bias) and the same option of other cells take the part whose biases they
/// set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gate {
    /// `i`, the share of the candidate that is written.
    Input,
    /// `f`, the share of the state that is kept. In the minimal gated unit, the share that is replaced.
    Forget,
    /// `o`, the share of the cell state that is output.
    Output,
    /// `r`, the share of the state that the candidate reads.
    Reset,
    /// `z`, the balance of the state and the candidate.
    Update,
    /// `g` or `n`, the candidate for the new state. It is not a gate, but its weights are concatenated with those of
    /// the gates.
    Candidate,
}

/// Defines builder methods that set activations, one for each of these fields.
macro_rules! activation_options {
    ($($field:ident: $function:literal;)*) => {$(
        #[doc = concat!("Sets the function ", $function, ".")]
        #[must_use]
        pub fn $field(mut self, activation: $crate::activation::Activation<T>) -> Self {
            self.$field = activation;
            self
        }
    )*};
}
pub(crate) use activation_options;

/// Defines builder methods that set constants of the equations, one for each of these fields.
macro_rules! constant_options {
    ($($field:ident: $constant:literal;)*) => {$(
        #[doc = concat!("Sets ", $constant, ".")]
        ///
        /// # Panics
        ///
        /// If it is negative or not finite.
        #[track_caller]
        #[must_use]
        pub fn $field(mut self, value: f64) -> Self {
            assert!(
                value >= 0.0 && value.is_finite(),
                concat!(stringify!($field), ": at least 0 and finite, not {}"),
                value
            );
            self.$field = value;
            self
        }
    )*};
}
pub(crate) use constant_options;

/// Defines builder methods that set the activations of the gates and the candidate, and with `state` also that of the
/// cell state `c`.
macro_rules! gate_activations {
    () => {
        $crate::cells::options::activation_options! {
            gate_activation: "of the gates, by default `σ`";
            candidate_activation: "of the candidate, by default `tanh`";
        }
    };
    (state) => {
        $crate::cells::options::gate_activations!();
        $crate::cells::options::activation_options! {
            state_activation: "of the cell state `c` in the output `h`, by default `tanh`";
        }
    };
}
pub(crate) use gate_activations;

/// Defines builder methods for the initial weights of a cell. Its weights concatenate this number of gates.
macro_rules! gate_inits {
    ($gates:literal) => {
        $crate::core::options::init_options! {
            input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, $gates)];
            recurrent_init: "`W_hh`, separately for each gate", |cell| [(&mut cell.w_hh, $gates)];
        }
    };
}
pub(crate) use gate_inits;

/// Defines builder methods for the initial biases of one gate: `$biases` are those of `$gate`.
macro_rules! bias_options {
    (|$cell:ident, $gate:ident| $biases:expr) => {
        /// Sets the initial biases of a gate, or of the candidate, to this value.
        ///
        /// # Panics
        ///
        /// If the cell has no such gate, or no biases for it.
        #[track_caller]
        #[must_use]
        pub fn gate_bias(mut self, gate: $crate::cells::options::Gate, bias: f64) -> Self {
            let ($cell, $gate) = (&mut self, gate);
            $biases.fill(T::of(bias));
            self
        }

        /// Sets the initial biases of a gate, or of the candidate, to these values, one for each unit.
        ///
        /// # Panics
        ///
        /// As [`gate_bias`](Self::gate_bias), and if there are not as many values as units.
        #[track_caller]
        #[must_use]
        pub fn unit_biases(mut self, gate: $crate::cells::options::Gate, biases: &[f64]) -> Self {
            let ($cell, $gate) = (&mut self, gate);
            $crate::cells::options::copy_biases($biases, biases);
            self
        }
    };
}
pub(crate) use bias_options;

/// Defines all builder methods for the biases of a cell. Its parameter `b` concatenates the biases of `$gates`.
macro_rules! biases_of_gates {
    ($($gate:ident),*) => {
        $crate::cells::options::bias_options!(|cell, gate| {
            $crate::cells::options::part(cell.b.as_mut(), &[$($crate::cells::options::Gate::$gate),*], gate)
        });

        $crate::core::options::init_options! {
            bias_init: "the biases", |cell| cell.b.iter_mut().map(|b| (b, 1));
        }

        $crate::core::options::bias_option!(|cell| [(&mut cell.b, cell.w_ih.shape()[1])]);
    };
}
pub(crate) use biases_of_gates;

/// Defines the builder method for the initial bias of an LSTM's forget gate.
macro_rules! forget_bias {
    () => {
        /// Sets the initial bias of the forget gate. The larger it is, the longer a new cell remembers (Jozefowicz,
        /// Zaremba and Sutskever 2015 recommend 1).
        ///
        /// # Panics
        ///
        /// If the cell has no biases.
        #[track_caller]
        #[must_use]
        pub fn forget_bias(self, bias: f64) -> Self {
            self.gate_bias($crate::cells::options::Gate::Forget, bias)
        }
    };
}
pub(crate) use forget_bias;

/// Returns the biases of `gate`, from a parameter that concatenates the biases of `gates`.
#[track_caller]
#[inline(never)]
pub(crate) fn part<'b, T: Scalar>(
    biases: Option<&'b mut Param<T>>,
    gates: &[Gate],
    gate: Gate,
) -> &'b mut [T] {
    let Some(position) = gates.iter().position(|&known| known == gate) else {
        panic!("gate_bias: this cell has no part {gate:?}; its parts are {gates:?}");
    };
    let Some(biases) = biases else {
        panic!("gate_bias: this cell has no biases of {gate:?}");
    };
    let biases = biases.value_mut().as_mut_slice();
    let units = biases.len() / gates.len();
    &mut biases[position * units..][..units]
}

#[track_caller]
pub(crate) fn copy_biases<T: Scalar>(biases: &mut [T], values: &[f64]) {
    let (units, given) = (biases.len(), values.len());
    assert!(units == given, "unit_biases: {units} units need a bias each, not {given}");
    biases.iter_mut().zip(values).for_each(|(bias, &value)| *bias = T::of(value));
}
