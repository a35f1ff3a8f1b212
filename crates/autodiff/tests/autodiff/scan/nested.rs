//! Scans within steps of scans, captured variables, and several sequences and states.

use bptt_autodiff::{Operation, Param, Pullback, Tape, Tree, Var};
use bptt_tensor::{Shape, ShapeError, Tensor};

use super::support::{distance, param, uniform};

/// The inner recurrence runs over the features of each step: a network in a network.
fn inner<'t>(
    scanned: bool,
    x: Var<'t, f64>,
    start: Var<'t, f64>,
    u: &'t Param<f64>,
) -> Var<'t, f64> {
    let columns = x.reshape([2, 3, 1]).permute(&[1, 0, 2]); // [3, B, 1]
    let step = |x: Var<'t, f64>, h: Var<'t, f64>| (h.matmul(u) + x).tanh();
    if scanned {
        let inner = x.tape().scan(columns, start);
        return inner.run(|x, h| ((), step(x, h))).state;
    }
    (0..3).fold(start, |h, t| step(columns.index_first(t), h))
}

fn gradients(scanned: bool, u: &Param<f64>) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let xs = tape.variable(uniform([4, 2, 3], 1));
    let start = tape.variable(uniform([2, 2], 2));
    let outer = tape.scan(xs, start).run(|x, h| {
        let next = inner(scanned, x, h, u);
        (next, next)
    });
    let gradients = tape.backward(outer.outputs.square().sum_all());
    let [again] = tape.grad(outer.outputs.sin().sum_all(), [start]);
    vec![
        gradients.wrt(xs).clone(),
        gradients.wrt(start).clone(),
        gradients[u].clone(),
        again.value(),
    ]
}

#[test]
fn a_scan_within_a_step_is_the_loop_within_it() {
    let u = param([2, 2], 3);
    assert!(distance(&gradients(true, &u), &gradients(false, &u)) < 1e-12);
}

#[test]
fn captured_variables_are_differentiated() {
    let tape = Tape::new();
    let xs = tape.constant(Tensor::<f64>::ones([3, 1, 1]));
    let start = tape.constant(Tensor::zeros([1, 1]));
    let rate = tape.variable(Tensor::scalar(0.5));
    let double = rate * 2.0;
    let outside = Tensor::full([1, 1], 3.0);
    let scanned = tape.scan(xs, start).run(|x, h| {
        let next = h * double + x * rate * &outside;
        ((), next)
    });
    // h₃ = 3r ((2r)² + 2r + 1), and at r = ½ that is 4.5; dh₃/dr = 3 (12 r² + 4 r + 1) = 18
    assert_eq!(scanned.state.item(), 4.5);
    assert_eq!(tape.backward(scanned.state.sum_all()).wrt(rate).item(), 18.0);
}

