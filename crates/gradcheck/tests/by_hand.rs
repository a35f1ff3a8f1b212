//! Derivations against the tape: those of the library agree, and those that are printed wrong do not.
//!
//! The wrong ones are found in texts on back-propagation through time; `docs/test-your-cell.md` goes
//! through them.

use bptt_autodiff::{Param, Tape};
use bptt_gradcheck::oracle::{self, Oracle};
use bptt_gradcheck::{Failure, Law, Violation, cell};
use bptt_layers::{Activation, Elman, Lstm, Module, Truncation};
use bptt_tensor::Tensor;

#[test]
fn the_tape_derives_the_elman_network() {
    cell(|rng, i, h| Elman::new(rng, i, h).output(rng, 3, Activation::Identity))
        .oracle(oracle::Elman)
        .only(&[Law::ByHand])
        .cases(128)
        .check();
}

#[test]
fn the_tape_derives_the_lstm() {
    cell(Lstm::new).oracle(oracle::Lstm).only(&[Law::ByHand]).cases(128).check();
}

/// An error found in print, made in an otherwise right derivation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Printed {
    Right,
    /// `(1 − h²) ⊙ (∇h Wᵀ)` for `(∇h ⊙ (1 − h²)) Wᵀ`.
    SlopesOutside,
    /// The gradients of shared weights averaged over the steps instead of added up.
    Averaged,
    /// The factors `1 − h²` forgotten, as if the cell were linear.
    WithoutSlopes,
    /// `∇W_hh` with `h_t` for `h_{t−1}`.
    StateAfterTheStep,
    /// The function of the output, here the logistic one, on the hidden layer.
    OutputFunctionInside,
    /// The recursion begins with a given `h_1` instead of `h_0`.
    FirstStepSkipped,
}

/// `h_t = tanh(x_t W_ih + h_{t−1} W_hh + b)`, tensors of a whole batch at a time.
impl Oracle for Printed {
    fn run(&self, p: &[Tensor<f64>], xs: &Tensor<f64>, state: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let states = self.states(p, xs, &state[0]);
        let (steps, batch, hidden) = (xs.shape()[0], xs.shape()[1], p[2].len());
        let rows = states[1..].iter().flat_map(Tensor::to_vec).collect();
        vec![Tensor::from_vec([steps, batch, hidden], rows), states[steps].clone()]
    }

