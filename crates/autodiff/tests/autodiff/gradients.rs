//! The collection of gradients.

use bptt_autodiff::{Gradients, Param, Tape};
use bptt_tensor::Tensor;

use crate::scan::support::{distance, param, uniform};

/// The gradients of the mean loss of a batch `[T, B, 3]`.
fn of_batch(xs: &Tensor<f64>, [w_ih, w_hh, _]: &[Param<f64>; 3]) -> Gradients<f64> {
    let tape = Tape::new();
    let start = tape.constant(Tensor::zeros([xs.shape()[1], 4]));
    let scanned = tape.scan(tape.constant(xs.clone()), start).run(|x, h| {
        let h = (x.matmul(w_ih) + h.matmul(w_hh)).tanh();
        (h, h)
    });
    tape.backward(scanned.outputs.square().mean_all())
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    let params = [param([3, 4], 1), param([4, 4], 2), param([4], 3)];
    let xs = uniform::<f64>([5, 6, 3], 4);
    let whole = of_batch(&xs, &params);
    let mut sum = Gradients::default();
    for first in [0, 2, 4] {
        sum += of_batch(&xs.slice(1, first..first + 2), &params);
    }
    sum.scale(1.0 / 3.0);
    let found = params.each_ref().map(|param| sum.get(param).cloned());
    let expected = params.each_ref().map(|param| whole.get(param).cloned());
    assert!(found[2].is_none() && expected[2].is_none(), "the loss does not depend on it");
    let [found, expected] =
        [found, expected].map(|all| all.into_iter().flatten().collect::<Vec<_>>());
    assert!(distance(&found, &expected) < 1e-15);
    assert!((sum.norm() - whole.norm()).abs() < 1e-15);
}

#[test]
fn gradients_are_iterated_named_and_removed() {
    let [a, b, c] = [[3.0, 0.0], [0.0, 4.0], [1.0, 1.0]].map(|x| Param::new(Tensor::from(x)));
    let tape = Tape::new();
    let loss = (tape.param(&b).square() + tape.param(&a).square()).sum_all() * 0.5;
    let mut gradients = tape.backward(loss);
    assert_eq!(gradients.norm(), 5.0);
    assert_eq!(gradients.norm_of([&b, &c]), 4.0);
    let ids: Vec<_> = gradients.iter().map(|(&id, _)| id).collect();
    assert_eq!(ids, [a.id(), b.id()], "in the order of their making");
    let names: Vec<_> = gradients.named([("c", &c), ("b", &b), ("a", &a)]).collect();
    assert_eq!(names, [("b", b.value()), ("a", a.value())]);
    assert_eq!(gradients.remove(&a).as_ref(), Some(a.value()));
    assert_eq!((gradients.remove(&a), gradients.len()), (None, 1));
    assert_eq!(gradients.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [b.id()]);
}

#[test]
fn no_gradients_have_a_norm_of_zero() {
    assert_eq!(Gradients::<f64>::default().norm().to_string(), "0");
}

/// The norm is finite even if squares overflow.
#[test]
fn a_norm_does_not_overflow() {
    let w = Param::new(Tensor::from_vec([2], vec![0.0, 0.0]));
    let tape = Tape::new();
    let slopes = Tensor::from_vec([2], vec![3e200, 4e200]);
    let gradients = tape.backward((tape.param(&w) * &slopes).sum_all());
    assert!((gradients.norm() / 5e200 - 1.0).abs() < 1e-15);
}
