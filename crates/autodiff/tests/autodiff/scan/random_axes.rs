//! Random steps of values with inner axes, scanned and in a loop: values, gradients and second derivatives.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::support::{Case, Equations, Vars, check_orders, uniform};

/// A step with a state of heads of matrices `[B, E, D, D]` and one of vectors `[B, E, D]`.
#[derive(Clone, Debug)]
struct Recipe {
    /// Operations by their numbers, and the earlier values that they read.
    calls: Vec<(usize, [usize; 2])>,
    steps: usize,
    batch: usize,
    heads: usize,
    size: usize,
    /// Whether the states are carried as `[B, F]`.
    flat: bool,
    reversed: bool,
    recompute: usize,
    seed: u64,
}

/// The number of operations that give vectors, and of all.
const VECTORS: usize = 26;
const OPERATIONS: usize = VECTORS + 20;

fn recipe() -> impl Strategy<Value = Recipe> {
    let calls = proptest::collection::vec((0..OPERATIONS, [0_usize..16, 0..16]), 1..8);
    let sizes = (
        select(vec![2_usize, 5]),
        select(vec![1_usize, 2, 3]),
        select(vec![1_usize, 2, 3]),
        select(vec![1_usize, 2, 3, 5]),
    );
    let ways = (any::<bool>(), any::<bool>(), 1_usize..4, any::<u64>());
    (calls, sizes, ways).prop_map(
        |(calls, (steps, batch, heads, size), (flat, reversed, recompute, seed))| Recipe {
            calls,
            steps,
            batch,
            heads,
            size,
            flat,
            reversed,
            recompute,
            seed,
        },
    )
}

impl Recipe {
    fn case<T: Scalar>(&self) -> Case<T> {
        let &Self { steps, batch: b, heads: e, size: d, seed, .. } = self;
        let shapes: [&[usize]; 8] = [
            &[e * d, e * d],
            &[d],
            &[e, 1],
            &[d, d],
            &[e, d, d],
            &[b, e, d],
            &[b, e, d, d],
            &[d, d],
        ];
        let params = (seed ^ 2..).zip(shapes).map(|(seed, shape)| Param::new(uniform(shape, seed)));
        let (matrices, vectors) = (uniform([b, e, d, d], seed ^ 11), uniform([b, e, d], seed ^ 12));
        let state = match self.flat {
            true => vec![matrices.reshape([b, e * d * d]), vectors.reshape([b, e * d])],
            false => vec![matrices, vectors],
        };
        let sequences = vec![uniform([steps, b, e * d], seed)];
        Case { sequences, state, params: params.collect(), reversed: self.reversed }
    }

