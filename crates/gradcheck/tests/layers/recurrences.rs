//! Ways of running a layer over a sequence.

use bptt_autodiff::Recompute;
use bptt_gradcheck::{Law, model};
use bptt_layers::{Elman, Linear, Lstm, Recurrence, Tree, Truncation, Zoneout, free_running};
use bptt_tensor::Tensor;

use crate::support::{OF_PRODUCTS, Random, in_a_row, last, padded, random, run, shapes};

const STEPS: usize = 4;
const LENGTHS: [usize; 3] = [4, 0, 2];

/// Three sequences with holes, one of them at both its ends.
fn mask() -> Tensor<f64> {
    Tensor::from_vec([STEPS, 3], vec![1., 0., 1., 0., 1., 0., 1., 1., 0., 1., 0., 0.])
}

fn present() -> Tensor<f64> {
    Tensor::from_fn([STEPS, 3], |i| f64::from(u8::from(i / 3 < LENGTHS[i % 3])))
}

/// Two networks, one on top of the other: a cell with two variables in its state.
type Pair = (Elman<f64>, Elman<f64>);

fn pair(rng: &mut Random) -> Pair {
    (Elman::new(rng, 2, 2), Elman::new(rng, 2, 2))
}

/// One row for each way: its test, and how the cell is run over `x`.
macro_rules! ways {
    ($($name:ident: |$cell:ident, $x:ident| $run:expr;)*) => {$(
        #[test]
        fn $name() {
            model(pair, |$cell, _, $x| $run)
                .named(stringify!($name))
                .inputs(shapes([STEPS, 3], 2))
                .cases(4)
                .check();
        }
    )*};
}

ways! {
    reversed: |cell, x| run(cell, Recurrence::new(cell).reversed(), x);
    to_the_last_output: |cell, x| last(cell, Recurrence::new(cell), x);
    to_the_first_in_time: |cell, x| last(cell, Recurrence::new(cell).reversed(), x);
    masked: |cell, x| {
        let x = [&[padded(x[0], &mask())], &x[1..]].concat();
        run(cell, Recurrence::new(cell).masked(&mask()), &x)
    };
    masked_and_reversed_to_the_last: |cell, x| {
        let x = [&[padded(x[0], &mask())], &x[1..]].concat();
        last(cell, Recurrence::new(cell).masked(&mask()).reversed(), &x)
    };
    of_several_lengths: |cell, x| {
        let x = [&[padded(x[0], &present())], &x[1..]].concat();
        run(cell, Recurrence::new(cell).lengths(&LENGTHS), &x)
    };
    of_several_lengths_to_the_last: |cell, x| {
        let x = [&[padded(x[0], &present())], &x[1..]].concat();
        last(cell, Recurrence::new(cell).lengths(&LENGTHS).recompute(Recompute::Every(2)), &x)
    };
    batch_first: |cell, x| {
        let x = [&[x[0].transpose(0, 1)], &x[1..]].concat();
        run(cell, Recurrence::new(cell).batch_first().lengths(&LENGTHS), &x)
    };
    of_pieces: |cell, x| run(cell, Recurrence::new(cell).resets(&mask()), x);
    of_pieces_in_all_other_ways: |cell, x| {
        let x = [&[padded(x[0], &present())], &x[1..]].concat();
        let recurrence = Recurrence::new(cell).resets(&mask()).lengths(&LENGTHS).reversed();
        last(cell, recurrence.recompute(Recompute::Every(2)), &x)
    };
    checkpointed: |cell, x| {
        run(cell, Recurrence::new(cell).recompute(Recompute::Auto), x)
    };
    checkpointed_and_reversed: |cell, x| {
        run(cell, Recurrence::new(cell).recompute(Recompute::Every(3)).reversed(), x)
    };
}

/// The noise of a step is read again where a step is computed again.
#[test]
fn noise_with_checkpoints_and_lengths() {
    model(
        |rng| Zoneout::new(Lstm::new(rng, 2, 2), &[0.3, 0.6]),
        |zoneout, _, x| {
            let x = [&[padded(x[0], &present())], &x[1..]].concat();
            let rng = &mut random(7);
            let recurrence = Recurrence::new(zoneout).lengths(&LENGTHS).reversed().training(rng);
            run(zoneout, recurrence.recompute(Recompute::Every(2)), &x)
        },
    )
    .inputs(shapes([STEPS, 3], 2))
    .cases(4)
    .check();
}

/// The gradient flows through the outputs that are read, and through what maps them.
#[test]
fn reading_its_own_outputs() {
    model(
        |rng| (Lstm::new(rng, 2, 2), Linear::new(rng, 2, 3)),
        |model, _, x| {
            let state = ((x[1], x[2]), ());
            let (ys, state) = free_running(model, x[0], state, 4, |y| y.slice(-1, 0..2).sin());
            in_a_row(&[vec![ys], state.leaves()].concat())
        },
    )
    .inputs(shapes([2, 3], 2))
    .cases(4)
    .check();
}

/// A truncated gradient is not the slope, and its own derivative is not symmetric.
#[test]
fn truncated() {
    for [every, reach] in [[1, 1], [1, 2], [2, 3], [3, 3]] {
        model(pair, |cell, _, x| {
            let (ys, state) = Truncation::new(every, reach).run(cell, x[0], (x[1], x[2]));
            in_a_row(&[vec![ys], state.leaves()].concat())
        })
        .named(format!("BPTT({every}, {reach})"))
        .inputs(shapes([STEPS, 3], 2))
        .only(&OF_PRODUCTS)
        .cases(4)
        .check();
    }
}

/// Where the batch is wide enough for several threads, the last outputs too are those of one.
#[test]
fn threads_of_a_wide_batch() {
    let lengths: Vec<usize> = (0..65).map(|b| b % 5).collect();
    model(
        |rng| Lstm::new(rng, 33, 48),
        |cell, tape, x| {
            let start =
                (tape.constant(Tensor::zeros([65, 48])), tape.constant(Tensor::zeros([65, 48])));
            Recurrence::new(cell).lengths(&lengths).last(x[0], start).0
        },
    )
    .inputs([[STEPS, 65, 33]])
    .only(&[Law::Threads, Law::Repeatable])
    .cases(1)
    .check();
}
