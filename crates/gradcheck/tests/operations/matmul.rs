//! Matrix products: batches, leading rows and vectors, either operand transposed.

use bptt_gradcheck::{domains, extents};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::Cases;
use crate::operations;

operations! {
    batches: domains(), operands("lmk", "lkn"), |(), x| x[0].matmul(x[1]);
    batches_with_the_right_transposed: domains(), operands("lmk", "lnk"), |(), x| x[0].matmul_t(x[1]);
    batches_with_the_left_transposed: domains(), operands("lkm", "lkn"), |(), x| x[0].t_matmul(x[1]);
    rows_times_one_matrix: domains(), operands("lmk", "kn"), |(), x| x[0].matmul(x[1]);
    rows_times_one_transposed_matrix: domains(), operands("lmk", "nk"), |(), x| x[0].matmul_t(x[1]);
    vector_times_matrix: domains(), operands("k", "kn"), |(), x| x[0].matmul(x[1]);
    vector_times_transposed_matrix: domains(), operands("k", "nk"), |(), x| x[0].matmul_t(x[1]);

    a_matrix_times_itself: domains(), operands("m", "mm"), |(), x| x[1].matmul(x[1]);
    a_matrix_times_its_transpose: domains(), operands("k", "mk"), |(), x| x[1].matmul_t(x[1]) + x[0].sum_all();
}

/// The shapes of two operands whose axes are named: `l` stands for any leading axes, and the
/// product sums over `k`.
fn operands(left: &'static str, right: &'static str) -> Cases<()> {
    let extents = (vec(extents(), 0..=2), extents(), extents(), extents());
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
