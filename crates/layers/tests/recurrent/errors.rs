//! Errors: each message, and the line that it points to. A wrong operand in an equation points to the equation. A wrong
//! argument of a function that runs cells points to the caller.

mod configuration;

use std::cell::Cell as Slot;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;

use bptt_autodiff::{Recompute, Tape};
use bptt_layers::{
    Bidirectional, Cell, Costates, Dropout, Elman, Embedding, Gru, IndRnn, LearnedStart, Linear,
    Lstm, OutputToHidden, Recurrence, Reset, Residual, Reversed, Stack, StateSizes, Truncation,
    Zoneout, free_running, scan, stepper, unroll,
};
use bptt_tensor::Tensor;

use crate::support::{V, random};

thread_local! {
    /// File and line of this thread's last panic, while they are recorded.
    static PLACE: Slot<Option<(String, u32)>> = const { Slot::new(None) };
    static RECORDING: Slot<bool> = const { Slot::new(false) };
}

/// The message, file and line of the panic of `call`.
fn panic_of<R>(call: impl FnOnce() -> R) -> (String, String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| match info.location() {
            Some(at) if RECORDING.get() => PLACE.set(Some((at.file().into(), at.line()))),
            _ => print(info),
        }));
    });
    RECORDING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| drop(call())));
    RECORDING.set(false);
    let payload = result.expect_err("the call does not panic");
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("a message")).into(),
    };
    let (file, line) = PLACE.take().expect("a place");
    (message, file, line)
}

/// Checks a message, and that the panic points to the call: the line of the check or, where that is too long, the next.
#[track_caller]
fn blames_the_caller<R>(call: impl FnOnce() -> R, expected: &str) {
    let check = Location::caller();
    let (message, file, line) = panic_of(call);
    assert_eq!(message, expected);
    assert_eq!(file, check.file(), "{message}");
    let lines = check.line()..=check.line() + 1;
    assert!(lines.contains(&line), "line {line}, not {lines:?}: {message}");
}

/// Checks a message, and that the panic points to the line of a source file that has `equation`.
#[track_caller]
fn blames<R>(source: &str, path: &str, equation: &str, call: impl FnOnce() -> R, expected: &str) {
    let (message, file, line) = panic_of(call);
    let (message, scan) =
        message.split_once("; in a step of the scan at ").unwrap_or((&message, file!()));
    assert_eq!(message, expected);
    assert!(scan.starts_with(file!()), "{scan} is not the call");
    assert!(file.ends_with(path), "{file} is not {path}: {message}");
    let text = source.lines().nth(line as usize - 1).expect("a line of the file");
    assert!(text.contains(equation), "{path}:{line}: {text}");
}

/// [`blames`] a file among the cells.
macro_rules! blames_cell {
    ($file:literal, $equation:literal, $call:expr, $expected:expr) => {
        blames(include_str!(concat!("../../src/cells/", $file)), $file, $equation, $call, $expected)
    };
}

fn zeros<const N: usize>(tape: &Tape<f64>, shape: [usize; N]) -> V<'_> {
    tape.constant(Tensor::zeros(shape))
}

/// The message of a product whose inner axes do not fit.
fn product(left: &str, right: &str, axis: usize, extents: [usize; 2]) -> String {
    format!(
        "matmul of {left} and {right}, axis {axis}: the left's axis {axis} ({}) is multiplied with \
         the right's axis 0 ({}), so they must be equal; transpose an operand or check the layer's \
         `input_size`",
        extents[0], extents[1]
    )
}

#[test]
fn of_a_cells_input() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let (xs, h) = (zeros(tape, [6, 2, 5]), zeros(tape, [2, 4]));
    let elman = Elman::new(rng, 3, 4);
    let message = product("[2, 5]", "[3, 4]", 1, [5, 3]);
    blames_cell!("elman.rs", "x.matmul(&self.w_ih)", || unroll(&elman, xs, h), &message);

    let lstm = Lstm::new(rng, 3, 4);
    let message = product("[2, 5]", "[3, 16]", 1, [5, 3]);
    blames_cell!("lstm.rs", "x.matmul(&self.w_ih)", || unroll(&lstm, xs, (h, h)), &message);

    let gru = Gru::new(rng, 3, 4);
    let message = product("[2, 5]", "[3, 12]", 1, [5, 3]);
    blames_cell!("gru.rs", "x.matmul(&self.w_ih)", || unroll(&gru, xs, h), &message);

    let (cell, o) = (OutputToHidden::new(rng, 3, 4, 6), zeros(tape, [2, 6]));
    let message = product("[2, 5]", "[3, 4]", 1, [5, 3]);
    blames_cell!("output_to_hidden.rs", "self.outputs(x, read)", || unroll(&cell, xs, o), &message);
}

