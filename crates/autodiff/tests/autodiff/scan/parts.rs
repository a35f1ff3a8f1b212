//! Steps that cannot be compiled as a whole: the values between the operations in the way are.

use bptt_autodiff::{Param, Recompute, Tape, Var};
use bptt_tensor::Tensor;

use super::support::{distance, param, plan_of, uniform};

/// The number of operations that a plan says are compiled, and of all.
fn compiled(plan: &str) -> [usize; 2] {
    let line = plan.lines().find(|line| line.contains("are compiled")).expect("some are compiled");
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    [(); 2].map(|()| numbers.next().expect("two numbers"))
}

/// Two matrices, and a bias, which the reverse does not read.
fn weights() -> [Param<f64>; 3] {
    [param([3, 12], 3), param([4, 12], 4), param([12], 5)]
}

/// A gated unit whose sequences attend to each other: a softmax over the batch.
fn attending<'t>(
    [w, u, b]: &[Param<f64>; 3],
    x: Var<'t, f64>,
    h: Var<'t, f64>,
) -> (Var<'t, f64>, Var<'t, f64>) {
    let [gate, value, score] = (x.matmul(w) + h.matmul(u) + b).split(-1);
    let h = gate.sigmoid() * h + (1.0 - gate.sigmoid()) * value.tanh();
    let pooled = (score.softmax(0) * h).sum_keep(&[0]);
    ((h + pooled).tanh(), h * pooled.sigmoid())
}

/// Values and gradients are those of the loop, as `plan_of` asserts.
#[test]
fn all_but_the_operations_along_the_batch_is_compiled() {
    let weights = weights();
    let (forward, reverse) = plan_of([6, 5, 3], [[5, 4]], |x, [h]| {
        let (y, h) = attending(&weights, x, h);
        (y, [h])
    });
    assert!(forward.contains("softmax(axis 0)"), "{forward}");
    // the softmax, the sum over the batch and its logistic function (two operations) are not, nor is
    // the single product between softmax and sum
    assert_eq!(compiled(&forward), [14, 19], "{forward}");
    assert!(forward.ends_with("2 of them for all steps at once\n"), "{forward}");
    let [in_reverse, all] = compiled(&reverse);
    assert!(2 * in_reverse > all, "{reverse}");
}

/// What the rows share, such as the mean of the batch, is read by compiled functions.
#[test]
fn functions_of_what_the_rows_share_are_compiled() {
    let scale = param([4], 5);
    let (forward, _) = plan_of([6, 5, 4], [[5, 4]], |x, [h]| {
        let mean = (h + x).mean_keep(&[0]);
        let centred = h + x - mean;
        let deviation = centred.square().mean_keep(&[0]).sqrt() + 0.1;
        let h = (centred / deviation * &scale).tanh();
        (h, [h])
    });
    // two means, functions of them and the first sum, which stands alone, are not
    assert_eq!(compiled(&forward), [5, 13], "{forward}");
}

/// A run of more windows than one, in reverse, has the same bits by two threads, and is that with
/// recomputed steps and the loop.
#[test]
fn threads_windows_and_recomputation_change_nothing() {
    let weights = weights();
    let run = |threads: usize, every: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool of threads");
        pool.install(|| {
            let tape = Tape::new();
            let xs = tape.variable(uniform([30, 500, 3], 1)); // windows of nine steps
            let h = tape.variable(uniform([500, 4], 2));
            let scan = tape.scan(xs, h).reversed().recompute(Recompute::Every(every));
            let scanned = scan.run(|x, h| attending(&weights, x, h));
            let gradients = tape.backward(scanned.outputs.square().sum_all());
            [scanned.outputs.value(), gradients.wrt(xs).clone(), gradients[&weights[1]].clone()]
        })
    };
    let one = run(1, 30); // all steps
    assert!(run(2, 30) == one);
    assert!(distance(&run(1, 7), &one) < 1e-12);
    let tape = Tape::new();
    let reversed: Tensor<f64> = uniform([30, 500, 3], 1);
    let mut h = tape.constant(uniform([500, 4], 2));
    for time in (0..30).rev() {
        let x = tape.constant(reversed.index_first(time));
        let (y, next) = attending(&weights, x, h);
        let difference = &y.value() - &one[0].index_first(time);
        assert!(difference.as_slice().iter().all(|x| x.abs() < 1e-12), "step {time}");
        h = next;
    }
}

/// A stepper computes the values of the sequence.
#[test]
fn a_stepper_runs_the_parts_of_a_step() {
    let weights = weights();
    let tape = Tape::new();
    let values: Tensor<f64> = uniform([6, 5, 3], 1);
    let (xs, h) = (tape.constant(values.clone()), tape.constant(uniform([5, 4], 2)));
    let ys = tape.scan(xs, h).run(|x, h| attending(&weights, x, h)).outputs.value();
    let mut stepper = tape.scan(xs, h).stepper(|x, h| attending(&weights, x, h));
    for time in 0..6 {
        stepper.step(&[values.index_first(time).as_slice()]);
        let expected = ys.index_first(time);
        let differences = stepper.output(0).iter().zip(expected.as_slice()).map(|(a, b)| a - b);
        assert!(differences.into_iter().all(|x| x.abs() < 1e-12), "step {time}");
    }
}