    fn reverse(
        &self,
        p: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>> {
        let steps = xs.shape()[0];
        let states = self.states(p, xs, &state[0]);
        let mut sums: Vec<_> = p.iter().map(|p| Tensor::zeros(p.shape())).collect();
        let mut dxs = Vec::new();
        let mut dh = cotangents[1].clone();
        for t in (0..steps).rev() {
            dh += cotangents[0].index_first(t);
            let (before, h, x) = (&states[t], &states[t + 1], xs.index_first(t));
            let slopes = match self {
                Self::WithoutSlopes => Tensor::ones(h.shape()),
                _ => h.map(|h| 1.0 - h * h),
            };
            let dz = match self {
                Self::FirstStepSkipped if t == 0 => Tensor::zeros(h.shape()),
                _ => &dh * &slopes,
            };
            let factor = if *self == Self::StateAfterTheStep { h } else { before };
            sums[0] += x.t_matmul(&dz);
            sums[1] += factor.t_matmul(&dz);
            sums[2] += dz.sum(&[0]);
            dxs.push(dz.matmul(&p[0].transpose(0, 1)).to_vec());
            dh = match self {
                Self::SlopesOutside => &slopes * dh.matmul(&p[1].transpose(0, 1)),
                Self::FirstStepSkipped if t == 0 => dh,
                _ => dz.matmul(&p[1].transpose(0, 1)),
            };
        }
        if *self == Self::Averaged {
            sums = sums.iter().map(|sum| sum.map(|sum| sum / steps.max(1) as f64)).collect();
        }
        dxs.reverse();
        let inputs = vec![Tensor::from_vec(xs.shape(), dxs.concat()), dh];
        [inputs, sums].concat()
    }
}

impl Printed {
    /// The states `h_0, …, h_T`, each `[B, H]`.
    fn states(self, p: &[Tensor<f64>], xs: &Tensor<f64>, h0: &Tensor<f64>) -> Vec<Tensor<f64>> {
        let mut states = vec![h0.clone()];
        for t in 0..xs.shape()[0] {
            let h = &states[t];
            let z = xs.index_first(t).matmul(&p[0]) + h.matmul(&p[1]) + &p[2];
            states.push(match self {
                Self::FirstStepSkipped if t == 0 => h.clone(),
                Self::OutputFunctionInside => z.map(|z| 1.0 / (1.0 + (-z).exp())),
                _ => z.map(f64::tanh),
            });
        }
        states
    }
}

fn held_against(printed: Printed) -> Option<Failure> {
    let check = cell(Elman::new).oracle(printed).only(&[Law::ByHand]).cases(64);
    check.run().failures().next().cloned()
}

/// What the report says is wrong first: the smallest case, and the derivative.
#[track_caller]
fn assert_found(printed: Printed, smallest: &str, wrong: &str) {
    let failure = held_against(printed).expect("it is wrong");
    assert!(failure.case().starts_with(smallest), "{failure}");
    match failure.violation() {
        Violation::Mismatch(mismatch) => {
            let entry = mismatch.of.as_ref().expect("of one element");
            assert_eq!(entry.name, wrong, "{failure}");
        }
        violation => panic!("{violation}"),
    }
}

#[test]
fn what_is_printed_wrong_is_found_with_the_fewest_steps_that_show_it() {
    assert!(held_against(Printed::Right).is_none());
    // one step has no Jacobian to be in the wrong order with but that of the first state
    assert_found(Printed::SlopesOutside, "T = 1, B = 1, I = 1, H = 2", "∂ state 0");
    assert_found(Printed::Averaged, "T = 2, B = 1, I = 1, H = 1", "∂ w_ih");
    assert_found(Printed::WithoutSlopes, "T = 1, B = 1, I = 1, H = 1", "∂ xs");
    assert_found(Printed::StateAfterTheStep, "T = 1, B = 1, I = 1, H = 1", "∂ w_hh");
    assert_found(Printed::OutputFunctionInside, "T = 1, B = 1, I = 1, H = 1", "ys");
    assert_found(Printed::FirstStepSkipped, "T = 1, B = 1, I = 1, H = 1", "ys");
}

/// The terms of the gradient by lag, derived by hand, are what windows of each length keep.
#[test]
fn windows_keep_the_lags_below_their_length() {
    let rng = &mut bptt_layers::rng(3);
    for [steps, batch, input, hidden] in [[1, 1, 1, 1], [6, 2, 3, 4], [5, 1, 2, 3]] {
        let mut cell = Elman::new(rng, input, hidden).output(rng, 2, Activation::Identity);
        cell.for_each_parameter_mut(|_, param| {
            param.set(Tensor::uniform(param.shape(), -1.0, 1.0, rng));
        });
        let xs = Tensor::uniform([steps, batch, input], -1.0, 1.0, rng);
        let h0 = Tensor::uniform([batch, hidden], -1.0, 1.0, rng);
        let cotangents = Tensor::uniform([steps, batch, 2], -1.0, 1.0, rng);
        let parameters: Vec<_> =
            cell.parameters().iter().map(|(_, param)| param.value().clone()).collect();
        let lags = oracle::Elman.by_lag(&parameters, &xs, std::slice::from_ref(&h0), &cotangents);
        let mut sum: Vec<_> = parameters.iter().map(|p| Tensor::zeros(p.shape())).collect();
        for (window, terms) in (1..).zip(&lags) {
            sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            let tape = Tape::new();
            let (os, _) = Truncation::window(window).run(
                &cell,
                tape.constant(xs.clone()),
                tape.constant(h0.clone()),
            );
            let gradients = tape.backward((os * &cotangents).sum_all());
            let of = |param: &Param<f64>| gradients[param].clone();
            for ((_, param), by_hand) in cell.parameters().into_iter().zip(&sum) {
                for (x, y) in of(param).as_slice().iter().zip(by_hand.as_slice()) {
                    assert!((x - y).abs() <= 1e-11, "window {window}: {x} is not {y}");
                }
            }
        }
        // full back-propagation is no shorter window's
        let last = &lags[steps - 1];
        assert!(last[1].as_slice().iter().any(|term| term.abs() > 1e-8), "the last lag counts");
    }
}
