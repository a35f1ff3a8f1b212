//! Matrix products: batches, leading rows and vectors, either operand transposed.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::extent;
use crate::harness::{Domain, check};

/// One row for each kind of product, with its operands' axes: `l` stands for any leading axes, and
/// the product sums over `k`.
macro_rules! products {
    ($($name:ident: $left:literal $right:literal $product:ident;)*) => {$(
        #[test]
        fn $name() {
            let extents = (vec(extent(), 0..=2), extent(), extent(), extent());
            let shapes = extents.prop_map(|(l, m, k, n)| {
                let extents = |axis| match axis {
                    'l' => l.clone(),
                    'm' => vec![m],
                    'k' => vec![k],
                    _ => vec![n],
                };
                ((), vec![
                    $left.chars().flat_map(extents).collect(),
                    $right.chars().flat_map(extents).collect(),
                ])
            });
            check(Domain::Any, shapes, |(), x| x[0].$product(x[1]));
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
