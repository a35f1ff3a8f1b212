//! Products with the Gauss–Newton matrix.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Layer, Module};
use bptt_tensor::Tensor;
use bptt_trainers::{GaussNewton, Objective, TrainError};
use nalgebra::{DMatrix, DVector};

use crate::support::{Data, Model, assert_close, elman, jacobian, lstm, vector};

/// `Jᵀ H J` from dense matrices. `H` is that of the mean cross-entropy, `(diag p − p pᵀ) / N` of each position.
fn dense<L: Layer<f64>>(model: &Model<f64, L>, data: &Data<f64>, is_squares: bool) -> DMatrix<f64>
where
    Model<f64, L>: Module<f64>,
{
    let j = jacobian(model, |model: &Model<f64, L>, tape| {
        model.forward(tape.constant(data.xs.clone())).0
    });
    if is_squares {
        return j.tr_mul(&j);
    }
    let tape = Tape::new();
    let logits = model.forward(tape.constant(data.xs.clone())).0;
    let p = logits.softmax(2).value();
    let count = p.len() / 2;
    let mut h = DMatrix::zeros(p.len(), p.len());
    for (at, p) in p.as_slice().chunks(2).enumerate() {
        let p = DVector::from_column_slice(p);
        let block = (DMatrix::from_diagonal(&p) - &p * p.transpose()) / count as f64;
        h.view_mut((2 * at, 2 * at), (2, 2)).copy_from(&block);
    }
    j.transpose() * h * j
}

fn products_are_dense_products<L: Layer<f64>>(model: &Model<f64, L>)
where
    Model<f64, L>: Module<f64>,
{
    let data = Data::new(1, 6, 3);
    for is_squares in [true, false] {
        let matrix = dense(model, &data, is_squares);
        let tape = Tape::new();
        let objective =
            if is_squares { data.squares(model, &tape) } else { data.classes(model, &tape) };
        let products = GaussNewton::new(model, &tape, &objective).unwrap();
        let recorded = tape.len();
        let mut rng = bptt_layers::rng(2);
        for _ in 0..3 {
            let v = Tensor::normal([matrix.ncols()], 0.0, 1.0, &mut rng);
            assert_close(&vector(&products.product(&v)), &(&matrix * vector(&v)), 1e-12);
            assert_eq!(tape.len(), recorded, "a product leaves nothing on the tape");
        }
    }
}

#[test]
fn products_are_those_with_the_dense_matrix() {
    products_are_dense_products(&elman(0));
    products_are_dense_products(&lstm(0));
}

/// In single precision too, with the accuracy of single precision.
#[test]
fn products_in_single_precision() {
    let (model, data) = (lstm::<f32>(0), Data::<f32>::new(1, 6, 3));
    let (wide, wide_data) = (lstm::<f64>(0), Data::<f64>::new(1, 6, 3));
    let matrix = {
        let mut wide = wide;
        bptt_trainers::vector_to_parameters(
            &bptt_trainers::parameters_to_vector(&model).cast(),
            &mut wide,
        );
        dense(&wide, &Data { xs: data.xs.cast(), ..wide_data }, true)
    };
    let tape = Tape::new();
    let products = GaussNewton::new(&model, &tape, &data.squares(&model, &tape)).unwrap();
    let v = Tensor::normal([matrix.ncols()], 0.0, 1.0, &mut bptt_layers::rng(2));
    let expected = &matrix * vector(&v.cast());
    assert_close(&vector(&products.product(&v).cast()), &expected, 1e-5);
}

#[test]
fn parameters_without_influence_have_zeros() {
    let model = [2.0, 3.0].map(|value| Param::new(Tensor::from([value])));
    let tape = Tape::new();
    let objective = Objective::squares(tape.param(&model[1]).square());
    let products = GaussNewton::new(&model, &tape, &objective).unwrap();
    // J = [0, 2 · 3]
    assert_eq!(products.product(&Tensor::from([1.0, 1.0])).to_vec(), [0.0, 36.0]);
}

#[test]
fn a_loss_alone_has_no_products() {
    let model = Param::new(Tensor::from([2.0]));
    let tape = Tape::new();
    let objective = Objective::loss(tape.param(&model).square().sum_all());
    let error = GaussNewton::new(&model, &tape, &objective).unwrap_err();
    assert!(matches!(error, TrainError::NoOutputs { .. }));
}

#[test]
#[should_panic(expected = "a vector for products with this matrix is [1], not [2]")]
fn a_vector_of_another_size_is_refused() {
    let model = Param::new(Tensor::from([2.0]));
    let tape = Tape::new();
    let objective = Objective::squares(tape.param(&model));
    let _ = GaussNewton::new(&model, &tape, &objective).unwrap().product(&Tensor::zeros([2]));
}