#[test]
fn of_a_cells_state() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let (xs, wrong, h) = (zeros(tape, [6, 2, 3]), zeros(tape, [2, 5]), zeros(tape, [2, 4]));
    let elman = Elman::new(rng, 3, 4);
    let message = product("[2, 5]", "[4, 4]", 1, [5, 4]);
    blames_cell!("elman.rs", "h.matmul(&self.w_hh)", || unroll(&elman, xs, wrong), &message);

    let lstm = Lstm::new(rng, 3, 4);
    let message = product("[2, 5]", "[4, 16]", 1, [5, 4]);
    blames_cell!("lstm.rs", "h.matmul(&self.w_hh)", || unroll(&lstm, xs, (wrong, h)), &message);
    let message = "mul of [2, 4] and [2, 5], axis 1: 4 and 5 do not broadcast, counted from the \
                   last axis; make them equal, or one of them 1 (reshape inserts axes of extent 1)";
    blames_cell!("lstm.rs", "gate(f, \"f\") * c", || unroll(&lstm, xs, (h, wrong)), message);

    let gru = Gru::new(rng, 3, 4).reset(Reset::Before);
    let message = product("[2, 5]", "[4, 8]", 1, [5, 4]);
    blames_cell!("gru.rs", "read.matmul(&self.w_hh_rz)", || unroll(&gru, xs, wrong), &message);
}

/// An error in a user's cell points to the user's line, however deep it runs.
#[test]
fn of_a_users_equation() {
    struct Halves;

    impl Cell<f64> for Halves {
        type State<'t> = V<'t>;

        fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
            let [first, second] = x.split(-1); // the equation
            (first + second, h)
        }
    }

    impl StateSizes for Halves {
        fn state_sizes(&self) -> Vec<usize> {
            vec![1]
        }
    }

    let tape = &Tape::new();
    let xs = zeros(tape, [6, 2, 3]);
    let stack = Stack::new(vec![Halves]);
    let message = "split of [2, 3], axis 1: 3 does not divide into 2 equal parts; use slice for \
                   others";
    let source = include_str!("errors.rs");
    let call = || Recurrence::new(&stack).run(xs, vec![zeros(tape, [2, 1])]);
    blames(source, "errors.rs", "// the equation", call, message);
}

#[test]
fn of_running_a_cell() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let (x, xs, h) = (zeros(tape, [2, 3]), zeros(tape, [6, 2, 3]), zeros(tape, [2, 4]));
    let elman = Elman::new(rng, 3, 4);
    let message = "unroll: a sequence is [T, B, I], not [2, 3]; reshape it";
    blames_the_caller(|| unroll(&elman, x, h), message);

    let message = "a sequence is [T, B, I], not [2, 3]; reshape it";
    blames_the_caller(|| scan(&elman, x, h), message);
    let mask = Tensor::ones([6, 3]);
    let needs = "masked: inputs of shape [6, 2, 3] need a mask [6, 2], not [6, 3]";
    blames_the_caller(|| Recurrence::new(&elman).masked(&mask).run(xs, h), needs);
    let needs = "resets: inputs of shape [6, 2, 3] need a mask [6, 2], not [6, 3]";
    blames_the_caller(|| Recurrence::new(&elman).resets(&mask).run(xs, h), needs);
    blames_the_caller(|| Recurrence::new(&elman).resets(&mask).last(xs, h), needs);
    let costates = Costates::new();
    let cut = || Recurrence::new(&elman).truncated(Truncation::new(2, 3));
    let refused = "a truncated run follows the direction of time: it cannot be reversed";
    blames_the_caller(|| cut().reversed().run(xs, h), refused);
    blames_the_caller(|| cut().reversed().last(xs, h), refused);
    let refused = "a truncated run has no costates: each window has its own";
    blames_the_caller(|| cut().costates(&costates).run(xs, h), refused);
    blames_the_caller(
        || cut().resets(&mask).run(xs, h),
        "resets: inputs of shape [6, 2, 3] need a mask [6, 2], not [6, 3]",
    );
    let twice = "a recurrence takes one mask or lengths: combine them into one mask";
    blames_the_caller(|| Recurrence::new(&elman).masked(&mask).lengths(&[6, 1]), twice);
    let needs = "lengths: inputs of shape [6, 2, 3] need 2 lengths of at most 6, not [6, 7]";
    blames_the_caller(|| Recurrence::new(&elman).lengths(&[6, 7]).run(xs, h), needs);
    let stack = Stack::new(vec![elman]);
    blames_the_caller(|| Recurrence::new(&stack).run(x, vec![h]), message);
    let message = "a stack of 1 layers needs as many states, not 2";
    blames_the_caller(|| Recurrence::new(&stack).run(xs, vec![h, h]), message);
    blames_the_caller(|| Stack::<Lstm<f64>>::new(vec![]), "a stack needs at least one layer");
}

