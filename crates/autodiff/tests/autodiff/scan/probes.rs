//! Named values of steps: the same from every way to run, and for nothing without a request.

use bptt_autodiff::{Recompute, Tape, Var};
use bptt_tensor::Tensor;

use super::support::{param, uniform};
use crate::faults::caught::refuses;

type V<'t> = Var<'t, f64>;

/// A gated step, which names its gate and its candidate.
fn step<'t>(x: V<'t>, h: V<'t>, [w, u]: [V<'t>; 2]) -> (V<'t>, V<'t>) {
    let f = (x.matmul(w) + h.matmul(u)).sigmoid().probe("f");
    let n = (x.matmul(w) - h).tanh().probe("n");
    let next = f * h + (1.0 - f) * n;
    (next * 2.0, next)
}

/// The ways to run a scan of `steps` steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Plain,
    Reversed,
    Recomputed,
    Loop,
}

/// The values of which a loss consists: 0 for the outputs, 1 for the gate, 2 for the candidate.
const TERMS: [&[usize]; 5] = [&[0, 1, 2], &[0], &[1], &[2], &[0, 2]];

/// The outputs, the gate, the candidate, and the gradients of a loss of some of them with respect to `w`, `u` and the
/// inputs.
fn run(way: Way, steps: usize, probing: bool, terms: &[usize]) -> Vec<Tensor<f64>> {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let tape = if way == Way::Loop { Tape::checking() } else { Tape::new() };
    let [w, u] = [&w, &u].map(|param| tape.param(param));
    let xs = tape.variable(uniform::<f64>([steps, 2, 3], 3));
    let start = tape.constant(uniform::<f64>([2, 4], 4));
    let probes = probing.then(|| tape.probes());
    let scan = match way {
        Way::Plain | Way::Loop => tape.scan(xs, start),
        Way::Reversed => tape.scan(xs, start).reversed(),
        Way::Recomputed => tape.scan(xs, start).recompute(Recompute::Every(2)),
    };
    let ys = scan.run(|x, h| step(x, h, [w, u])).outputs;
    let mut values = vec![ys];
    if let Some(probes) = probes {
        assert_eq!(probes.names(), ["f", "n"]);
        values.extend([probes.get("f"), probes.get("n")]);
    }
    let gradients = gradients(&values, terms, [w, u, xs]);
    values.iter().map(|value| value.value()).chain(gradients).collect()
}

fn gradients<'t>(values: &[V<'t>], terms: &[usize], of: [V<'t>; 3]) -> [Tensor<f64>; 3] {
    let terms = terms.iter().map(|&term| values[term]);
    let terms = terms.map(|value| (value * &uniform::<f64>(value.shape(), 5)).sum_all());
    let loss = terms.reduce(|sum, term| sum + term).expect("a loss has terms");
    let gradients = loss.tape().backward(loss);
    of.map(|of| gradients.get_wrt(of).cloned().unwrap_or_else(|| Tensor::zeros(of.shape())))
}

/// The same, from equations written out for each step.
fn written_out(steps: usize, reversed: bool, terms: &[usize]) -> Vec<Tensor<f64>> {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let tape = Tape::new();
    let [w, u] = [&w, &u].map(|param| tape.param(param));
    let xs = tape.variable(uniform::<f64>([steps, 2, 3], 3));
    let mut h = tape.constant(uniform::<f64>([2, 4], 4));
    let mut values = [vec![], vec![], vec![]];
    for count in 0..steps {
        let x = xs.index_first(if reversed { steps - 1 - count } else { count });
        let f = (x.matmul(w) + h.matmul(u)).sigmoid();
        let n = (x.matmul(w) - h).tanh();
        h = f * h + (1.0 - f) * n;
        for (values, value) in values.iter_mut().zip([h * 2.0, f, n]) {
            values.push(value);
        }
    }
    let stacked = values.map(|mut values| {
        if reversed {
            values.reverse();
        }
        Var::stack(&values, 0)
    });
    let gradients = gradients(&stacked, terms, [w, u, xs]);
    stacked.map(|value| value.value()).into_iter().chain(gradients).collect()
}

#[test]
fn probes_and_their_gradients_are_those_of_the_equations() {
    let all = [1, 2, 7].into_iter().flat_map(|steps| TERMS.map(|terms| (steps, terms)));
    for (steps, terms) in all {
        for way in [Way::Plain, Way::Reversed, Way::Recomputed, Way::Loop] {
            let actual = run(way, steps, true, terms);
            let expected = written_out(steps, way == Way::Reversed, terms);
            for (actual, expected) in actual.iter().zip(expected) {
                let pairs = actual.as_slice().iter().zip(expected.as_slice());
                let far = pairs.fold(0.0, |far: f64, (a, b)| far.max((a - b).abs()));
                assert!(
                    actual.shape() == expected.shape() && far < 1e-13,
                    "{way:?} {steps} {terms:?}: {far}"
                );
            }
        }
    }
}

