//! Matrix products: batches, leading rows and vectors, either operand transposed.

use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::extent;
use super::harness::{Domain, check};

/// The shapes of two operands whose axes are named: `l` stands for any leading axes, and the
/// product sums over `k`.
fn operands(left: &'static str, right: &'static str) -> BoxedStrategy<((), Vec<Shape>)> {
    let extents = (vec(extent(), 0..=2), extent(), extent(), extent());
    let shapes = extents.prop_map(move |(l, m, k, n)| {
        let extents = |axis| match axis {
            'l' => l.clone(),
            'm' => vec![m],
            'k' => vec![k],
            _ => vec![n],
        };
        let shape = |axes: &str| axes.chars().flat_map(extents).collect();
        ((), vec![shape(left), shape(right)])
    });
    shapes.boxed()
}

/// One row for each kind of product, with the axes of its operands.
macro_rules! products {
    ($($name:ident: $left:literal $right:literal $product:ident;)*) => {$(
        #[test]
        fn $name() {
            check(Domain::Any, operands($left, $right), |(), x| x[0].$product(x[1]));
        }
    )*};
}

products! {
    batches: "lmk" "lkn" matmul;
    batches_with_the_right_transposed: "lmk" "lnk" matmul_t;
    batches_with_the_left_transposed: "lkm" "lkn" t_matmul;
    rows_times_one_matrix: "lmk" "kn" matmul;
    rows_times_one_transposed_matrix: "lmk" "nk" matmul_t;
    vector_times_matrix: "k" "kn" matmul;
    vector_times_transposed_matrix: "k" "nk" matmul_t;
}