#[test]
fn of_teacher_forcing() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let cell = OutputToHidden::new(rng, 3, 4, 5);
    let (xs, wanted) = (zeros(tape, [6, 2, 3]), zeros(tape, [6, 2, 5]));
    let first = zeros(tape, [2, 5]);
    let shapes = |wanted| {
        format!(
            "teacher_forced: inputs [T, B, I] need targets [T, B, O], not [6, 2, 3] and \
             {wanted}"
        )
    };
    let short = zeros(tape, [5, 2, 5]);
    blames_the_caller(|| cell.teacher_forced(xs, short, first), &shapes("[5, 2, 5]"));
    let flat = zeros(tape, [12, 5]);
    blames_the_caller(|| cell.teacher_forced(xs, flat, first), &shapes("[12, 5]"));
    let wide = zeros(tape, [6, 2, 7]);
    let message = product("[6, 2, 7]", "[5, 4]", 2, [7, 5]);
    blames_the_caller(|| cell.teacher_forced(xs, wide, zeros(tape, [2, 7])), &message);
    let turned = zeros(tape, [5, 2]); // of as many elements
    let message = "concat of [1, 5, 2] and [5, 2, 5], axis 1: 5 and 2 differ; only axis 0 may";
    blames_the_caller(|| cell.teacher_forced(xs, wanted, turned), message);
}

#[test]
fn of_layers() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let linear = Linear::new(rng, 3, 4);
    let x = zeros(tape, [6, 2, 5]);
    let message = product("[6, 2, 5]", "[3, 4]", 2, [5, 3]);
    blames_the_caller(|| linear.forward(x), &message);

    let embedding = Embedding::<f64>::new(rng, 3, 4);
    let message = "gather_rows of [3, 4], axis 0: index 3 is not within 0..3; is an id larger than \
                   the vocabulary?";
    blames_the_caller(|| embedding.forward(tape, &[0, 3], [2]), message);
    let message = "reshape of [2, 4] and [3, 4]: 8 elements do not fill 12; the products of the \
                   extents must be equal";
    blames_the_caller(|| embedding.forward(tape, &[0, 1], [3]), message);

    for rate in [-0.1, 1.0, f64::NAN] {
        let message = format!("a dropout rate is at least 0 and less than 1, not {rate}");
        blames_the_caller(|| Dropout::new(rate), &message);
    }
}

#[test]
fn of_the_state_of_a_scan() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let (xs, h) = (zeros(tape, [6, 2, 3]), zeros(tape, [2, 1]));
    let cell = IndRnn::new(rng, 3, 4); // h ⊙ w_hh broadcasts
    let message = "scan: `state` has shape [2, 1], but [2, 4] after a step; start \
                   from a state of the shape that the equations compute";
    blames_the_caller(|| scan(&cell, xs, h), message);
    blames_the_caller(|| Recurrence::new(&cell).run(xs, h), message);
    blames_the_caller(|| Recurrence::new(&&cell).last(xs, h), message);
}

/// The message of a state of another batch.
fn batches(state: &str, of: usize, inputs: &str, batch: usize) -> String {
    format!(
        "`state` is {state}, for a batch of {of}, but inputs {inputs} are a batch of {batch}; \
         start from a state of the inputs' batch"
    )
}

