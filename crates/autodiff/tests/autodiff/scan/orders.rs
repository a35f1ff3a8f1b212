//! Derivatives of higher order, and products with Jacobians.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;

use super::support::{Case, Execution, distance, loss, param, run, uniform};

/// A gated step with products of the input and of the state.
fn step<'t>(
    [w, u]: [Var<'t, f64>; 2],
    x: &[Var<'t, f64>],
    h: &[Var<'t, f64>],
) -> (Vec<Var<'t, f64>>, Vec<Var<'t, f64>>) {
    let z = x[0].matmul(w) + h[0].matmul(u);
    let next = z.sigmoid() * h[0] + z.tanh() * 0.5;
    (vec![next * z], vec![next])
}

fn case() -> Case<f64> {
    Case {
        sequences: vec![uniform([4, 2, 3], 1)],
        state: vec![uniform([2, 5], 2)],
        params: vec![param([3, 5], 3), param([5, 5], 4)],
        reversed: false,
    }
}

/// The first three derivatives, each along another direction, and a Jacobian-vector product.
fn derivatives(execution: Execution) -> [Vec<Tensor<f64>>; 4] {
    let case = case();
    let tape = Tape::new();
    let xs = tape.variable(case.sequences[0].clone());
    let h = tape.variable(case.state[0].clone());
    let weights = [0, 1].map(|i| tape.param(&case.params[i]));
    let values = run(&case, execution, &[xs], &[h], |x, h| step(weights, x, h));
    let sources = [xs, h, weights[0], weights[1]];
    let direction = |seed: u64| {
        let pairs = (seed..).zip(sources);
        pairs.map(|(seed, x)| (x, tape.constant(uniform(x.shape(), seed)))).collect::<Vec<_>>()
    };
    let mut y = loss(&values);
    let mut slopes = |order: u64| {
        let gradients = tape.grad(y, sources);
        let terms = gradients.iter().zip(direction(10 * order));
        let along = terms.map(|(&gradient, (_, v))| (gradient * v).sum_all());
        y = along.reduce(|sum, term| sum + term).expect("there are sources");
        gradients.iter().map(|gradient| gradient.value()).collect::<Vec<_>>()
    };
    let orders = [slopes(1), slopes(2), slopes(3)];
    let pushed = tape.jvp(values[0], &direction(50));
    let [first, second, third] = orders;
    [first, second, third, vec![pushed.value()]]
}

#[test]
fn three_orders_and_jacobian_products_are_those_of_the_loop() {
    let (scanned, looped) = (derivatives(Execution::Scan), derivatives(Execution::Loop));
    for (order, (scanned, looped)) in scanned.iter().zip(&looped).enumerate() {
        let distance = distance(scanned, looped);
        assert!(distance < 1e-9, "order {order} is off by {distance:e}");
        assert!(looped.iter().all(|tensor| tensor.as_slice().iter().any(|x| x.abs() > 1e-3)));
    }
}

/// The derivative of a scan takes the same number of nodes on the tape for any number of steps.
#[test]
fn the_gradient_of_a_scan_is_a_scan() {
    let nodes = |steps: usize| {
        let case = Case { sequences: vec![uniform([steps, 2, 3], 1)], ..case() };
        let tape = Tape::new();
        let xs = tape.variable(case.sequences[0].clone());
        let h = tape.variable(case.state[0].clone());
        let weights = [0, 1].map(|i| tape.param(&case.params[i]));
        let values = run(&case, Execution::Scan, &[xs], &[h], |x, h| step(weights, x, h));
        let [slope] = tape.grad(loss(&values), [weights[1]]);
        let _ = tape.grad(slope.square().sum_all(), [xs]);
        tape.len()
    };
    assert_eq!(nodes(3), nodes(30));
}
