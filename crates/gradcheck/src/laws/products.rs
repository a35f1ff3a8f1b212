//! Laws of products with Jacobians and Hessians. They hold exactly, except for rounding.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use rand::RngExt;

use crate::evidence::Evidence;
use crate::laws::orders::{direction, functional};
use crate::subject::{Recorded, Subject};
use crate::values::{Random, V};
use crate::violation::{EXACT, Mismatch, Named, Nearness, Violation, compare};

/// A subject's function on a tape, with its outputs in a row.
struct Case<'t, 's> {
    tape: &'t Tape<f64>,
    subject: &'s dyn Subject,
    recorded: Recorded<'t>,
    y: V<'t>, // [N]
}

impl<'t, 's> Case<'t, 's> {
    fn new(tape: &'t Tape<f64>, subject: &'s dyn Subject) -> Self {
        let recorded = subject.record(tape, subject.at());
        let y = recorded.flat();
        Self { tape, subject, recorded, y }
    }

    fn outputs(&self) -> usize {
        self.y.shape().elements()
    }

    fn cotangent(&self, rng: &mut Random) -> V<'t> {
        self.tape.constant(Tensor::uniform([self.outputs()], -1.0, 1.0, rng))
    }

    /// Each source with a direction of its own.
    fn tangents(&self, rng: &mut Random) -> Vec<(V<'t>, V<'t>)> {
        let directions = direction(self.subject, rng).into_iter().map(|v| self.tape.constant(v));
        self.recorded.sources.iter().copied().zip(directions).collect()
    }

    /// `Jᵀ v`
    fn reverse(&self, cotangent: V<'t>) -> Vec<V<'t>> {
        self.tape.vjp(&[(self.y, cotangent)], &self.recorded.sources)
    }

    /// `J u`
    fn forward(&self, tangents: &[(V<'t>, V<'t>)]) -> V<'t> {
        self.tape.jvp(self.y, tangents)
    }

    /// A value for each source, with the source's name.
    fn named(&self, values: &[Tensor<f64>]) -> Vec<Named> {
        let places = self.subject.sources().iter();
        places.zip(values).map(|(place, value)| Named::new(&place.name, value.clone())).collect()
    }
}

fn values(variables: &[V<'_>]) -> Vec<Tensor<f64>> {
    variables.iter().map(|variable| variable.value()).collect()
}

/// `Σ ⟨aᵢ, bᵢ⟩`, and the sum of the magnitudes of its terms, on which its rounding depends.
fn dot<'t>(pairs: impl IntoIterator<Item = (V<'t>, V<'t>)>) -> (f64, f64) {
    let (mut sum, mut size) = (0.0, 0.0);
    for (a, b) in pairs {
        for (a, b) in a.value().as_slice().iter().zip(b.value().as_slice()) {
            sum += a * b;
            size += (a * b).abs();
        }
    }
    (sum, size)
}

fn seconds<'t>(pairs: &[(V<'t>, V<'t>)]) -> impl Iterator<Item = V<'t>> {
    pairs.iter().map(|&(_, second)| second)
}

