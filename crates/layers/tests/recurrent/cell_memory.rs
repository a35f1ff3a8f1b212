//! Cells that hold a memory of their sequences: a variable of the tape on which they run.

use bptt_autodiff::{Operand, Param, Recompute, Tape, Var};
use bptt_layers::{
    Bidirectional, Cell, Elman, Layer, LearnedStart, Linear, Module, Recurrence, Residual,
    Reversed, Stack, StateSizes, Truncation, Zoneout, scan, unroll,
};
use bptt_tensor::{Scalar, Tensor};

use crate::support::{V, assert_near, random, uniform};

/// A cell that reads its input and what it finds in a memory `[B, S, M]` by content:
/// `a = softmax(m W_m h₋)`, `h = Elman([x, a m], h₋)`
#[derive(Module)]
struct Attending<T, M> {
    w_m: Param<T>, // [M, H]
    cell: Elman<T>,
    #[module(skip)]
    memory: M,
}

impl<T: Scalar, M: Copy> Cell<T> for Attending<T, M>
where
    for<'t> M: Operand<'t, T>,
{
    type State<'t> = Var<'t, T>;

    #[track_caller]
    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let memory = self.memory.on(x.tape());
        let &[batch, positions, size] = &memory.shape()[..] else {
            panic!("a memory is [B, S, M]")
        };
        let query = h.matmul_t(&self.w_m).reshape([batch, size, 1]);
        let weights = memory.matmul(query).reshape([batch, positions]).softmax(-1);
        let context = weights.reshape([batch, 1, positions]).matmul(self.memory);
        self.cell.step(Var::concat(&[x, context.reshape([batch, size])], -1), h)
    }
}

impl<T: Scalar, M> StateSizes for Attending<T, M> {
    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }
}

/// A cell from 4 features to 4, with a memory of 5 positions of 3 features.
fn attending<M>(memory: M) -> Attending<f64, M> {
    let mut rng = random(1);
    Attending {
        w_m: Param::new(uniform([3, 4], &mut random(2))),
        cell: Elman::new(&mut rng, 7, 4),
        memory,
    }
}

/// Outputs and gradients of a run: those of the memory, of the weights and of the inputs.
type Results = (Tensor<f64>, [Tensor<f64>; 3]);

/// Runs a layer made of cells whose memory is a parameter, and of cells that hold a variable. Asserts that results are
/// the same, bit for bit.
macro_rules! assert_alike {
    (|$cell:ident, $xs:ident| $run:expr) => {{
        let memory = Param::new(uniform([2, 5, 3], &mut random(3)));
        let as_parameter: Results = {
            let tape = Tape::new();
            let ($cell, $xs) =
                (attending(&memory), tape.variable(uniform([6, 2, 4], &mut random(4))));
            let ys: V<'_> = $run;
            let gradients = tape.backward(ys.square().sum_all());
            let all = [&gradients[&memory], &gradients[&$cell.w_m], gradients.wrt($xs)];
            (ys.value(), all.map(Tensor::clone))
        };
        let as_variable: Results = {
            let tape = Tape::new();
            let memory = tape.variable(memory.value().clone());
            let ($cell, $xs) =
                (attending(memory), tape.variable(uniform([6, 2, 4], &mut random(4))));
            let ys: V<'_> = $run;
            let gradients = tape.backward(ys.square().sum_all());
            let all = [gradients.wrt(memory), &gradients[&$cell.w_m], gradients.wrt($xs)];
            (ys.value(), all.map(Tensor::clone))
        };
        assert_eq!(as_variable, as_parameter, "{}", stringify!($run));
        assert!(as_variable.1.iter().all(|gradient| gradient.as_slice().iter().any(|&x| x != 0.0)));
    }};
}

#[test]
fn a_cell_holds_a_variable_in_every_run() {
    assert_alike!(|cell, xs| unroll(&cell, xs, cell.zero_state(xs.tape(), 2)).0);
    assert_alike!(|cell, xs| Recurrence::new(&cell).run(xs, cell.start(xs.tape(), 2)).0);
    assert_alike!(|cell, xs| Recurrence::new(&cell).last(xs, cell.start(xs.tape(), 2)).0);
    assert_alike!(|cell, xs| {
        let recurrence = Recurrence::new(&cell).lengths(&[6, 3]).reversed();
        recurrence.recompute(Recompute::Auto).run(xs, cell.start(xs.tape(), 2)).0
    });
}

#[test]
fn a_scan_of_a_cell_with_a_memory_equals_the_loop() {
    let tape = Tape::new();
    let memory = tape.variable(uniform([2, 5, 3], &mut random(3)));
    let (cell, xs) = (attending(memory), tape.variable(uniform([6, 2, 4], &mut random(4))));
    let runs = [scan(&cell, xs, cell.start(&tape, 2)), unroll(&cell, xs, cell.start(&tape, 2))];
    let [scanned, looped] = runs.map(|(ys, last)| {
        let gradients = tape.backward(ys.square().sum_all() + last.sum_all());
        let of = [gradients.wrt(memory), gradients.wrt(xs), &gradients[&cell.w_m]];
        [vec![ys.value(), last.value()], of.map(Tensor::clone).to_vec()].concat()
    });
    assert_near(&scanned, &looped, 1e-13);
}

#[test]
fn wrappers_hold_cells_that_hold_a_variable() {
    assert_alike!(|cell, xs| Stack::new(vec![&cell, &cell]).forward(xs).0);
    assert_alike!(|cell, xs| Residual::new(&cell).forward(xs).0);
    assert_alike!(|cell, xs| Bidirectional::new(&cell, Reversed::new(&cell)).forward(xs).0);
    assert_alike!(|cell, xs| (&cell, Linear::new(&mut random(5), 4, 2)).forward(xs).0);
    assert_alike!(|cell, xs| {
        let layer = LearnedStart::new(Zoneout::new(&cell, &[0.3]));
        let rng = &mut random(6);
        Recurrence::new(&layer).training(rng).run(xs, layer.start(xs.tape(), 2)).0
    });
}

/// A stepper of the tape on which the memory lives reads its value.
#[test]
fn a_stepper_of_the_same_tape_reads_the_memory() {
    let tape = Tape::inference();
    let cell = attending(tape.constant(uniform([2, 5, 3], &mut random(3))));
    let (xs, h) = (tape.constant(uniform([6, 2, 4], &mut random(4))), cell.start(&tape, 2));
    let ys = scan(&cell, xs, h).0.value();
    let mut online = tape.scan(xs, h).stepper(|x, h| cell.step(x, h));
    for t in 0..6 {
        online.step(&[xs.value().index_first(t).as_slice()]);
        let y = Tensor::from_slice([2, 4], online.output(0));
        assert_near(&[y], &[ys.index_first(t)], 1e-14);
    }
}

#[test]
#[should_panic(expected = "the operands live on different tapes")]
fn a_cell_with_a_memory_of_another_tape_is_refused() {
    let (tape, other) = (Tape::new(), Tape::new());
    let cell = attending(tape.constant(uniform([2, 5, 3], &mut random(3))));
    let _ = cell.forward(other.constant(uniform([6, 2, 4], &mut random(4))));
}

#[test]
#[should_panic(expected = "reshape of [6, 3] and [2, 3, 1]")]
fn windows_are_sequences_without_a_memory_of_their_own() {
    let tape = Tape::new();
    let cell = attending(tape.constant(uniform([2, 5, 3], &mut random(3))));
    let xs = tape.constant(uniform([6, 2, 4], &mut random(4)));
    let _ = Truncation::new(2, 3).run(&cell, xs, cell.start(&tape, 2));
}
