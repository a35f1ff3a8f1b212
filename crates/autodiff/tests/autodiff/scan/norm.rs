//! Norms of rows are computed within a fused sequence, and equal those of the loop.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{distance, plan};

#[test]
fn a_state_is_divided_by_its_norm_in_one_pass() {
    let (forward, reverse) = plan(|_, h| {
        let next = h / h.norm_keep(&[1]);
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            y1 = norm y0(before)
          then, 1 columns:
            r0 = recip y1
          then, 4 columns:
            y0 = mul y0(before) r0
        "#]]
    .assert_eq(&forward);
    let divisions = reverse.matches("recip").count();
    assert!(reverse.starts_with("each step:\n  fused") && divisions == 1, "{reverse}");
}

#[test]
fn norms_of_any_magnitude_are_those_of_the_loop() {
    let rows = [3.0, 4.0, 3e19, 4e19, 1e-23, 0.0, 0.0, 0.0];
    let of = |is_scanned: bool| {
        let tape = Tape::<f32>::new();
        let xs = tape.variable(Tensor::from_slice([1, 4, 2], &rows));
        let lengths = if is_scanned {
            tape.scan(xs, ()).run(|x, ()| (x.norm(&[1]), ())).outputs
        } else {
            Var::stack(&[xs.index_first(0).norm(&[1])], 0)
        };
        let [slopes] = tape.grad(lengths.sum_all(), [xs]);
        let backward = tape.backward(lengths.sum_all()).wrt(xs).clone();
        [lengths.value(), slopes.value(), backward]
    };
    let [lengths, slopes, backward] = of(false);
    assert_eq!(lengths.to_vec(), [5.0, 5e19, 1e-23, 0.0]);
    assert_eq!(slopes.to_vec(), [0.6, 0.8, 0.6, 0.8, 1.0, 0.0, 0.0, 0.0]);
    let scanned = of(true);
    assert!(distance(&scanned, &[lengths, slopes, backward]) < 1e-6, "{scanned:?}");
}