/// A loss of the outputs alone has the gradients of a run without probes, bit for bit.
#[test]
fn a_request_changes_neither_outputs_nor_gradients() {
    for way in [Way::Plain, Way::Reversed, Way::Recomputed, Way::Loop] {
        let [probed, plain] = [true, false].map(|probing| run(way, 7, probing, &[0]));
        assert_eq!([&probed[..1], &probed[3..]].concat(), plain, "{way:?}");
    }
}

#[test]
fn without_steps_a_probe_is_empty() {
    let tape = Tape::new();
    let (xs, start) =
        (tape.constant(Tensor::zeros([0, 2, 3])), tape.constant(Tensor::zeros([2, 3])));
    let probes = tape.probes();
    let _ = tape.scan(xs, start).run(|x, h: V<'_>| ((x + h).probe("sum"), h));
    assert_eq!(probes.get("sum").shape(), [0, 2, 3]);
}

#[test]
fn a_scan_within_a_step_has_probes_of_both_times() {
    let tape = Tape::new();
    let rows = uniform::<f64>([3, 2, 1, 4], 1);
    let (xs, start) = (tape.constant(rows.clone()), tape.constant(Tensor::zeros([1, 4])));
    let probes = tape.probes();
    let _ = tape.scan(xs, start).run(|row, h| {
        let inner = tape.scan(row, h).run(|x, h| {
            let h = (h + x).probe("inner");
            ((), h)
        });
        ((), inner.state.probe("outer"))
    });
    let inner = probes.get("inner").value();
    assert_eq!(inner.shape()[..], [3, 2, 1, 4]);
    let mut sum = Tensor::zeros([1, 4]);
    for t in 0..6 {
        sum += &rows.reshape([6, 1, 4]).index_first(t);
        assert_eq!(inner.reshape([6, 1, 4]).index_first(t), sum);
    }
    assert_eq!(probes.get("outer").value().index_first(2), sum);
}

#[test]
fn a_stepper_shows_the_probes_of_the_sequence() {
    let (w, u) = (param([3, 4], 1), param([4, 4], 2));
    let tape = Tape::new();
    let [w, u] = [&w, &u].map(|param| tape.param(param));
    let entries = uniform::<f64>([6, 2, 3], 3);
    let (xs, start) = (tape.constant(entries.clone()), tape.constant(uniform([2, 4], 4)));
    let probes = tape.probes();
    let whole = tape.scan(xs, start).run(|x, h| step(x, h, [w, u]));
    let mut online = tape.scan(xs, start).stepper(|x, h| step(x, h, [w, u]));
    for t in 0..6 {
        online.step(&[entries.index_first(t).as_slice()]);
        assert_eq!(online.probe("f"), probes.get("f").value().index_first(t).as_slice());
        assert_eq!(online.output(0), whole.outputs.value().index_first(t).as_slice());
    }
    refuses!(online.output(1); "output: the step has 1 outputs, and none with index 1");
    refuses!(online.probe("g"); "probe: no value of the step is named `g`; there are `f`, `n`");
}

#[test]
fn the_plan_shows_probes_and_without_a_request_there_are_none() {
    let tape = Tape::new();
    let [w, u] = [uniform::<f64>([3, 4], 1), uniform([4, 4], 2)].map(|w| tape.constant(w));
    let (xs, start) = (tape.constant(uniform([6, 2, 3], 3)), tape.constant(uniform([2, 4], 4)));
    let plan = || tape.scan(xs, start).plan(|x, h| step(x, h, [w, u]));
    let silent = plan();
    assert!(!silent.contains("probe"), "{silent}");
    let probes = tape.probes();
    let probed = plan();
    assert!(
        probed.starts_with("output 1 is the probe `f`\noutput 2 is the probe `n`\n"),
        "{probed}"
    );
    assert_eq!(probes.names(), [""; 0]);
    drop(probes);
    assert_eq!(plan(), silent);
}

#[test]
fn names_are_met_once_and_known() {
    let tape = Tape::<f64>::new();
    let (xs, start) =
        (tape.constant(Tensor::ones([4, 1, 1])), tape.constant(Tensor::zeros([1, 1])));
    let sums = || tape.scan(xs, start).run(|x, h: V<'_>| ((), (x + h).probe("sum")));
    let probes = tape.probes();
    let _ = sums();
    refuses!(probes.get("product"); "probes: no value is named `product`; there are `sum`");
    refuses!(tape.scan(xs, start).run(|x, h: V<'_>| ((), (x + h).probe("sum"))); "probe: there is a value named `sum` already");
    let scope = tape.scope("again");
    let _ = sums();
    drop(scope);
    assert_eq!(probes.names(), ["sum", "again.sum"]);
    refuses!(tape.scan(xs, start).run(|x, h: V<'_>| (x.probe("x"), h.probe("x"))); "probe: there is a value named `x` already");
    refuses!(tape.probes(); "probes: values are being collected on this tape already");
}
