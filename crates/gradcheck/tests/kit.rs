//! What the kit says when something is wrong: the smallest case, where it is wrong, and how to see it again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Param, Var};
use bptt_gradcheck::oracle::{self, Oracle};
use bptt_gradcheck::{
    Check, Domain, Failure, Law, Mismatch, Report, Violation, broadcastable, cell, domains,
    extents, function, functions, lengths, masks, model, sequences, shapes, tensors,
};
use bptt_layers::{Cell, Linear, Lstm, Module, StateSizes};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;

extern crate bptt_layers as bptt; // what the derive macros generate refers to the façade

type V<'t> = Var<'t, f64>;

/// `a ← tanh(x W_ih)`, `b ← a₋`, `c ← b₋`, `y = c W_ho`: an input shows after two steps.
#[derive(Debug, Module)]
#[module(scalar = f64)]
struct Delayed {
    w_ih: Param<f64>, // [I, H]
    w_ho: Param<f64>, // [H, H]
    #[module(skip)]
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// No gradient through the state that the output reads.
    Detached,
    /// The equations do not take three steps.
    Panics,
}

impl Cell<f64> for Delayed {
    type State<'t> = [V<'t>; 2];

    fn step<'t>(&self, x: V<'t>, [a, b]: [V<'t>; 2]) -> (V<'t>, [V<'t>; 2]) {
        let now = x.matmul(&self.w_ih).tanh();
        let c = if self.fault == Fault::Detached { b.stop_gradient() } else { b };
        (c.matmul(&self.w_ho), [now, a])
    }
}

impl StateSizes for Delayed {
    fn state_sizes(&self) -> Vec<usize> {
        if self.fault == Fault::Panics {
            assert!(self.w_ho.shape()[0] < 3, "three units are too many");
        }
        vec![self.w_ho.shape()[0]; 2]
    }
}

fn delayed(fault: Fault) -> Check<impl bptt_gradcheck::Family> {
    cell(move |rng, input, hidden| {
        let mut draw = |shape| Param::new(Tensor::uniform(shape, -1.0, 1.0, rng));
        Delayed { w_ih: draw([input, hidden]), w_ho: draw([hidden, hidden]), fault }
    })
}

fn first_failure(report: &Report) -> &Failure {
    report.failures().next().expect("a law is broken")
}

fn mismatch(failure: &Failure) -> &Mismatch {
    match failure.violation() {
        Violation::Mismatch(mismatch) => mismatch,
        violation => panic!("{violation}"),
    }
}

