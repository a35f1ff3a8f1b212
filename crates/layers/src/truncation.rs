//! Truncated back-propagation through time.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::way::{Mask, sequence_shape};
use crate::{Stepwise, Way, sequence};

/// Truncated back-propagation through time, BPTT(k₁, k₂): after every `k₁` steps the losses of these steps are
/// traced back through `k₂` steps (Williams and Peng 1990, who write BPTT(h; h′) with `h = k₂` and `h′ = k₁`;
/// Sutskever 2013).
///
/// ```text
/// chunk w:  steps w·k₁ … e − 1 with e = min((w + 1)·k₁, T), the losses of which count
/// window w: steps e − k₂ … e − 1, through which their gradient flows
/// ```
///
/// What a window starts from is a constant, but for the state at the beginning. Outputs are those of the
/// whole recurrence; their gradient keeps, of `∂L_t/∂θ = Σ_k (path t → k) · (∂h_k/∂θ)`, the terms whose step
/// `k` lies within the window. With `k₁ = k₂` the sequence is cut into pieces; with `k₁ = 1`
/// ([`window`](Self::window)) each loss keeps exactly the lags `t − k < k₂`; with `k₂ ≥ T` nothing is cut.
///
/// All windows are run at once, as sequences of one batch, after a run without gradient for the states that
/// they start from: a step costs `1 + k₂/k₁` steps forward and `k₂/k₁` in reverse. To cut a stream into pieces
/// whose tapes come one after the other, use [`CarriedState`](crate::CarriedState). A cell that reads
/// sequences of its own ([`Tape::at_step`]) cannot be cut so: it panics, as a window has fewer steps.
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
    /// If `xs` does not have three axes; if the state is of another batch; or as the layer's equations do.
    #[track_caller]
    #[must_use]
    pub fn run<'t, T: Scalar, L: Stepwise<T>>(
        self,
        layer: &L,
        xs: Var<'t, T>,
        state: L::State<'t>,
    ) -> (Var<'t, T>, L::State<'t>) {
        let [steps, batch, features] = sequence_shape(xs);
        sequence::assert_batch(xs, &layer.leaves(&state));
        if self.reach >= steps {
            return layer.run(xs, state, Way::PLAIN); // nothing is cut
        }
        let ends: Vec<usize> =
            (1..=steps.div_ceil(self.every)).map(|w| steps.min(w * self.every)).collect();
        let windows = ends.len();
        let times = (0..self.reach).flat_map(|step| ends.iter().map(move |end| end + step));
        let times: Vec<_> = times.map(|time| time.checked_sub(self.reach)).collect(); // [k₂, windows]

        let rows: Vec<usize> = times.iter().map(|time| time.unwrap_or(0)).collect();
        let inputs = xs.gather_rows(&rows).reshape([self.reach, windows * batch, features]);
        let is_there = |i: usize| f64::from(times[i / batch].is_some());
        let shape = [self.reach, windows * batch];
        let mask = Mask::Steps(Tensor::from_fn(shape, |i| T::of(is_there(i))));
        let starts = self.starts(layer, xs, &state, &ends);
        let way = Way { mask: Some(&mask), ..Way::PLAIN };
        let (ys, last) = layer.run(inputs, starts, way);

        // [k₂, windows · B, O] → [windows · k₁, B, O]
        let outputs = ys.shape()[2];
        let counted = ys.slice(0, self.reach - self.every..self.reach);
        let counted = counted.reshape([self.every, windows, batch, outputs]).permute(&[1, 0, 2, 3]);
        let counted = counted.reshape([windows * self.every, batch, outputs]);
        // of the last chunk there may be fewer steps: the last ones of its window
        let full = (windows - 1) * self.every;
        let rest = windows * self.every - (steps - full)..windows * self.every;
        let ys = Var::concat(&[counted.slice(0, 0..full), counted.slice(0, rest)], 0);
        let of_last_window =
            |leaf: Var<'t, T>| leaf.slice(0, (windows - 1) * batch..windows * batch);
        let last = layer.rebuild(&mut layer.leaves(&last).into_iter().map(of_last_window));
        (ys, last)
    }

    /// The state before each window, `[windows · B, S]`: that of the beginning, or a constant.
    #[track_caller]
    fn starts<'t, T: Scalar, L: Stepwise<T>>(
        self,
        layer: &L,
        xs: Var<'t, T>,
        state: &L::State<'t>,
        ends: &[usize],
    ) -> L::State<'t> {
        let tape = xs.tape();
        let first = layer.leaves(state);
        let states = states(layer, xs, &first);
        let start = |(leaf, states): (Var<'t, T>, Tensor<T>)| {
            let before = |end: &usize| match end.saturating_sub(self.reach) {
                0 => leaf,
                steps => tape.constant(states.index_first(steps - 1)),
            };
            Var::concat(&ends.iter().map(before).collect::<Vec<_>>(), 0)
        };
        layer.rebuild(&mut first.into_iter().zip(states).map(start))
    }
}

/// The state after each step, each variable `[T, B, S]`, on no tape.
#[track_caller]
fn states<T: Scalar, L: Stepwise<T>>(
    layer: &L,
    xs: Var<'_, T>,
    state: &[Var<'_, T>],
) -> Vec<Tensor<T>> {
    let tape = Tape::new();
    let xs = tape.constant(xs.value());
    let first: Vec<_> = state.iter().map(|leaf| tape.constant(leaf.value())).collect();
    let scanned = tape.scan(&[xs], &first).run(|x, state| {
        let (_, next) = layer.advance(x[0], layer.rebuild(&mut state.iter().copied()));
        let next = layer.leaves(&next);
        (next.clone(), next)
    });
    scanned.outputs.into_iter().map(|states| states.value()).collect()
}
