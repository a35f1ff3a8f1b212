//! A checking tape finds the first NaN or infinity: its operation, line and time step.

use bptt_autodiff::{Operation, Pullback, Tape, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::caught::{panic_of, refuses};

fn vector(elements: [f64; 2]) -> Tensor<f64> {
    Tensor::from_slice([2], &elements)
}

/// `file:line` of the caller, in the form of messages.
macro_rules! here {
    () => {
        format!("{}:{}:", file!(), line!())
    };
}

#[test]
#[rustfmt::skip]
fn the_first_value_that_is_not_finite_stops_the_computation() {
    let tape = Tape::checking();
    let x = tape.variable(vector([1.0, -2.0]));
    refuses!(x.ln(); &format!("ln at {}", here!()), "computed NaN at index [1] of [2]");
    let large = x * 1000.0;
    refuses!(large.exp(); &format!("exp at {}", here!()), "computed inf at index [0] of [2]");
    refuses!(x / 0.0; "div at ", "computed inf at index [0] of [2]");
    refuses!(tape.constant(vector([0.0, f64::NAN])); "constant at ", "NaN at index [1] of [2]");
    assert_eq!(tape.first_non_finite().unwrap().operation(), "ln");
}

#[test]
fn the_message_names_the_time_step() {
    let tape = Tape::checking();
    let mut h = tape.variable(vector([1.0, 3.0]));
    let panic = panic_of(|| {
        for step in 0..100 {
            tape.set_step(Some(step));
            h = h * h;
        }
    });
    // 3^(2^10) is beyond 1.8e308
    assert!(panic.message.contains("mul at "), "{}", panic.message);
    assert!(panic.message.ends_with("index [1] of [2], time step 9"), "{}", panic.message);
}

#[test]
fn a_gradient_that_is_not_finite_names_its_equation() {
    let tape = Tape::checking();
    let x = tape.variable(vector([4.0, 0.0]));
    tape.set_step(Some(17));
    let (y, line) = (x.sqrt(), here!());
    tape.set_step(None);
    let loss = y.sum_all();
    let expected = [
        &format!("the gradient of sqrt at {line}")[..],
        "operand 0 is inf at index [1] of [2], time step 17",
    ];
    for panic in [panic_of(|| tape.backward(loss)), panic_of(|| tape.grad(loss, [x]))] {
        for part in expected {
            assert!(panic.message.contains(part), "{part:?} is missing in {:?}", panic.message);
        }
    }
}

#[test]
fn the_message_names_the_second_operand() {
    let tape = Tape::checking();
    let x = tape.variable(Tensor::scalar(1e-200));
    let panic = panic_of(|| tape.backward(1.0 / x)); // −1/x² overflows, where 1/x does not
    assert!(panic.message.contains("the gradient of div at "), "{}", panic.message);
    assert!(panic.message.contains("operand 1 is -inf"), "{}", panic.message);
}

#[test]
fn products_are_checked_as_well() {
    let tape = Tape::checking();
    let (x, w) = (tape.variable(Tensor::full([1, 1], 1e-100)), Tensor::full([1, 1], 1e200));
    let loss = (x.matmul(&w) * 1e150).sum_all(); // 1e350 reaches x
    let panic = panic_of(|| tape.backward(loss));
    assert!(panic.message.contains("the gradient of matmul at "), "{}", panic.message);
}

#[test]
fn an_ordinary_tape_can_be_searched() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_fn([2, 3], |i| 4.0 - i as f64));
    assert!(tape.first_non_finite().is_none());
    tape.set_step(Some(5));
    let (y, line) = (x.ln(), line!());
    tape.set_step(None);
    let _ = y * 0.0;
    let fault = tape.first_non_finite().unwrap();
    assert_eq!((fault.operation(), fault.step()), ("ln", Some(5)));
    assert_eq!((fault.location().file(), fault.location().line()), (file!(), line));
    // ln 0
    assert!(fault.to_string().contains("computed -inf at index [1, 1] of [2, 3], time step 5"));
}

#[test]
fn nodes_of_a_gradient_rule_belong_to_its_equation() {
    let tape = Tape::new();
    let x = tape.variable(vector([4.0, 0.0]));
    tape.set_step(Some(17));
    let (y, line) = (x.sqrt(), line!());
    tape.set_step(None);
    let [_] = tape.grad(y.sum_all(), [x]);
    let fault = tape.first_non_finite().unwrap();
    assert_eq!((fault.location().file(), fault.location().line()), (file!(), line));
    assert_eq!(fault.step(), Some(17));
}

/// `y = x`, with a gradient rule that panics where x is negative.
#[derive(Debug)]
struct Fragile;

impl<T: Scalar> Operation<T> for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        let scaled = g * 2.0; // is on the tape when the rule panics
        assert!(at.input(0).item() >= T::zero(), "this rule gives up");
        at.add(0, || scaled * 0.5);
    }
}

/// Panics like a checking tape.
fn checked(x: Var<'_, f64>) {
    if let Some(fault) = x.tape().first_non_finite() {
        panic!("{fault}");
    }
}

#[test]
fn a_tape_survives_a_rule_that_panics() {
    for tape in [Tape::new(), Tape::checking()] {
        let (good, bad) = (tape.variable(Tensor::scalar(3.0)), tape.variable(Tensor::scalar(-3.0)));
        let [of_good, of_bad] = [good, bad].map(|x| tape.apply(Fragile, &[x]) * x);
        let before = tape.len();
        assert_eq!(panic_of(|| tape.backward(of_bad)).message, "this rule gives up");
        assert_eq!(tape.len(), before);
        assert_eq!(tape.backward(of_good).wrt(good).item(), 6.0);
        assert_eq!(tape.grad(of_good, [good])[0].item(), 6.0);
        // literals that the rule recorded still have their values
        assert_eq!((good * 2.0 + 0.5).item(), 6.5);
        // new equations have their own lines
        let (message, line) = (panic_of(|| checked(bad.ln())).message, here!());
        assert!(message.starts_with(&format!("ln at {line}")), "{message}");
    }
}
