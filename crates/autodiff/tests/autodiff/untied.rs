//! Tapes on which each time step has parameters of its own.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::Tensor;

/// The weights of a recurrence, and inputs `[T, B, 2]`.
struct Recurrence {
    w: Param<f64>,
    u: Param<f64>,
    out: Param<f64>,
    xs: Tensor<f64>,
}

impl Recurrence {
    fn new() -> Self {
        let tensor = |shape: [usize; 2], phase: f64| {
            Tensor::from_fn(shape, |i| (1.7 * i as f64 + phase).sin())
        };
        let [w, u, out] = [([2, 3], 0.1), ([3, 3], 0.2), ([3, 1], 0.3)]
            .map(|(shape, phase)| Param::new(tensor(shape, phase)));
        Self { w, u, out, xs: tensor([5, 8], 0.4).reshape([5, 4, 2]) }
    }

    fn parameters(&self) -> [&Param<f64>; 3] {
        [&self.w, &self.u, &self.out]
    }

    /// The loss of a scan, whose step names `u` twice. `out` is named after all steps.
    fn loss<'t>(&self, tape: &'t Tape<f64>, is_reversed: bool) -> Var<'t, f64> {
        let xs = tape.constant(self.xs.clone());
        let scan = tape.scan(xs, tape.constant(Tensor::zeros([4, 3])));
        let scan = if is_reversed { scan.reversed() } else { scan };
        let h = scan
            .run(|x, h: Var<'_, f64>| {
                let h = (x.matmul(&self.w) + h.matmul(&self.u) * 0.5 + h.square().matmul(&self.u))
                    .tanh();
                ((), h)
            })
            .state;
        h.matmul(&self.out).square().sum_all()
    }
}

fn assert_close(a: &Tensor<f64>, b: &Tensor<f64>) {
    let distance = (a - b).iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    assert!(distance < 1e-12, "{a} {b}");
}

/// The uses have one variable for each step, their gradients sum to that of the parameter, and so `backward` is as on
/// any tape.
#[test]
fn gradients_of_uses_sum_to_those_of_parameters() {
    for is_reversed in [false, true] {
        let net = Recurrence::new();
        let tape = Tape::new();
        let tied = tape.backward(net.loss(&tape, is_reversed));
        let tape = Tape::untied();
        let loss = net.loss(&tape, is_reversed);
        let untied = tape.backward(loss);
        for (parameter, count) in net.parameters().into_iter().zip([5, 5, 1]) {
            let uses = tape.uses(parameter);
            assert_eq!(uses.len(), count);
            assert_close(&untied[parameter], &tied[parameter]);
            let one = tape.constant(Tensor::ones(loss.shape()));
            let by_step = tape.vjp(&[(loss, one)], &uses);
            let sum = by_step.into_iter().reduce(|sum, next| sum + next).expect("uses");
            assert_close(&sum.value(), &tied[parameter]);
        }
    }
}

/// The gradient of step `t` is that of a parameter of its own there: a difference of that step's weight alone.
#[test]
fn a_use_is_of_its_step() {
    let net = Recurrence::new();
    let loop_of = |tape: &Tape<f64>, weights: &[Tensor<f64>]| {
        let mut h = tape.constant(Tensor::zeros([4, 3]));
        for (t, u) in weights.iter().enumerate() {
            let x = tape.constant(net.xs.index_first(t));
            h = (x.matmul(&net.w) + h.matmul(u) * 0.5 + h.square().matmul(u)).tanh();
        }
        h.matmul(&net.out).square().sum_all().item()
    };
    let tape = Tape::untied();
    let loss = net.loss(&tape, false);
    let uses = tape.uses(&net.u);
    let by_step = tape.vjp(&[(loss, tape.constant(Tensor::ones(loss.shape())))], &uses);
    for (t, slope) in by_step.iter().enumerate() {
        let moved = |by: f64| {
            let mut weights = vec![net.u.value().clone(); 5];
            weights[t].as_mut_slice()[4] += by;
            loop_of(&Tape::inference(), &weights)
        };
        let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((slope.value().as_slice()[4] - difference).abs() < 1e-8, "step {t}");
    }
}

/// Announced steps of a loop on the tape count as those of a scan.
#[test]
fn steps_of_a_plain_loop_have_their_own_too() {
    let net = Recurrence::new();
    let tape = Tape::untied();
    let mut h = tape.constant(Tensor::zeros([4, 3]));
    for t in 0..5 {
        tape.set_step(Some(t));
        h = (tape.constant(net.xs.index_first(t)).matmul(&net.w) + h.matmul(&net.u)).tanh();
    }
    tape.set_step(None);
    assert_eq!(tape.uses(&net.u).len(), 5);
    assert!(tape.uses(&net.out).is_empty());
    assert!(!tape.param(&net.u).is(tape.uses(&net.u)[1]), "outside of steps it is another");
    assert_eq!(tape.uses(&net.u).len(), 6);
}

/// What stands for a parameter stands for it at every step, and a use within a guard that drops what it records is no
/// use.
#[test]
fn substitutes_and_what_is_dropped_are_no_uses() {
    let net = Recurrence::new();
    let tape = Tape::untied();
    let doubled = tape.param(&net.u) * 2.0;
    {
        let _doubled = tape.substitute(&net.u, doubled);
        let _ = net.loss(&tape, false);
    }
    assert_eq!(tape.uses(&net.u).len(), 1, "outside of steps");
    let tape = Tape::untied();
    let recorded = tape.aside();
    let _ = net.loss(&tape, false).value();
    drop(recorded);
    assert!(tape.is_empty() && tape.uses(&net.u).is_empty());
}

#[test]
fn other_tapes_have_no_uses() {
    let net = Recurrence::new();
    let tape = Tape::new();
    let _ = net.loss(&tape, false);
    assert!(tape.uses(&net.u).is_empty());
}