/// Two matrix products between the widths, and one elementwise product.
fn mixed<'t>(
    [u, v]: [Var<'t, f64>; 2],
    x: [Var<'t, f64>; 2],
    s: [Var<'t, f64>; 2],
) -> (Var<'t, f64>, Var<'t, f64>, Var<'t, f64>) {
    ((s[0] * x[0]).matmul(u), s[1] * x[1], x[0] + s[1].matmul(v))
}

#[test]
fn several_sequences_and_states_of_different_widths() {
    let (u, v) = (param([3, 2], 1), param([2, 3], 2));
    let run = |scanned: bool| {
        let tape = Tape::new();
        let xs = tape.variable(uniform::<f64>([5, 2, 3], 3));
        let zs = tape.variable(uniform([5, 2, 2], 4));
        let (a, b) = (tape.variable(uniform([2, 3], 5)), tape.variable(uniform([2, 2], 6)));
        let [u, v] = [&u, &v].map(|param| tape.param(param));
        let (outputs, state) = if scanned {
            let out = tape.scan([xs, zs], [a, b]).run(|x, s| {
                let (p, q, r) = mixed([u, v], x, s);
                ([r, p], [r.tanh(), (p + q).sin()])
            });
            (out.outputs, out.state)
        } else {
            let (mut state, mut outputs) = ([a, b], [vec![], vec![]]);
            for t in 0..5 {
                let (p, q, r) = mixed([u, v], [xs.index_first(t), zs.index_first(t)], state);
                outputs[0].push(r);
                outputs[1].push(p);
                state = [r.tanh(), (p + q).sin()];
            }
            (outputs.map(|steps| Var::stack(&steps, 0)), state)
        };
        let loss =
            (outputs[0] * 2.0).sum_all() + outputs[1].square().sum_all() + state[1].sum_all();
        let gradients = tape.backward(loss);
        [xs, zs, a, b].map(|source| gradients.wrt(source).clone()).to_vec()
    };
    assert!(distance(&run(true), &run(false)) < 1e-12);
}

/// A state that the step does not change, read after the loop through a view.
#[test]
fn an_unchanged_state() {
    for batch in [1, 2] {
        let run = |scanned: bool| {
            let tape = Tape::new();
            let xs = tape.variable(uniform::<f64>([40, batch, 2], 1));
            let (h, s) =
                (tape.variable(uniform([batch, 2], 2)), tape.variable(uniform([batch, 4], 3)));
            let outputs = if scanned {
                let scanned = tape.scan(xs, [h, s]).run(|x, state| {
                    let a = state[1].slice(1, 1..3);
                    let h = (x + state[0] * a).tanh();
                    (h * a, [h, state[1]])
                });
                (scanned.outputs, scanned.state).leaves()
            } else {
                let (a, mut h, mut ys) = (s.slice(1, 1..3), h, vec![]);
                for t in 0..40 {
                    h = (xs.index_first(t) + h * a).tanh();
                    ys.push(h * a);
                }
                vec![Var::stack(&ys, 0), h, s]
            };
            let gradients = tape.backward(super::support::loss(&outputs));
            let values = outputs.iter().map(|y| y.value());
            values.chain([xs, h, s].map(|x| gradients.wrt(x).clone())).collect::<Vec<_>>()
        };
        assert!(distance(&run(true), &run(false)) < 1e-12);
    }
}

/// Zero and minus zero are different literals.
#[test]
fn literals_are_told_apart_by_their_bits() {
    let signs = |zero: f64| {
        let tape = Tape::new();
        let xs = tape.constant(Tensor::<f64>::ones([1, 1, 1]));
        let scanned = tape.scan(xs, ()).run(|x, ()| ([x * zero, x * -zero], ()));
        [0, 1].map(|k| scanned.outputs[k].value().item().is_sign_negative())
    };
    assert_eq!((signs(0.0), signs(-0.0)), ([false, true], [true, false]));
}

/// Runs a step over `[4, B, 3]` from `[B, 3]`, scanned or in a loop. Returns values, and gradients
/// with respect to inputs, state and a variable `[B, 1]`.
fn both_ways(
    batch: usize,
    step: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
) -> [Vec<Tensor<f64>>; 2] {
    [true, false].map(|scanned| {
        let tape = Tape::new();
        let xs = tape.variable(uniform::<f64>([4, batch, 3], 1));
        let (h, p) = (tape.variable(uniform([batch, 3], 2)), tape.variable(uniform([batch, 1], 3)));
        let ys = if scanned {
            let scanned =
                tape.scan(xs, h).run(|x, s| (Var::concat(&[s, x], 1).tanh(), step(x, s, p)));
            (scanned.outputs, scanned.state).leaves()
        } else {
            let (mut h, mut ys) = (h, vec![]);
            for t in 0..4 {
                ys.push(Var::concat(&[h, xs.index_first(t)], 1).tanh());
                h = step(xs.index_first(t), h, p);
            }
            vec![Var::stack(&ys, 0), h]
        };
        let loss = super::support::loss(&ys);
        let gradients = tape.backward(loss);
        let [again] = tape.grad(tape.grad(loss, [p])[0].square().sum_all(), [xs]);
        let values = ys.iter().map(|y| y.value());
        let slopes = [xs, h, p].map(|x| gradients.wrt(x).clone());
        values.chain(slopes).chain([again.value()]).collect()
    })
}

#[test]
fn an_invariant_column_and_old_states_joined_after_the_loop() {
    for batch in [1, 2, 3, 5] {
        let [scanned, looped] = both_ways(batch, |x, h, p| (h * p + x).sin());
        let distance = distance(&scanned, &looped);
        assert!(distance < 1e-11, "batch {batch}: off by {distance:e}");
    }
}

/// `y = x ⊙ w`, with tensors in its gradient rule.
#[derive(Debug)]
struct Weighted(Tensor<f64>);

impl Operation<f64> for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        inputs[0] * &self.0
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, f64>) {
        let g = at.cotangent();
        at.add(0, || g * &self.0);
    }
}

#[test]
fn a_users_operation_may_hold_tensors() {
    let [scanned, looped] = both_ways(2, |x, h, p| {
        let weights = Tensor::from_vec([3], vec![0.5, -1.5, 2.0]);
        (x.tape().apply(Weighted(weights), &[h]) * p + x).sin()
    });
    assert!(distance(&scanned, &looped) < 1e-11);
}
