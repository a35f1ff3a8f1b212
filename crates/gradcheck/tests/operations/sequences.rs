//! A recurrence as an operation: of sequences, initial states and what its step takes from outside.

use bptt_autodiff::{Recompute, Scan, Tape, Tree, Var};
use bptt_gradcheck::domains;
use bptt_tensor::{Shape, Tensor};
use proptest::option;
use proptest::prelude::*;

use crate::arbitrary::{Cases, filled};
use crate::{V, operations};

/// Each case compiles a recurrence for each point that differences look at.
const CASES: u32 = 16;

/// How a scan is run.
#[derive(Clone, Debug)]
struct Options {
    reversed: bool,
    recompute: Option<usize>,
}

impl Options {
    fn scan<'t, X: Tree<'t, f64>, S: Tree<'t, f64>>(
        &self,
        sequences: X,
        state: S,
    ) -> Scan<'t, f64, X, S> {
        let mut scan = sequences.leaves()[0].tape().scan(sequences, state);
        if self.reversed {
            scan = scan.reversed();
        }
        match self.recompute {
            Some(every) => scan.recompute(Recompute::Every(every)),
            None => scan,
        }
    }
}

fn all_options() -> impl Strategy<Value = Options> {
    (any::<bool>(), option::of(filled()))
        .prop_map(|(reversed, recompute)| Options { reversed, recompute })
}

/// Sequences `[T, B, I]` and `[T, B, 1]`, states `[B, H]` and `[B, H]`, and `[I, H]`, `[H, H]` and `[H]` from
/// outside of the step.
fn operands() -> Cases<Options> {
    let sizes = (0..=3_usize, 1..=2_usize, 1..=2_usize, filled());
    let cases = (all_options(), sizes).prop_map(|(options, (t, b, i, h))| {
        let shapes = [&[t, b, i][..], &[t, b, 1], &[b, h], &[b, h], &[i, h], &[h, h], &[h]];
        (options, shapes.map(Shape::from).to_vec())
    });
    cases.boxed()
}

/// All that a scan computed, in a row.
fn row<'t>(values: impl IntoIterator<Item = V<'t>>) -> V<'t> {
    let flat = |y: V<'t>| y.reshape([y.shape().elements()]);
    Var::concat(&values.into_iter().map(flat).collect::<Vec<_>>(), 0)
}

/// A number for each element, free of any tape.
fn table(shape: &[usize]) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| (1.7 * i as f64).sin())
}

operations! {
    // two sequences, two states, two outputs, and matrices from outside that do not commute
    scan: domains(), operands(), |options, x| {
        let &[xs, gates, h, c, w_ih, w_hh, b] = x else { unreachable!("seven inputs") };
        let scanned = options.scan((xs, gates), (h, c)).run(|(x, gate), (h, c)| {
            let z = x.matmul(w_ih) + h.matmul(w_hh) + b;
            let c = gate.sigmoid() * c + z.tanh();
            let h = c.sin() * z.sigmoid();
            ((h, c * gate.tanh()), (h, c))
        });
        row((scanned.outputs, scanned.state).leaves())
    }, cases(CASES);

    // what the step takes from outside is itself computed, and used outside as well
    scan_with_captures_used_elsewhere: domains(), operands(), |options, x| {
        let &[xs, gates, h, c, w_ih, w_hh, b] = x else { unreachable!("seven inputs") };
        let (w_hh, b) = (w_hh.tanh(), b + c);
        let scanned = options.scan(xs, h).run(|x, h| {
            let h = (x.matmul(w_ih.sin()) + h.matmul(w_hh) * b).tanh();
            (h.softmax(-1), h + b)
        });
        row([scanned.outputs * gates, scanned.state.matmul(w_hh), w_ih, b])
    }, cases(CASES);

    // entries of a sequence that the step reads by its number
    at_step: domains(), operands(), |options, x| {
        let &[xs, _, h, _, w_ih, w_hh, _] = x else { unreachable!("seven inputs") };
        let tape: &Tape<f64> = xs.tape();
        let blend = table(&[xs.shape()[0], h.shape()[0], 1]);
        let scanned = options.scan(xs, h).run(|x, h| {
            let blend = tape.at_step(&blend);
            let new = (x.matmul(w_ih) + h.matmul(w_hh)).tanh();
            let h = blend * h + (1.0 - blend) * new;
            (h * blend, h)
        });
        row([scanned.outputs, scanned.state])
    }, cases(CASES);

    // entries that all rows share: numbers and vectors, with gradients, and the number of the step
    at_step_shared_by_rows: domains(), operands(), |options, x| {
        let &[xs, _, h, c, w_ih, w_hh, b] = x else { unreachable!("seven inputs") };
        let tape: &Tape<f64> = xs.tape();
        let numbers = table(&[xs.shape()[0] + 1]);
        let vectors = xs.sum(&[1]).matmul(w_ih); // [T, H]
        let scanned = options.scan(xs, h).run(|x, h| {
            let rate = (tape.at_step(&numbers) * tape.step_index() * 0.5 + b).sigmoid();
            let new = x.matmul(w_ih) + h.matmul(w_hh) + tape.at_step(vectors);
            let h = rate * h + (1.0 - rate) * new.tanh();
            (h * tape.at_step(&numbers), h)
        });
        row([scanned.outputs, scanned.state, c])
    }, cases(CASES);

    // the inner recurrence runs over what the outer one computed, from its state
    scan_within_a_scan: domains(), operands(), |options, x| {
        let &[xs, gates, h, _, w_ih, w_hh, b] = x else { unreachable!("seven inputs") };
        let scanned = options.scan((xs, gates), h).run(|(x, gate), h| {
            let steps = Var::stack(&[x.matmul(w_ih), gate * b, h], 0);
            let inner = options.scan(steps, h).run(|x, h| {
                let h = (x + h.matmul(w_hh)).tanh();
                (h, h)
            });
            (inner.outputs, inner.state * gate.sigmoid())
        });
        row([scanned.outputs, scanned.state])
    }, cases(CASES);
}
