//! Programs against the same equations in plain loops. Sizes are small, so that Miri runs them as
//! well.

mod axes;
mod operands;
mod reductions;
mod refused;
mod whole_rows;

use super::*;
use crate::gemm::packed::PackedRhs;
use crate::kernels::binary::Binary;
use crate::kernels::unary::Unary;
use crate::tensor::Tensor;

/// A gated recurrence with every kind of instruction:
///
/// ```text
/// z = x W + b + h₋ U
/// n = z / (Σ z² + 1)
/// h = σ(n) ⊙ h₋ + tanh n
/// y = h V, dU = Σ h₋ᵀ n, db = Σ n
/// ```
fn program(input: usize, hidden: usize, output: usize) -> RowProgram<f64> {
    let buffer = |lifetime, width, role| Buffer { lifetime, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let (x, b, h0) = (0, 1, 2);
    let (h, y, last, d_u, d_b) = (3, 4, 5, 6, 7);
    let (projected, square, norm, n, z) = (8, 9, 10, 11, 12);
    let (divisor, gate, kept, sums, one) = (13, 14, 15, 16, 17);
    let before = View { delay: Some(Delay { ahead: false, edge: h0 }), ..view(h, hidden) };
    use RowOp::{AddRows, Binary as Two, Reduce, Unary as One};
    RowProgram {
        buffers: vec![
            buffer(Lifetime::Sequence, input, Role::Input),
            buffer(Lifetime::Row, hidden, Role::Input),
            buffer(Lifetime::Step, hidden, Role::Input),
            buffer(Lifetime::Sequence, hidden, Role::Output),
            buffer(Lifetime::Sequence, output, Role::Output),
            buffer(Lifetime::Step, hidden, Role::Output),
            buffer(Lifetime::Total, hidden * hidden, Role::Output),
            buffer(Lifetime::Total, hidden, Role::Output),
            buffer(Lifetime::Segment, hidden, Role::Internal),
            buffer(Lifetime::Chunk, hidden, Role::Internal),
            buffer(Lifetime::Block, 1, Role::Internal),
            buffer(Lifetime::Segment, hidden, Role::Internal),
            buffer(Lifetime::Step, hidden, Role::Internal),
            buffer(Lifetime::Block, 1, Role::Internal),
            buffer(Lifetime::Chunk, hidden, Role::Internal),
            buffer(Lifetime::Block, hidden, Role::Internal),
            buffer(Lifetime::Partial, hidden, Role::Internal),
            buffer(Lifetime::Row, 1, Role::Constant(1.0)),
        ],
        before: vec![Instruction::MatMul {
            left: view(x, input),
            right: 0,
            accumulate: Accumulate::Rows(view(b, hidden)),
            output: view(projected, hidden),
            inner_rows: 1,
        }],
        step: vec![
            Instruction::MatMul {
                left: before,
                right: 1,
                accumulate: Accumulate::Rows(view(projected, hidden)),
                output: view(z, hidden),
                inner_rows: 1,
            },
            Instruction::Fused(vec![
                phase(
                    hidden,
                    [view(z, hidden), view(square, hidden), view(norm, 1)],
                    vec![One(Unary::Square, 0, 1), Reduce(Reduction::Sum, 1, 2)],
                ),
                phase(
                    1,
                    [view(norm, 1), view(divisor, 1), view(one, 1)],
                    vec![Two(Binary::Add, [0, 2], 1)],
                ),
                phase(
                    hidden,
                    [
                        view(z, hidden),
                        view(divisor, 1),
                        view(n, hidden),
                        view(gate, hidden),
                        before,
                        view(kept, hidden),
                    ],
                    vec![
                        Two(Binary::Div, [0, 1], 2),
                        One(Unary::Sigmoid, 2, 3),
                        Two(Binary::Mul, [3, 4], 5),
                    ],
                ),
                phase(
                    hidden,
                    [view(n, hidden), view(gate, hidden), view(kept, hidden), view(h, hidden)],
                    vec![One(Unary::Tanh, 0, 1), Two(Binary::Add, [1, 2], 3)],
                ),
            ]),
        ],
        after: vec![
            Instruction::MatMul {
                left: view(h, hidden),
                right: 2,
                accumulate: Accumulate::Zero,
                output: view(y, output),
                inner_rows: 1,
            },
            Instruction::Fused(vec![phase(
                hidden,
                [view(n, hidden), view(sums, hidden)],
                vec![AddRows(0, 1)],
            )]),
        ],
        sums: vec![
            Sum::Products { left: before, right: view(n, hidden), total: d_u, inner_rows: 1 },
            Sum::Partials { partials: sums, total: d_b },
        ],
        finals: vec![(view(h, hidden), last)],
    }
}

/// A phase of one axis.
fn phase<T>(columns: usize, views: impl IntoIterator<Item = View>, ops: Vec<RowOp<T>>) -> Phase<T> {
    let array = |view| Array::of_columns(view, columns);
    Phase {
        axes: Axes::from_slice(&[columns]),
        arrays: views.into_iter().map(array).collect(),
        ops,
    }
}

struct Case {
    sizes: Sizes,
    widths: [usize; 3],
    tensors: [Tensor<f64>; 6],
}

impl Case {
    fn new(sizes: Sizes, widths: [usize; 3]) -> Self {
        let [input, hidden, output] = widths;
        let shapes: [&[usize]; 6] = [
            &[sizes.steps, sizes.rows, input],
            &[hidden],
            &[sizes.rows, hidden],
            &[input, hidden],
            &[hidden, hidden],
            &[hidden, output],
        ];
        let mut seed = 0.0;
        let tensors = shapes.map(|shape| {
            seed += 1.0;
            Tensor::from_fn(shape, |i| (seed * (i as f64 + 1.3)).sin())
        });
        Self { sizes, widths, tensors }
    }

    fn packed(&self) -> Vec<PackedRhs<f64>> {
        self.tensors[3..].iter().map(|weight| PackedRhs::new(weight, false)).collect()
    }

    /// Runs the program and returns h, y, the last state, dU and db.
    fn run(&self) -> Vec<Vec<f64>> {
        let [input, hidden, output] = self.widths;
        let rows = self.sizes.steps * self.sizes.rows;
        let lens =
            [rows * hidden, rows * output, self.sizes.rows * hidden, hidden * hidden, hidden];
        let mut outputs: Vec<Vec<f64>> = lens.iter().map(|&len| vec![f64::NAN; len]).collect();
        let mut slices: Vec<&mut [f64]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let [x, b, h0, ..] = &self.tensors;
        program(input, hidden, output).run(self.sizes, &self.packed(), &[x, b, h0], &mut slices);
        outputs
    }

    /// Computes the results of [`run`](Self::run) in plain loops.
    fn expected(&self) -> Vec<Vec<f64>> {
        let [_, hidden, _] = self.widths;
        let [x, b, h0, w, u, v] = &self.tensors;
        let Sizes { steps, rows, reversed, .. } = self.sizes;
        let mut h = h0.clone();
        let mut hs = vec![Tensor::zeros([rows, hidden]); steps];
        let (mut d_u, mut d_b) = (Tensor::zeros([hidden, hidden]), Tensor::zeros([hidden]));
        for count in 0..steps {
            let time = if reversed { steps - 1 - count } else { count };
            let z = x.index_first(time).matmul(w) + b + h.matmul(u);
            let n = &z / (z.square().sum_keep(&[1]) + 1.0);
            d_u += h.t_matmul(&n);
            d_b += n.sum(&[0]);
            h = n.sigmoid() * &h + n.tanh();
            hs[time] = h.clone();
        }
        let flat = |tensors: &[Tensor<f64>]| tensors.iter().flat_map(Tensor::to_vec).collect();
        let ys: Vec<Tensor<f64>> = hs.iter().map(|h| h.matmul(v)).collect();
        vec![flat(&hs), flat(&ys), h.to_vec(), d_u.to_vec(), d_b.to_vec()]
    }
}

#[track_caller]
fn assert_near(found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() <= 1e-12 * y.abs().max(1.0), "{x}, not {y}");
        }
    }
}

