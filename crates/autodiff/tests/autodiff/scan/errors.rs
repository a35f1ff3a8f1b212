//! Mistakes are reported at the caller's line.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;

use super::support::uniform;
use crate::faults::caught::refuses;

#[track_caller]
fn assert_refused(
    step: impl for<'t> Fn(Var<'t, f64>, Vec<Var<'t, f64>>) -> ((), Vec<Var<'t, f64>>),
    message: &str,
) {
    let tape = Tape::new();
    let xs = tape.constant(uniform([4, 2, 3], 1));
    let h = tape.constant(Tensor::zeros([2, 3]));
    let before = tape.len();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _ = tape.scan(xs, vec![h]).run(&step);
    }));
    let panic = caught.expect_err("it is refused");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains(message), "{text}");
    assert_eq!(tape.len(), before, "the tape is as it was");
    assert_eq!((xs.sum_all() * 2.0).shape(), [0_usize; 0], "and may be used again");
}

#[test]
fn a_step_that_reads_a_value_is_refused_with_advice() {
    assert_refused(
        |x, h| {
            let next = if x.sum_all().item() > 0.0 { h[0] } else { x };
            ((), vec![next])
        },
        "run a step that branches on values with unroll",
    );
}

/// A single step and a step on a checking tape run in a loop, which refuses the same mistakes.
#[test]
fn a_loop_refuses_what_a_recorded_step_does() {
    let of_state = "scan: `state.1` has shape [2, 3], but [2, 1] after a step";
    let of_number = "scan: the state has 1 variables, but the next state has 2";
    let of_entries = |steps| {
        format!("a sequence [0, 2, 3] does not have {steps} entries, one for each step of the scan")
    };
    let noise = Tensor::<f64>::zeros([0, 2, 3]);
    for (tape, steps) in [(Tape::new(), 1), (Tape::checking(), 2)] {
        let xs = tape.constant(uniform([steps, 2, 3], 1));
        let h = tape.constant(Tensor::zeros([2, 3]));
        let scan = || tape.scan(xs, (h, h));
        refuses!(scan().run(|x, (h, _)| (h, (h, x.slice(1, 0..1)))); of_state);
        refuses!(tape.scan(xs, vec![h]).run(|x, h| ((), vec![h[0], x])); of_number);
        refuses!(scan().run(|_, h| (tape.at_step(&noise), h)); &of_entries(steps));
        refuses!(tape.at_step(&noise); "no step is being run");
    }
}

#[test]
fn a_state_of_another_shape_is_refused() {
    let message = "scan: `state[0]` has shape [2, 3], but [2, 1] after a step";
    assert_refused(|x, _| ((), vec![x.slice(1, 0..1)]), message);
}

#[test]
fn a_state_of_another_length_is_refused() {
    let message = "the state has 1 variables, but the next state has 2";
    assert_refused(|x, h| ((), vec![h[0], x]), message);
}

/// The state is carried leaf by leaf, so a tree of another form would change which leaf is which.
#[test]
fn a_state_of_another_form_is_refused() {
    let tape = Tape::new();
    for steps in [0, 1, 2] {
        let xs = tape.constant(uniform::<f64>([steps, 2, 3], 1));
        let h = tape.constant(Tensor::zeros([2, 3]));
        let scan = || tape.scan(xs, (vec![h], vec![h, h]));
        refuses!(scan().run(|x, (_, b)| ((), (b, vec![x])));
            "scan: the state has the leaves `state.0[0]`, `state.1[0]`, `state.1[1]`, but the next state \
             `state.0[0]`, `state.0[1]`, `state.1[0]`; return a tree of the same form");
    }
}

#[test]
fn an_output_of_another_tape_is_refused() {
    let (tape, other) = (Tape::new(), Tape::new());
    let foreign = other.constant(uniform::<f64>([2, 3], 1));
    for steps in [0, 1, 2] {
        let xs = tape.constant(uniform([steps, 2, 3], 1));
        let h = tape.constant(Tensor::zeros([2, 3]));
        refuses!(tape.scan(xs, h).run(|_, h| (foreign, h)); "live on different tapes");
    }
}

#[test]
fn sequences_of_different_lengths_are_refused() {
    let tape = Tape::new();
    let [long, short] = [4, 3].map(|steps| tape.constant(uniform::<f64>([steps, 2, 3], 1)));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _ = tape.scan([long, short], ());
    }));
    let panic = caught.expect_err("it is refused");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(
        text.contains(
            "`sequences[1]` of shape [3, 2, 3] does not have 4 steps, as `sequences[0]` has"
        ),
        "{text}"
    );
}

#[test]
#[should_panic(expected = "scan: needs a sequence [T, ..], which tells the number of steps")]
fn no_sequence_is_refused() {
    let _ = Tape::<f64>::new().scan((), ());
}

/// An error in the equations of a library has one of its lines, so the message names the user's
/// line as well.
#[test]
fn a_shape_error_in_a_step_names_the_line_of_the_scan() {
    let tape = Tape::<f64>::new();
    let outer = tape.constant(Tensor::zeros([2, 3]));
    for steps in [1, 2] {
        let xs = tape.constant(Tensor::zeros([steps, 2, 4]));
        let (line, message) = (line!() + 1, "add of [2, 4] and [2, 3]");
        let scan = || tape.scan(xs, ()).run(|x, ()| (x + outer, ()));
        let caught = catch_unwind(AssertUnwindSafe(scan)).expect_err("it is refused");
        let text = caught.downcast_ref::<String>().expect("a message");
        let place = format!("; in a step of the scan at {}:{line}:", file!());
        assert!(text.starts_with(message) && text.contains(&place), "{text}");
    }
    let caught = catch_unwind(AssertUnwindSafe(|| outer + tape.constant(Tensor::zeros([2, 4]))));
    let text = *caught.expect_err("it is refused").downcast::<String>().expect("a message");
    assert!(!text.contains("scan"), "{text}");
}

#[test]
fn a_checking_tape_names_line_and_step() {
    let tape = Tape::checking();
    let mut xs = uniform::<f64>([4, 2, 3], 1);
    xs.as_mut_slice().fill(0.5);
    let xs = tape.constant(xs);
    let one = tape.constant(Tensor::ones([2, 3]));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        tape.scan(xs, one).run(|x, h| {
            let next = (h - x).ln(); // ln 0.5, then NaN
            (next, next)
        })
    }));
    let panic = caught.expect_err("a NaN is found");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(
        text.contains("ln at") && text.contains("errors.rs") && text.contains("time step 1"),
        "{text}"
    );
}
