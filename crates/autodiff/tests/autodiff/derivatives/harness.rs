//! Derivatives of every order against finite differences, along random directions.
//!
//! A gradient is a vector; one number tells whether it is right: its product with a random
//! direction `v` must be the slope of the function along `v`. And that product is a function of
//! the inputs like any other, made of recorded operations, so the second order is the same check
//! applied once more.

use std::fmt::{self, Debug};
use std::rc::Rc;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A variable in double precision, as everything here.
pub(crate) type V<'t> = Var<'t, f64>;

/// A function from variables to a variable.
pub(crate) type Function<'f> = dyn for<'t> Fn(&[V<'t>]) -> V<'t> + 'f;

/// Random cases for each operation.
const CASES: u32 = 256;

/// A difference's truncation error is `h⁴ f⁽⁵⁾ / 30` and its rounding error `ε f / h`: both stay
/// below 1e-8 for the functions and domains here.
const STEP: f64 = 1e-3;

const TOLERANCE: f64 = 1e-6;

/// Where the elements of the inputs are drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Domain {
    /// −1.5 to 1.5, for functions that are smooth everywhere.
    Any,
    /// 0.5 to 2: for `ln`, `√` and powers, and so far from their singularity at 0 that differences
    /// resolve them.
    Positive,
    /// ±0.5 to ±2: away from a kink, jump or pole at 0.
    NonZero,
    /// No two elements, of one input or of two, nearer than 0.1: no step of a difference changes
    /// which of them is the largest.
    Distinct,
}

impl Domain {
    fn draw(self, input: usize, shape: &Shape, rng: &mut Xoshiro256PlusPlus) -> Tensor<f64> {
        match self {
            Self::Any => Tensor::uniform(shape, -1.5, 1.5, rng),
            Self::Positive => Tensor::uniform(shape, 0.5, 2.0, rng),
            Self::NonZero => {
                let sign = Tensor::bernoulli(shape, 0.5, rng).map(|bit| 2.0 * bit - 1.0);
                Tensor::uniform(shape, 0.5, 2.0, rng).mul(&sign)
            }
            Self::Distinct => {
                let mut ranks: Vec<usize> = (0..shape.elements()).collect();
                ranks.shuffle(rng);
                let offset = 0.1 * input as f64 - 1.0;
                Tensor::from_fn(shape, |i| 0.3 * ranks[i] as f64 + offset)
            }
        }
    }
}

/// A function, and the shapes of inputs that it takes.
#[derive(Clone)]
struct Case {
    parameters: Rc<dyn Debug>,
    shapes: Vec<Shape>,
    function: Rc<Function<'static>>,
}

impl Case {
    fn new(
        parameters: impl Debug + 'static,
        shapes: Vec<Shape>,
        function: impl for<'t> Fn(&[V<'t>]) -> V<'t> + 'static,
    ) -> Self {
        Self { parameters: Rc::new(parameters), shapes, function: Rc::new(function) }
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inputs {:?} with {:?}", self.shapes, self.parameters)
    }
}

/// Draws inputs of the shapes of each case from `domain` and checks first and second derivatives of
/// `f` there. The cases are the same in every run: a difference that fails one in a million times
/// helps nobody.
pub(crate) fn check<P: Clone + Debug + 'static>(
    domain: Domain,
    cases: impl Strategy<Value = (P, Vec<Shape>)> + 'static,
    f: impl for<'t> Fn(&P, &[V<'t>]) -> V<'t> + Copy + 'static,
) {
    // one type for all operations: property testing is a lot of code to compile for each
    let cases = cases
        .prop_map(move |(parameters, shapes)| {
            Case::new(parameters.clone(), shapes, move |x| f(&parameters, x))
        })
        .boxed();
    for_all(&(cases, any::<u64>()).boxed(), &|(case, seed)| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shapes = case.shapes.iter().enumerate();
        let at: Vec<_> = shapes.map(|(i, shape)| domain.draw(i, shape, &mut rng)).collect();
        check_at(&*case.function, &at, &mut rng);
    });
}

