//! A scan of a single step is recorded operation by operation, and its gradients follow the rules
//! of longer scans.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

/// The gradients of a loss on the last output, `y = 2 (3 c)`, with respect to the last states `h =
/// 3 c` and `c`.
fn gradients_in_last_state(tape: &Tape<f64>, steps: usize) -> Vec<f64> {
    let xs = tape.constant(Tensor::ones([steps, 1, 1]));
    let start = tape.constant(Tensor::zeros([1, 1]));
    let scanned = tape.scan(xs, [start, start]).run(|x, state| {
        let c = state[1] + x;
        let h = c * 3.0;
        (h * 2.0, [h, c])
    });
    let last = scanned.outputs.index_first(steps - 1);
    let loss = (last + scanned.state[0] * 5.0).sum_all();
    let gradients = tape.grad(loss, [scanned.state[0], scanned.state[1]]);
    gradients.iter().map(|gradient| gradient.value()[[0, 0]]).collect()
}

#[test]
fn gradients_of_the_last_state_include_later_operations_only() {
    for steps in [1, 2] {
        assert_eq!(gradients_in_last_state(&Tape::new(), steps), [5.0, 0.0], "{steps} steps");
        let checking = gradients_in_last_state(&Tape::checking(), steps);
        assert_eq!(checking, [5.0, 0.0], "{steps} steps on a checking tape");
    }
}