#[test]
fn a_fault_is_named_at_the_shortest_lag_that_it_has() {
    delayed(Fault::None).check();
    let report = delayed(Fault::Detached).only(&[Law::Jacobian]).run();
    let failure = first_failure(&report);
    let mismatch = mismatch(failure);
    // state 1 of the first step is wrong at once, x and w_ih after two steps
    let (of, output) = (mismatch.of.as_ref().unwrap(), mismatch.output.as_ref().unwrap());
    assert_eq!((of.name.as_str(), of.step, of.index.len()), ("state 1", Some(0), 2));
    assert_eq!((output.name.as_str(), output.step, mismatch.lag()), ("y", Some(0), Some(0)));
    assert!(failure.case().starts_with("T = 1, B = 1, I = 1, H = 1"), "{failure}");
    assert_eq!(mismatch.found.1, 0.0);
    assert!(mismatch.expected.1 != 0.0);

    let text = report.to_string();
    for line in [
        "Delayed: 1 of 1 laws broken",
        "broken: Jacobian: each entry",
        "∂ y[0, 0] at step 0 / ∂ state 1[0, 0] at step 0, lag 0",
        "the tape says    0e0",
        "smallest case: T = 1, B = 1, I = 1, H = 1, Ordinary values",
        ".only(&[Law::Jacobian]).replay(0x",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

#[test]
fn a_case_is_seen_again_by_its_seed() {
    let report = delayed(Fault::Detached).run();
    for failure in report.failures() {
        let again = delayed(Fault::Detached).only(&[failure.law()]).replay(failure.seed()).run();
        assert_eq!(again.cases(), 1);
        assert_eq!(first_failure(&again).to_string(), failure.to_string());
    }
}

#[test]
fn cases_are_the_same_until_other_ones_are_asked_for() {
    let checks = |seed| delayed(Fault::None).seed(seed).cases(4).run().to_string();
    assert_eq!(checks(0), checks(0));
    assert_ne!(checks(0), checks(1));
}

#[test]
fn laws_are_chosen() {
    let chosen = |check: Check<_>| -> Vec<Law> {
        let report: Report = check.cases(1).run();
        report.findings().iter().map(|finding| finding.law()).collect()
    };
    let of = || function(|x| x[0].tanh());
    assert_eq!(chosen(of().only(&[Law::Zero, Law::Linear])), [Law::Linear, Law::Zero]);
    let rest = chosen(of().without(&[Law::Zero, Law::Linear]));
    assert_eq!(rest.len(), chosen(of()).len() - 2);
    assert!(!rest.contains(&Law::Zero) && !rest.contains(&Law::Linear));
}

#[test]
fn equations_that_panic_are_a_failure_with_a_smallest_case() {
    let report = delayed(Fault::Panics).only(&[Law::Scan]).run();
    let failure = first_failure(&report);
    assert_eq!(*failure.violation(), Violation::Panicked("three units are too many".into()));
    assert!(failure.case().contains("I = 1, H = 3"), "{failure}");
}

/// Where all derivatives are excluded nothing is proven.
#[test]
fn nothing_compared_is_a_failure() {
    let of_zero = || function(|x| x[0].relu()).inputs([[1]]).domain(Domain::Zero);
    let at_the_kink = || of_zero().only(&[Law::Jacobian]);
    let report = at_the_kink().run();
    assert_eq!(*first_failure(&report).violation(), Violation::NothingCompared);
    assert_eq!(report.findings()[0].evidence().excluded(), 16);
    // with values to either side there is something
    let report = at_the_kink().inputs([[8]]).domain(Domain::NearKinks).run();
    assert!(report.holds(), "{report}");
    let evidence = report.findings()[0].evidence();
    assert!(evidence.excluded() > 0 && evidence.compared() > 0);
}

/// `h ← z / √(z² + ε)` with `z = x W_ih + h W_hh`, for each unit or for all together. It is smooth, and so steep at 0 that
/// it multiplies rounding errors by `1/√ε`.
#[derive(Module)]
#[module(scalar = f64)]
struct Steep {
    w_ih: Param<f64>,
    w_hh: Param<f64>,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    together: bool,
}

impl Cell<f64> for Steep {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        let z = x.matmul(&self.w_ih) + h.matmul(&self.w_hh);
        let square = if self.together { z.square().sum_keep(&[-1]) } else { z.square() };
        let h = z / (square + self.epsilon).sqrt();
        (h, h)
    }
}

impl StateSizes for Steep {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

#[test]
fn what_is_steep_raises_no_alarm() {
    for (epsilon, together) in [(1e-8, false), (1e-12, false), (1e-14, true)] {
        let check = cell(move |_, input, hidden| {
            let [w_ih, w_hh] =
                [input, hidden].map(|rows| Param::new(Tensor::zeros([rows, hidden])));
            Steep { w_ih, w_hh, epsilon, together }
        });
        let report = check.cases(48).without(&[Law::ThirdOrder]).run();
        assert!(report.holds(), "ε = {epsilon}: {report}");
        let slopes = report.findings().iter().find(|finding| finding.law() == Law::Jacobian);
        let evidence = slopes.expect("a law of cells").evidence();
        assert!(evidence.excluded() * 20 < evidence.compared(), "ε = {epsilon}: {report}");
    }
}

/// A wrong gradient beside a kink is wrong.
#[test]
fn kinks_excuse_nothing_else() {
    let report = function(|x| x[0].relu() * 2.0 - x[0].relu().stop_gradient())
        .domain(Domain::NearKinks)
        .only(&[Law::Jacobian])
        .run();
    assert!(!report.holds());
}

#[test]
fn parameters_are_drawn_anew_and_named() {
    // a bias that starts from zero would hide the fault
    let report = model(
        |rng| Linear::new(rng, 2, 3),
        |linear, _, x| {
            linear.forward(x[0]) * x[0].tape().param(linear.b.as_ref().unwrap()).stop_gradient()
        },
    )
    .inputs([[2, 2]])
    .only(&[Law::Slope])
    .run();
    assert_eq!(mismatch(first_failure(&report)).of.as_ref().unwrap().name, "b");
}

#[test]
fn a_family_shrinks_to_its_simplest_function() {
    let of_powers = (1..9_u32).prop_map(|power| (power, vec![Shape::from([1])]));
    let report = functions(of_powers, |&power, x| {
        let y = x[0].powf(power.into());
        if power < 3 { y } else { y.stop_gradient() }
    })
    .only(&[Law::Slope])
    .run();
    assert_eq!(first_failure(&report).case(), "inputs [[1]], Ordinary values, with 3");
}

#[track_caller]
fn panics_with(message: &str, check: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("it panics");
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).expect("a message");
    assert!(text.contains(message), "{text}");
}

/// A check that would check nothing says so.
#[test]
fn nothing_is_not_checked() {
    let of = || function(|x| x[0].tanh());
    panics_with("scan is not among", || of().only(&[Law::Scan]).check());
    panics_with("hidden order is not among", || {
        delayed(Fault::None).only(&[Law::HiddenOrder]).check();
    });
    panics_with("no case checks nothing", || of().cases(0).check());
    panics_with("no law checks nothing", || of().only(&[]).check());
}

/// A derivation that leaves a gradient out.
struct Short;

impl Oracle for Short {
    fn run(&self, p: &[Tensor<f64>], xs: &Tensor<f64>, state: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        oracle::Lstm.run(p, xs, state)
    }

    fn reverse(
        &self,
        p: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>> {
        let mut gradients = oracle::Lstm.reverse(p, xs, state, cotangents);
        gradients.pop();
        gradients
    }
}

#[test]
fn an_oracle_says_all() {
    let report = cell(Lstm::new).oracle(Short).only(&[Law::ByHand]).run();
    let failure = first_failure(&report).to_string();
    assert!(failure.contains("panicked: ") && failure.contains("each parameter"), "{failure}");
}

/// `h ← sin(1000 (x W_ih + h))`: a rounding of an input is multiplied until it decides.
#[derive(Debug, Module)]
#[module(scalar = f64)]
struct Chaotic {
    w_ih: Param<f64>,
    #[module(skip)]
    shifted: bool,
}

impl Cell<f64> for Chaotic {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        let before = if self.shifted {
            h + &Tensor::from_fn([h.shape()[0], 1], |b| 1e-7 * b as f64)
        } else {
            h
        };
        let h = ((x.matmul(&self.w_ih) + before) * 1000.0).sin();
        (h, h)
    }
}

impl StateSizes for Chaotic {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ih.shape()[1]]
    }
}