    fn equations<'t, T: Scalar>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        matrix: Var<'t, T>,
        vector: Var<'t, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let &Self { batch: b, heads: e, size: d, .. } = self;
        let &[w, of_columns, of_heads, of_matrix, of_all, of_rows, of_row_matrices, square] =
            params
        else {
            panic!("eight parameters")
        };
        let column = |v: Var<'t, T>| v.reshape([b, e, d, 1]);
        let row = |v: Var<'t, T>| v.reshape([b, e, 1, d]);
        let vec = |v: Var<'t, T>| v.reshape([b, e, d]);
        let projected = x.reshape([b, e * d]).matmul(w).reshape([b, e, d]);
        let (mut matrices, mut vectors) = (vec![matrix], vec![vector, projected]);
        for &(operation, [i, j]) in &self.calls {
            let [p, q] = [i, j].map(|i| matrices[matrices.len() - 1 - i % matrices.len()]);
            let [a, c] = [i, j].map(|i| vectors[vectors.len() - 1 - i % vectors.len()]);
            match operation {
                0..VECTORS => vectors.push(match operation {
                    0 => a + c * 0.5,
                    1 => a * c,
                    2 => a.tanh() * of_columns,
                    3 => a.sigmoid() * of_heads,
                    4 => a * a.mean_keep(&[2]) + of_rows,
                    5 => a.softmax(2) + c,
                    6 => a.softmax(1) * c,
                    7 => vec(p.matmul(column(a))) * 0.5,
                    8 => vec(row(a).matmul(p)) * 0.5,
                    9 => vec(p.t_matmul(column(a))) * 0.5,
                    10 => vec(row(a).matmul_t(p)) * 0.5,
                    11 => p.sum(&[2]) * 0.3,
                    12 => p.max(&[3]) - a,
                    13 => p.mean(&[2]) * c,
                    14 => a / (1.0 + a.norm_keep(&[2])),
                    15 => a.roll(1, 2) + c,
                    16 => Var::concat(&[a, c], 2).slice(2, 1..=d) * 0.7,
                    17 => Var::concat(&[a, c], 1).slice(1, 1..=e) * c,
                    18 => a.slice(2, 0..1) * c,
                    19 => a.reshape([b, e * d]).matmul(w).reshape([b, e, d]) * 0.5,
                    20 => a - a.logsumexp(2).reshape([b, e, 1]) * 0.2,
                    21 => a.cumsum(1) * 0.3 - c.cumsum(2) * 0.2,
                    22 => a.sort(2) + c,
                    23 => a.gather_along(c.argsort(2), 2) - c.topk(1, 1).0 * 0.5,
                    24 => a.matmul(square) * 0.5 + of_columns,
                    _ if e == d => a.transpose(1, 2) + c,
                    _ => a.reshape([b, d, e]).transpose(1, 2) + c,
                }),
                _ => matrices.push(match operation - VECTORS {
                    0 => column(a) * row(c),
                    1 => row(a).t_matmul(row(c)) + p,
                    2 => p * 0.5 + q.sin(),
                    3 => p.transpose(2, 3) + q,
                    4 => p.matmul(q) * 0.3,
                    5 => p.matmul_t(q) * 0.3,
                    6 => p.t_matmul(q) * 0.3,
                    7 => p * a.sigmoid().mean_keep(&[2]).reshape([b, e, 1, 1]),
                    8 => p.softmax(3) + of_matrix,
                    9 => p.softmax(2) * of_all,
                    10 => p * of_row_matrices,
                    11 => p.roll(1, 2) + q,
                    12 if d > 1 => {
                        let neighbours = p.slice(3, 1..) + p.slice(3, ..d - 1);
                        Var::concat(&[p.slice(3, ..1), neighbours], 3) * 0.5
                    }
                    13 => p - p.mean_keep(&[2, 3]),
                    14 => p * p.square().sum_keep(&[3]).sqrt().tanh() + of_matrix.exp() * 0.1,
                    15 => p.matmul(square) + of_columns,
                    16 => p.transpose(2, 3).matmul_t(square).transpose(2, 3) * 0.3,
                    17 => Var::concat(&[p, q], 3).slice(3, 1..=d).matmul(square) + of_matrix,
                    18 => p.cumsum(2) * 0.3 + q.sort(1) * 0.2,
                    _ => p.matmul(square) * 0.4,
                }),
            }
        }
        let last = matrices[matrices.len() - 1];
        let matrix = (last * 0.6 + matrix * 0.1 + column(projected) * row(vector)).sin();
        let read = vec(matrix.matmul(column(vectors[vectors.len() - 1])));
        (matrix, (read * 0.5 + vectors[vectors.len() / 2] * 0.3).tanh())
    }
}

impl Equations for Recipe {
    fn step<'t, T: Scalar>(
        &self,
        params: &[Var<'t, T>],
        x: &[Var<'t, T>],
        state: &[Var<'t, T>],
    ) -> (Vars<'t, T>, Vars<'t, T>) {
        let &Self { batch: b, heads: e, size: d, flat, .. } = self;
        let (matrix, vector) = (state[0].reshape([b, e, d, d]), state[1].reshape([b, e, d]));
        let (matrices, vectors) = self.equations(params, x[0].reshape([b, e, d]), matrix, vector);
        let next = match flat {
            true => vec![matrices.reshape([b, e * d * d]), vectors.reshape([b, e * d])],
            false => vec![matrices, vectors],
        };
        (vec![vectors.reshape([b, e * d]) * 0.5 + x[0], matrices.sum(&[3])], next)
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn a_scan_is_the_loop_in_double_precision(recipe in recipe()) {
        check_orders::<f64>(&recipe.case(), recipe.recompute, &recipe, [1e-11, 1e-9, 1e-7]);
    }

    #[test]
    fn a_scan_is_the_loop_in_single_precision(recipe in recipe()) {
        check_orders::<f32>(&recipe.case(), recipe.recompute, &recipe, [1e-3, 1e-2, 1e-1]);
    }

    #[test]
    fn every_step_is_compiled(recipe in recipe()) {
        let (case, tape) = (recipe.case::<f64>(), Tape::new());
        let variables = |values: &[Tensor<f64>]| -> Vars<'_, f64> {
            values.iter().map(|x| tape.variable(x.clone())).collect()
        };
        let (sequences, state) = (variables(&case.sequences), variables(&case.state));
        let params: Vars<'_, f64> = case.params.iter().map(|param| tape.param(param)).collect();
        let plan = tape.scan(sequences, state).plan(|x, s| recipe.step(&params, &x, &s));
        assert!(!plan.contains("operation by operation"), "{plan}");
    }
}