/// Compares two sums that are equal in real arithmetic.
fn equal(
    (found_by, (found, found_size)): (&'static str, (f64, f64)),
    (expected_by, (expected, expected_size)): (&'static str, (f64, f64)),
    evidence: &mut Evidence,
) -> Result<(), Box<Mismatch>> {
    let Nearness::Relative(tolerance) = EXACT else { unreachable!("exact but for rounding") };
    let error = (found - expected).abs() / found_size.max(expected_size).max(1.0);
    evidence.note(error);
    if error <= tolerance + evidence.slack {
        Ok(())
    } else {
        let (found, expected) = ((found_by, found), (expected_by, expected));
        Err(Box::new(Mismatch { of: None, output: None, found, expected }))
    }
}

pub(crate) fn adjoint(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let (u, v) = (case.tangents(rng), case.cotangent(rng));
    let (forward, reverse) = (case.forward(&u), case.reverse(v));
    equal(
        ("⟨v, J u⟩", dot([(v, forward)])),
        ("⟨Jᵀ v, u⟩", dot(reverse.into_iter().zip(seconds(&u)))),
        evidence,
    )?;
    Ok(())
}

pub(crate) fn linear(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let (v, w) = (case.cotangent(rng), case.cotangent(rng));
    let [of_v, of_w, of_both] =
        [v, w, v * 3.0 - w * 100.0].map(|cotangent| values(&case.reverse(cotangent)));
    let sum: Vec<_> =
        of_v.iter().zip(&of_w).map(|(v, w)| v.map(|v| v * 3.0) - w.map(|w| w * 100.0)).collect();
    evidence.compare(
        ("Jᵀ(3 v − 100 w)", &case.named(&of_both)),
        ("3 Jᵀ v − 100 Jᵀ w", &case.named(&sum)),
        EXACT,
    )
}

pub(crate) fn zero(subject: &dyn Subject, evidence: &mut Evidence) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let nothing = values(&case.reverse(tape.constant(Tensor::zeros([case.outputs()]))));
    // −0 counts as 0
    let nothing: Vec<_> = nothing.iter().map(|g| g.map(|g| g + 0.0)).collect();
    let zeros: Vec<_> = nothing.iter().map(|g| Tensor::zeros(g.shape())).collect();
    compare(("Jᵀ 0", &case.named(&nothing)), ("should be", &case.named(&zeros)), Nearness::Bits)?;
    evidence.note(0.0);
    Ok(())
}

pub(crate) fn each_output(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let v = case.cotangent(rng);
    let mut sum: Vec<_> = subject.at().iter().map(|x| Tensor::zeros(x.shape())).collect();
    // each output is differentiated by itself, not as a part of the row
    let mut first = 0;
    for (_, y) in &case.recorded.outputs {
        let shape = y.shape();
        for i in 0..shape.elements() {
            let alone =
                Tensor::from_fn(
                    &shape,
                    |j| {
                        if i == j { v.value().as_slice()[first + i] } else { 0.0 }
                    },
                );
            let alone = tape.vjp(&[(*y, tape.constant(alone))], &case.recorded.sources);
            sum.iter_mut().zip(alone).for_each(|(sum, term)| *sum += term.value());
        }
        first += shape.elements();
    }
    let at_once = values(&case.reverse(v));
    evidence.compare(("Jᵀ v", &case.named(&at_once)), ("Σ vᵢ Jᵀ eᵢ", &case.named(&sum)), EXACT)
}

pub(crate) fn rows_are_columns(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let outputs = case.outputs();
    let filled: Vec<_> = (0..subject.at().len()).filter(|&s| !subject.at()[s].is_empty()).collect();
    if outputs == 0 || filled.is_empty() {
        return Ok(());
    }
    let (i, s) = (rng.random_range(0..outputs), filled[rng.random_range(0..filled.len())]);
    let j = rng.random_range(0..subject.at()[s].len());
    let unit =
        |x: &Tensor<f64>, at: usize| Tensor::from_fn(x.shape(), |k| f64::from(u8::from(k == at)));
    let column: Vec<_> = subject
        .at()
        .iter()
        .enumerate()
        .map(|(k, x)| if k == s { unit(x, j) } else { Tensor::zeros(x.shape()) })
        .map(|v| tape.constant(v))
        .collect();
    let tangents: Vec<_> = case.recorded.sources.iter().copied().zip(column).collect();
    let column = case.forward(&tangents).value().as_slice()[i];
    let row = case.reverse(tape.constant(unit(&case.y.value(), i)))[s].value().as_slice()[j];
    let (found, expected) = ((column, column.abs()), (row, row.abs()));
    equal(("the column says", found), ("the row says", expected), evidence).map_err(|mismatch| {
        let of = Some(subject.sources()[s].entry(subject.at()[s].shape(), j));
        Mismatch { of, output: Some(case.recorded.entry(i)), ..*mismatch }.into()
    })
}

pub(crate) fn hessian(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let (u, v) = (case.tangents(rng), case.tangents(rng));
    let loss = functional(case.y, &case.cotangent(rng).value());
    let (hu, hv) = (tape.hvp(loss, &u), tape.hvp(loss, &v));
    let slope = tape.jvp(loss, &u);
    let of_slope = tape.vjp(&[(slope, tape.constant(Tensor::scalar(1.0)))], &case.recorded.sources);
    let huv = dot(hu.into_iter().zip(seconds(&v)));
    let [uhv, along] =
        [dot(hv.into_iter().zip(seconds(&u))), dot(of_slope.into_iter().zip(seconds(&v)))];
    equal(("⟨H u, v⟩", huv), ("⟨u, H v⟩", uhv), evidence)?;
    equal(("⟨H u, v⟩", huv), ("⟨∂(slope along u), v⟩", along), evidence)?;
    Ok(())
}

pub(crate) fn gauss_newton(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let u = case.tangents(rng);
    let ju = case.forward(&u);
    let curvature = dot(case.reverse(ju).into_iter().zip(seconds(&u)));
    let squares = dot([(ju, ju)]);
    equal(("⟨u, Jᵀ J u⟩", curvature), ("‖J u‖²", squares), evidence)?;
    Ok(())
}

pub(crate) fn accumulated(
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let tape = Tape::new();
    let case = Case::new(&tape, subject);
    let loss = functional(case.y, &case.cotangent(rng).value());
    let one = tape.constant(Tensor::scalar(1.0));
    let recorded = values(&tape.vjp(&[(loss, one)], &case.recorded.sources));
    let gradients = tape.backward(loss);
    // a source that the loss does not depend on has no gradient in `backward`, and zeros in `grad`
    let accumulated: Vec<_> = case
        .recorded
        .sources
        .iter()
        .map(|&source| match gradients.get_wrt(source) {
            Some(gradient) => gradient.clone(),
            None => Tensor::zeros(source.shape()),
        })
        .collect();
    evidence.compare(
        ("backward says", &case.named(&accumulated)),
        ("grad says", &case.named(&recorded)),
        EXACT,
    )
}