/// What rounding alone moves is no fault; what is beyond it is.
#[test]
fn rounding_is_no_fault() {
    let chaotic = |shifted| {
        cell(move |_, input, hidden| Chaotic {
            w_ih: Param::new(Tensor::zeros([input, hidden])),
            shifted,
        })
        .only(&[Law::BatchSum, Law::Scan])
        .cases(64)
        .run()
    };
    let report = chaotic(false);
    assert!(report.holds(), "{report}");
    assert!(report.findings().iter().any(|finding| finding.evidence().excluded() > 0), "{report}");
    assert_eq!(first_failure(&chaotic(true)).law(), Law::BatchSum);
}

#[test]
fn check_panics_with_the_report() {
    let check = || delayed(Fault::Detached).named("delayed by two").check();
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("it is wrong");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.starts_with("delayed by two: "), "{message}");
}

#[test]
fn reports_are_saved_or_say_why_not() {
    let folder = std::env::temp_dir().join(format!("gradcheck-{}", std::process::id()));
    let report = function(|x| x[0].tanh()).named("a/b <c>").cases(1).run();
    let path = report.save_in(&folder.join("reports")).expect("it is saved");
    assert!(path.ends_with("reports/a_b__c_.html"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html());
    let error = report.save_in(&path).expect_err("a file is no folder");
    assert!(error.to_string().contains("cannot write the report"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn broadcastable_shapes_broadcast(shapes in broadcastable(3)) {
        let tensors: Vec<_> = shapes.iter().map(|shape| Tensor::<f64>::ones(shape)).collect();
        let _ = &tensors[0] + &tensors[1] + &tensors[2];
    }

    #[test]
    fn tensors_are_of_their_domain(
        positive in tensors(shapes(), Domain::Positive),
        mixed in domains().prop_flat_map(|domain| tensors(shapes(), domain)),
        extent in extents(),
    ) {
        prop_assert!(positive.as_slice().iter().all(|&x| (0.5..2.0).contains(&x)));
        prop_assert!(mixed.as_slice().iter().all(|&x| x.abs() <= 100.0));
        prop_assert!(extent <= 3);
    }

    #[test]
    fn sequences_have_masks_and_lengths(
        (xs, mask, lengths) in sequences(Domain::Ordinary).prop_flat_map(|xs| {
            let [steps, batch] = [xs.shape()[0], xs.shape()[1]];
            (Just(xs), masks(steps, batch), lengths(steps, batch))
        }),
    ) {
        let [steps, batch] = [xs.shape()[0], xs.shape()[1]];
        prop_assert_eq!(mask.shape().to_vec(), vec![steps, batch]);
        prop_assert!(mask.as_slice().iter().all(|&bit| bit == 0.0 || bit == 1.0));
        prop_assert_eq!(lengths.len(), batch);
        prop_assert!(lengths.iter().all(|&length| length <= steps));
    }
}
