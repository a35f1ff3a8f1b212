//! Truncated back-propagation through time.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::way::sequence_shape;
use crate::{Cell, Recurrence, State, StateSizes, scan};

/// Truncated back-propagation through time, "BPTT(k₁, k₂)" (Williams and Peng 1990): after every `k₁` steps
/// the losses of these steps are traced back through `k₂` steps.
///
/// ```text
/// chunk w:  steps w·k₁ … (w + 1)·k₁ − 1, the losses of which count
/// window w: steps (w + 1)·k₁ − k₂ … (w + 1)·k₁ − 1, through which their gradient flows
/// ```
///
/// What a window starts from is a constant, but for the state at the beginning. Outputs are those of the
/// whole recurrence; their gradient keeps, of `∂L_t/∂θ = Σ_k (path t → k) · (∂h_k/∂θ)`, the terms whose step
/// `k` lies within the window. With `k₁ = k₂` the sequence is cut into pieces; with `k₁ = 1`
/// ([`window`](Self::window)) each loss keeps exactly the lags `t − k < k₂`; with `k₁ ≥ T` nothing is cut.
///
/// All windows are run at once, as sequences of one batch, after a run without gradient for the states that
/// they start from: a step costs `1 + k₂/k₁` steps forward and `k₂/k₁` in reverse. To cut a stream into pieces
/// whose tapes come one after the other, use [`CarriedState`](crate::CarriedState).
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, StateSizes, Truncation};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.variable(Tensor::ones([9, 2, 3]));
/// let (ys, _state) = Truncation::window(3).run(&lstm, xs, lstm.zero_state(&tape, 2));
/// let gradients = tape.backward(ys.index_first(8).sum_all());
/// let reaches = |t| gradients.wrt(xs).index_first(t).sum(&[0, 1]).item() != 0.0;
/// assert!(!reaches(5) && reaches(6) && reaches(7) && reaches(8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// `k₁`
    every: usize,
    /// `k₂`
    reach: usize,
}

impl Truncation {
    /// BPTT(`k₁`, `k₂`): after `every` steps, back through `reach`.
    ///
    /// # Panics
    ///
    /// If `every` is 0, or greater than `reach`: losses would have no gradient.
    #[track_caller]
    #[must_use]
    pub fn new(every: usize, reach: usize) -> Self {
        assert!(
            0 < every && every <= reach,
            "BPTT({every}, {reach}): needs 1 ≤ k₁ ≤ k₂, or some losses have no gradient"
        );
        Self { every, reach }
    }

    /// BPTT(1, `reach`): the gradient of each loss reaches back exactly so many steps, its own the first.
    ///
    /// # Panics
    ///
    /// If `reach` is 0.
    #[track_caller]
    #[must_use]
    pub fn window(reach: usize) -> Self {
        Self::new(1, reach)
    }

    /// The outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes; or as the cell's equations do.
    #[track_caller]
    #[must_use]
    pub fn run<'t, T: Scalar, C: Cell<T> + StateSizes>(
        self,
        cell: &C,
        xs: Var<'t, T>,
        state: C::State<'t>,
    ) -> (Var<'t, T>, C::State<'t>) {
        let [steps, batch, features] = sequence_shape(xs);
        if self.every >= steps {
            return scan(cell, xs, state);
        }
        let windows = steps.div_ceil(self.every);
        let in_windows = self.times(windows).map(|time| time.filter(|&time| time < steps));
        let in_windows: Vec<Option<usize>> = in_windows.collect();

        let rows: Vec<usize> = in_windows.iter().map(|time| time.unwrap_or(0)).collect();
        let inputs = xs.gather_rows(&rows).reshape([self.reach, windows * batch, features]);
        let is_there = |i: usize| f64::from(u8::from(in_windows[i / batch].is_some()));
        let mask = Tensor::from_fn([self.reach, windows * batch], |i| T::of(is_there(i)));
        let starts = self.starts(cell, xs, state, windows);
        let (ys, last) = Recurrence::new(cell).masked(&mask).run(inputs, starts);

        // [k₂, windows · B, O] → [windows · k₁, B, O]
        let outputs = ys.shape()[2];
        let counted = ys.slice(0, self.reach - self.every..self.reach);
        let ys = counted.reshape([self.every, windows, batch, outputs]).permute(&[1, 0, 2, 3]);
        let ys = ys.reshape([windows * self.every, batch, outputs]).slice(0, 0..steps);
        let of_last_window =
            |leaf: Var<'t, T>| leaf.slice(0, (windows - 1) * batch..windows * batch);
        let last = State::rebuild(&mut last.leaves().into_iter().map(of_last_window));
        (ys, last)
    }

    /// The time of each step of each window, `[k₂, windows]`; none before the beginning.
    fn times(self, windows: usize) -> impl Iterator<Item = Option<usize>> {
        let Self { every, reach } = self;
        (0..reach).flat_map(move |step| {
            (0..windows).map(move |window| ((window + 1) * every + step).checked_sub(reach))
        })
    }

    /// The state before each window, `[windows · B, S]`: that of the beginning, or a constant.
    #[track_caller]
    fn starts<'t, T: Scalar, C: Cell<T> + StateSizes>(
        self,
        cell: &C,
        xs: Var<'t, T>,
        state: C::State<'t>,
        windows: usize,
    ) -> C::State<'t> {
        let tape = xs.tape();
        let befores: Vec<Option<usize>> = (1..=windows)
            .map(|window| {
                (window * self.every).checked_sub(self.reach).filter(|&before| before > 0)
            })
            .collect();
        let states = states(cell, &xs.value(), &state.values());
        let start = |(leaf, states): (Var<'t, T>, Tensor<T>)| {
            let before = |before: &Option<usize>| match before {
                None => leaf,
                Some(steps) => tape.constant(states.index_first(steps - 1)),
            };
            Var::concat(&befores.iter().map(before).collect::<Vec<_>>(), 0)
        };
        State::rebuild(&mut state.leaves().into_iter().zip(states).map(start))
    }
}

/// The state after each step, each variable `[T, B, S]`, on no tape.
#[track_caller]
fn states<T: Scalar, C: Cell<T>>(cell: &C, xs: &Tensor<T>, state: &[Tensor<T>]) -> Vec<Tensor<T>> {
    let tape = Tape::new();
    let xs = tape.constant(xs.clone());
    let first = C::State::from_values(&tape, state);
    let scanned = tape.scan(&[xs], &first.leaves()).run(|x, state| {
        let (_, next) = cell.step(x[0], State::from_leaves(state));
        (next.leaves(), next.leaves())
    });
    scanned.outputs.into_iter().map(|states| states.value()).collect()
}
