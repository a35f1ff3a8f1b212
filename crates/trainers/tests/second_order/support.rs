//! Small recurrent models, their objectives, and dense matrices.

use bptt_autodiff::{Gradients, Tape, Var};
use bptt_layers::{Elman, Layer, Linear, Lstm, Module, loss};
use bptt_tensor::{Scalar, Tensor};
use bptt_trainers::Objective;
use nalgebra::{DMatrix, DVector};

/// A recurrent layer with a readout.
pub(crate) type Model<T, L> = (L, Linear<T>);

pub(crate) fn elman<T: Scalar>(seed: u64) -> Model<T, Elman<T>> {
    let mut rng = bptt_layers::rng(seed);
    (Elman::new(&mut rng, 2, 3), Linear::new(&mut rng, 3, 2))
}

pub(crate) fn lstm<T: Scalar>(seed: u64) -> Model<T, Lstm<T>> {
    let mut rng = bptt_layers::rng(seed);
    (Lstm::new(&mut rng, 2, 3), Linear::new(&mut rng, 3, 2))
}

/// Inputs `[T, B, 2]`, and for each entry of a sequence a class and numbers `[T, B, 2]`.
#[derive(Clone)]
pub(crate) struct Data<T: Scalar> {
    pub(crate) xs: Tensor<T>,
    pub(crate) classes: Vec<usize>,
    pub(crate) targets: Tensor<T>,
}

impl<T: Scalar> Data<T> {
    pub(crate) fn new(seed: u64, steps: usize, batch: usize) -> Self {
        let mut rng = bptt_layers::rng(seed);
        let xs: Tensor<T> = Tensor::normal([steps, batch, 2], 0.0, 1.0, &mut rng);
        let firsts = xs.as_slice().chunks(2).map(|x| usize::from(x[0] > x[1]));
        let targets = Tensor::normal([steps, batch, 2], 0.0, 1.0, &mut rng);
        Self { classes: firsts.collect(), targets, xs }
    }

    /// The first sequences.
    pub(crate) fn first(&self, count: usize) -> Self {
        let batch = self.xs.shape()[1];
        let classes = self.classes.chunks(batch).flat_map(|step| &step[..count]);
        let part = |tensor: &Tensor<T>| tensor.slice(1, 0..count);
        Self {
            classes: classes.copied().collect(),
            targets: part(&self.targets),
            xs: part(&self.xs),
        }
    }

    /// The errors of all outputs.
    pub(crate) fn residuals<'t, L: Layer<T>>(
        &self,
        model: &Model<T, L>,
        tape: &'t Tape<T>,
    ) -> Var<'t, T> {
        model.forward(tape.constant(self.xs.clone())).0 - &self.targets
    }

    /// The squared error of all outputs.
    pub(crate) fn squares<'t, L: Layer<T>>(
        &self,
        model: &Model<T, L>,
        tape: &'t Tape<T>,
    ) -> Objective<'t, T> {
        Objective::squares(self.residuals(model, tape))
    }

    /// The cross-entropy of all outputs, with the hidden states.
    pub(crate) fn classes<'t, L: Layer<T>>(
        &self,
        model: &Model<T, L>,
        tape: &'t Tape<T>,
    ) -> Objective<'t, T> {
        let (hidden, _) = model.0.forward(tape.constant(self.xs.clone()));
        let logits = model.1.forward(hidden);
        let loss = loss::cross_entropy(logits, &self.classes).mean();
        Objective::of_outputs(logits, loss).hidden(hidden)
    }
}

/// The Jacobian of some outputs with respect to all parameters, a row at a time on tapes of their own.
pub(crate) fn jacobian<T: Scalar, M: Module<T>>(
    model: &M,
    outputs: impl for<'t> Fn(&M, &'t Tape<T>) -> Var<'t, T>,
) -> DMatrix<f64> {
    let count = outputs(model, &Tape::new()).shape().elements();
    let mut matrix = DMatrix::zeros(count, model.parameter_count());
    for row in 0..count {
        let tape = Tape::new();
        let ys = outputs(model, &tape);
        let one = ys.reshape([count]).slice(0, row..row + 1).sum_all();
        matrix.set_row(row, &gradient_of(model, &tape.backward(one)).transpose());
    }
    matrix
}

/// Gradients as a vector.
pub(crate) fn gradient_of<T: Scalar, M: Module<T>>(
    model: &M,
    gradients: &Gradients<T>,
) -> DVector<f64> {
    let mut elements = Vec::new();
    for (_, parameter) in model.parameters() {
        match gradients.get(parameter) {
            Some(gradient) => elements.extend(gradient.iter().map(|x| x.as_f64())),
            None => elements.extend(vec![0.0; parameter.value().len()]),
        }
    }
    DVector::from_vec(elements)
}

/// A tensor's elements.
pub(crate) fn vector(tensor: &Tensor<f64>) -> DVector<f64> {
    DVector::from_column_slice(tensor.as_slice())
}

/// The parameters of a model.
pub(crate) fn parameters(model: &dyn Module<f64>) -> DVector<f64> {
    vector(&bptt_trainers::parameters_to_vector(model))
}

#[track_caller]
pub(crate) fn assert_close(a: &DVector<f64>, b: &DVector<f64>, tolerance: f64) {
    let scale = a.amax().max(b.amax()).max(1e-300);
    let distance = (a - b).amax() / scale;
    assert!(distance <= tolerance, "the vectors differ by {distance:e} of {scale:e}: {a} {b}");
}
