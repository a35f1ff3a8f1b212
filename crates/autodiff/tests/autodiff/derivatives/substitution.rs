//! Variables that replace parameters.

use bptt_autodiff::{Param, Tape};
use bptt_tensor::Tensor;

#[test]
fn the_last_of_several_substitutions_counts_in_whatever_order_they_end() {
    let w = Param::new(Tensor::scalar(3.0));
    let tape = Tape::<f64>::new();
    let value = || tape.param(&w).item();
    let [one, two] = [10.0, 20.0].map(|number| tape.constant(Tensor::scalar(number)));

    let first = tape.substitute(&w, one);
    let second = tape.substitute(&w, two);
    assert_eq!(value(), 20.0);
    drop(second);
    assert_eq!(value(), 10.0);
    let second = tape.substitute(&w, two);
    drop(first);
    assert_eq!(value(), 20.0);
    drop(second);
    assert_eq!(value(), 3.0);
}

/// Only the step names the parameter. A variable replaces it in some steps and not in others.
#[test]
fn a_substitution_within_a_step_ends_with_it() {
    let w = Param::new(Tensor::full([1, 1], 3.0));
    let tape = Tape::<f64>::new();
    let xs = tape.constant(Tensor::ones([4, 1, 1]));
    let start = tape.constant(Tensor::zeros([1, 1]));
    let scanned = tape.scan(xs, start).run(|x, h| {
        let _doubled = tape.substitute(&w, tape.param(&w) * 2.0);
        ((), h + x * &w)
    });
    let gradients = tape.backward(scanned.state.sum_all());
    assert_eq!((scanned.state.item(), gradients[&w].item()), (24.0, 8.0));
    assert_eq!(tape.param(&w).item(), 3.0);
}