/// A state of another batch would broadcast: one sequence from two states, or two from one.
#[test]
fn of_another_batch() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let cell = Gru::new(rng, 3, 4);
    let run = || Recurrence::new(&cell);
    for (batch, of) in [(1, 2), (2, 1), (2, 3)] {
        let (xs, h) = (zeros(tape, [6, batch, 3]), zeros(tape, [of, 4]));
        let message = &batches(&format!("[{of}, 4]"), of, &format!("[6, {batch}, 3]"), batch);
        let turned = xs.transpose(0, 1);
        let mask = Tensor::ones([6, batch]);
        blames_the_caller(|| unroll(&cell, xs, h), message);
        blames_the_caller(|| unroll(&cell, xs.slice(0, 0..0), h), &message.replace("6,", "0,"));
        blames_the_caller(|| scan(&cell, xs, h), message);
        blames_the_caller(|| run().run(xs, h), message);
        blames_the_caller(|| run().last(xs, h), message);
        blames_the_caller(|| run().plan(xs, h), message);
        blames_the_caller(|| run().reversed().recompute(Recompute::Auto).run(xs, h), message);
        blames_the_caller(|| run().masked(&mask).run(xs, h), message);
        blames_the_caller(|| run().lengths(&vec![3; batch]).last(xs, h), message);
        blames_the_caller(|| run().batch_first().run(turned, h), message);
        for reach in [2, 6] {
            blames_the_caller(|| Truncation::new(2, reach).run(&cell, xs, h), message);
        }
        let shapes = format!("set_state: the state has shapes [[{batch}, 4]], not [[{of}, 4]]");
        let mut online = stepper(&cell, [batch, 3]);
        blames_the_caller(|| online.set_state(&[h.value()]), &shapes);
    }
    let [xs, one, two] = [zeros(tape, [6, 1, 3]), zeros(tape, [1, 4]), zeros(tape, [2, 4])];
    let message = &batches("[2, 4]", 2, "[6, 1, 3]", 1);
    let stack = Stack::new(vec![cell.clone(), Gru::new(rng, 4, 4)]);
    blames_the_caller(|| Recurrence::new(&stack).run(xs, vec![two, one]), message);
    let above = &batches("[2, 4]", 2, "[6, 1, 4]", 1);
    blames_the_caller(|| Recurrence::new(&stack).last(xs, vec![one, two]), above);
    let both = Bidirectional::new(cell.clone(), cell.clone());
    blames_the_caller(|| Recurrence::new(&both).run(xs, (two, one)), message);
    blames_the_caller(|| Recurrence::new(&both).last(xs, (one, two)), message);
    let learned = LearnedStart::new(cell.clone());
    blames_the_caller(|| Recurrence::new(&learned).run(xs, two), message);
    let reversed = Reversed::new(cell.clone());
    blames_the_caller(|| Recurrence::new(&reversed).run(xs, two), message);
    let zoneout = Zoneout::new(cell.clone(), &[0.5]);
    blames_the_caller(|| Recurrence::new(&zoneout).training(&mut random(1)).run(xs, two), message);
    let residual = Residual::new(Elman::new(rng, 3, 3));
    let three = zeros(tape, [2, 3]);
    let message = &batches("[2, 3]", 2, "[6, 1, 3]", 1);
    blames_the_caller(|| Recurrence::new(&residual).run(xs, three), message);
    let lstm = Lstm::new(rng, 3, 4);
    let message = batches("[2, 4]", 2, "[6, 1, 3]", 1).replace("`state`", "`state.1`");
    blames_the_caller(|| scan(&lstm, xs, (one, two)), &message);
    let pair = (cell, Elman::new(rng, 4, 4));
    blames_the_caller(|| scan(&pair, xs, (one, two)), &message);
    let message = batches("[2, 4]", 2, "[6, 1, 4]", 1); // each is run by itself
    blames_the_caller(|| Recurrence::new(&pair).run(xs, (one, two)), &message);
    blames_the_caller(|| Recurrence::new(&pair).last(xs, (one, two)), &message);
    let windows = batches("[2, 4]", 2, "[6, 1, 3]", 1).replace("`state`", "`state.1`");
    blames_the_caller(|| Truncation::new(1, 2).run(&pair, xs, (one, two)), &windows);
}

/// A state without axes is shared by the batch, so a mask cannot select single sequences of it.
#[test]
fn of_a_state_without_axes() {
    struct Counted;

    impl Cell<f64> for Counted {
        type State<'t> = V<'t>;

        fn step<'t>(&self, x: V<'t>, steps: V<'t>) -> (V<'t>, V<'t>) {
            (x * steps, steps + 1.0)
        }
    }

    impl StateSizes for Counted {
        fn state_sizes(&self) -> Vec<usize> {
            vec![1]
        }
    }

    let tape = &Tape::new();
    let (xs, none) = (tape.constant(Tensor::ones([3, 2, 1])), tape.scalar(0.0));
    let (ys, steps) = Recurrence::new(&Counted).run(xs, none);
    assert_eq!(ys.value().to_vec(), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    assert_eq!(steps.value().item(), 3.0);
    let message = "a state without axes is shared by the batch, so it cannot stay or start anew for some \
                   sequences alone; make it [B, 1], or use no mask, lengths or resets";
    blames_the_caller(|| Recurrence::new(&Counted).lengths(&[3, 1]).run(xs, none), message);
}

#[test]
fn of_free_running() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let elman = Elman::new(rng, 3, 4);
    let (xs, h) = (zeros(tape, [6, 2, 3]), zeros(tape, [2, 4]));
    let message = "free_running: an output [2, 4] becomes an input [2, 4], but the layer reads [2, 3]; map the \
                   output to the next input";
    blames_the_caller(|| free_running(&elman, xs, h, 5, |y| y), message);
    let message = "free_running: a prompt [0, 2, 3] has no output to go on from; give at least one step, such as \
                   zeros";
    blames_the_caller(|| free_running(&elman, xs.slice(0, 0..0), h, 5, |y| y), message);
    let message = "a sequence is [T, B, I], not [2, 3]; reshape it";
    blames_the_caller(|| free_running(&elman, xs.index_first(0), h, 5, |y| y), message);
}