#[test]
fn a_program_computes_its_equations() {
    let sizes = [(1, 1, 1), (2, 1, 1), (5, 2, 2), (4, 3, 4), (3, 9, 1), (7, 1, 3)];
    for (steps, rows, segment) in sizes {
        for reversed in [false, true] {
            for widths in [[1, 1, 1], [2, 3, 5]] {
                let case = Case::new(Sizes { steps, rows, segment, reversed }, widths);
                assert_near(&case.run(), &case.expected());
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "large on purpose")]
fn rows_wider_than_a_chunk_are_summed_whole() {
    let sizes = Sizes { steps: 2, rows: 3, segment: 2, reversed: false };
    let case = Case::new(sizes, [2, 1100, 3]);
    assert_near(&case.run(), &case.expected());
}

#[test]
#[cfg_attr(miri, ignore = "large on purpose")]
fn bits_do_not_depend_on_the_number_of_threads() {
    let many_steps = Sizes { steps: 40, rows: 33, segment: 16, reversed: true };
    // each thread reads a part of weights that no cache holds
    let large_weights = Sizes { steps: 3, rows: 9, segment: 2, reversed: false };
    for (sizes, widths) in [(many_steps, [40, 130, 70]), (large_weights, [3, 450, 5])] {
        let case = Case::new(sizes, widths);
        assert_near(&case.run(), &case.expected());
        let bits = |threads: usize| -> Vec<u64> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let results = pool.expect("a pool").install(|| case.run());
            results.into_iter().flatten().map(f64::to_bits).collect()
        };
        let one = bits(1);
        for threads in [2, 3, 5] {
            assert!(bits(threads) == one, "{threads} threads compute other bits than one");
        }
    }
}

#[test]
fn a_weight_of_several_products_is_counted_once() {
    let case = Case::new(Sizes { steps: 1, rows: 1, segment: 1, reversed: false }, [2, 3, 5]);
    let mut instructions = program(2, 3, 5).step; // reads a weight of nine numbers
    instructions.extend(instructions.clone());
    let stage = stage::BoundStage { instructions: &instructions, addresses: Vec::new() };
    assert_eq!(stage.weight_bytes(&case.packed()), 9 * size_of::<f64>());
}

/// The program without sums over steps, for a session.
fn online() -> (RowProgram<f64>, Case) {
    let sizes = Sizes { steps: 3, rows: 2, segment: 1, reversed: false };
    let case = Case::new(sizes, [2, 3, 5]);
    let mut program = program(2, 3, 5);
    program.sums.clear();
    program.after.pop(); // the phase that adds rows to the partial sums
    (program, case)
}

#[test]
fn a_session_computes_the_same_step_by_step() {
    let (program, case) = online();
    let expected = case.expected();
    let [x, b, h0, ..] = &case.tensors;
    let entry = Tensor::zeros([2, 2]);
    let mut session = Session::new(program, 2, case.packed(), &[&entry, b, h0], &[2]);
    for t in 0..3 {
        session.buffer_mut(0).copy_from_slice(x.index_first(t).as_slice());
        session.step();
        let y = session.buffer(4)[..10].to_vec();
        assert_near(&[y], &[expected[1][t * 10..][..10].to_vec()]);
    }
    assert_near(&[session.buffer(2)[..6].to_vec()], &[expected[2].clone()]);
}

#[test]
fn a_session_recalls_what_it_computed_for_an_entry() {
    let (program, case) = online();
    let [x, b, h0, ..] = &case.tensors;
    let entry = Tensor::zeros([2, 2]);
    let session = || Session::new(program.clone(), 2, case.packed(), &[&entry, b, h0], &[2]);
    let (mut plain, mut recalling) = (session(), session());
    recalling.memoize(vec![0], 2);
    let step = |session: &mut Session<f64>, t: usize| {
        session.buffer_mut(0).copy_from_slice(x.index_first(t).as_slice());
        session.step();
        session.buffer(4).to_vec()
    };
    for t in [0, 1, 0, 2, 2, 1] {
        assert_eq!(step(&mut recalling, t), step(&mut plain, t), "entry {t}");
    }
    recalling.buffer_mut(1).fill(0.5); // the bias, which only the stage before the loop reads
    assert_eq!(step(&mut recalling, 0), step(&mut plain, 0), "the entry is not computed again");
    plain.buffer_mut(1).fill(0.5);
    assert_eq!(step(&mut recalling, 2), step(&mut plain, 2), "there was no room for the third");
}