/// Runs `test` on cases drawn by `strategy`, and panics with the simplest that fails.
pub(crate) fn for_all<C: Debug>(strategy: &BoxedStrategy<C>, test: &dyn Fn(C)) {
    let config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(strategy, |case| {
        test(case);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Checks first and second derivatives of `f` at one point.
pub(crate) fn check_at(f: &Function<'_>, at: &[Tensor<f64>], rng: &mut Xoshiro256PlusPlus) {
    let weights = {
        let tape = Tape::new();
        Tensor::uniform(f(&variables(&tape, at)).shape(), -1.0, 1.0, rng)
    };
    // y + y²/2 rather than y: the cotangent moves with the inputs, so that the second order passes
    // through the gradient rules of linear operations as well
    let functional: &Function<'_> = &|x| {
        let y = f(x);
        (y * (y * 0.5 + 1.0) * &weights).sum_all()
    };
    check_slope(functional, at, 1, rng);
}

/// Checks the gradient of a number, and then that of its slope, up to the second order.
fn check_slope(f: &Function<'_>, at: &[Tensor<f64>], order: u32, rng: &mut Xoshiro256PlusPlus) {
    check_backward(f, at);
    let direction: Vec<_> = at.iter().map(|x| Tensor::uniform(x.shape(), -1.0, 1.0, rng)).collect();
    let slope: &Function<'_> = &|x| {
        let tape = x[0].tape();
        let one = tape.constant(Tensor::scalar(1.0));
        let gradient = tape.vjp(&[(f(x), one)], x);
        let terms = gradient.iter().zip(&direction).map(|(&g, v)| (g * v).sum_all());
        terms.reduce(|sum, term| sum + term).expect("a function has an input")
    };
    let (recorded, numeric) = (value(slope, at), difference(f, at, &direction));
    let error = (recorded - numeric).abs();
    assert!(
        error <= TOLERANCE * numeric.abs().max(1.0),
        "derivative of order {order}: the tape says {recorded}, differences {numeric}"
    );
    if order < 2 {
        check_slope(slope, at, order + 1, rng);
    }
}

/// Checks that `backward` gives what `grad` gives, in the shapes of the inputs.
fn check_backward(f: &Function<'_>, at: &[Tensor<f64>]) {
    let params: Vec<_> = at.iter().cloned().map(Param::new).collect();
    let tape = Tape::new();
    let x: Vec<_> = params.iter().map(|param| tape.param(param)).collect();
    let y = f(&x);
    let gradients = tape.backward(y);
    for (x, param) in x.into_iter().zip(&params) {
        let [recorded] = tape.grad(y, [x]);
        let recorded = recorded.value();
        // a gradient that is not yet summed over a stretched axis has the right slope
        assert_eq!(*recorded.shape(), x.shape());
        match gradients.get(param) {
            Some(in_place) => assert_near(in_place, &recorded, 1e-12),
            None => assert_eq!(recorded, Tensor::zeros(x.shape()), "backward has no gradient"),
        }
    }
}

/// The slope of `f` along a direction by five-point differences.
fn difference(f: &Function<'_>, at: &[Tensor<f64>], direction: &[Tensor<f64>]) -> f64 {
    let f = |step: f64| {
        let moved: Vec<_> =
            at.iter().zip(direction).map(|(x, v)| x.add(&v.map(|v| v * step))).collect();
        value(f, &moved)
    };
    (8.0 * (f(STEP) - f(-STEP)) - (f(2.0 * STEP) - f(-2.0 * STEP))) / (12.0 * STEP)
}

fn value(f: &Function<'_>, at: &[Tensor<f64>]) -> f64 {
    let tape = Tape::new();
    f(&variables(&tape, at)).item()
}

/// The tensors as variables of a tape.
pub(crate) fn variables<'t>(tape: &'t Tape<f64>, values: &[Tensor<f64>]) -> Vec<V<'t>> {
    values.iter().map(|value| tape.variable(value.clone())).collect()
}

/// Checks that two tensors have one shape and agree to `tolerance`, relative above 1 and absolute
/// below.
#[track_caller]
pub(crate) fn assert_near(left: &Tensor<f64>, right: &Tensor<f64>, tolerance: f64) {
    assert_eq!(left.shape(), right.shape());
    for (&x, &y) in left.as_slice().iter().zip(right.as_slice()) {
        assert!(
            (x - y).abs() <= tolerance * y.abs().max(1.0),
            "{x} is not {y}, in {left:?} and {right:?}"
        );
    }
}
