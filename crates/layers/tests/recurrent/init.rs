//! Initial values.

use bptt_layers::{Activation, Elman, Gru, Init, Linear, Lstm, OutputToHidden};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{assert_near, for_all, parameter, random};

const ORTHOGONAL: Init = Init::Orthogonal { gain: 1.0 };

fn draw(init: Init, shape: [usize; 2], seed: u64) -> Tensor<f64> {
    init.tensor(&mut random(seed), shape)
}

/// The columns of a matrix, in so many equal parts.
fn parts(w: &Tensor<f64>, count: usize) -> Vec<Tensor<f64>> {
    let width = w.shape()[1] / count;
    (0..count).map(|i| w.slice(1, i * width..(i + 1) * width)).collect()
}

fn mean(t: &Tensor<f64>) -> f64 {
    t.mean_all().item()
}

fn variance(t: &Tensor<f64>) -> f64 {
    mean(&t.map(|x| x * x)) - mean(t).powi(2)
}

fn largest(t: &Tensor<f64>) -> f64 {
    t.as_slice().iter().fold(0.0, |largest: f64, x| largest.max(x.abs()))
}

/// Checks that the shorter side's vectors are orthogonal and of this length.
#[track_caller]
fn assert_orthogonal(m: &Tensor<f64>, length: f64) {
    let transposed = m.transpose(0, 1);
    let [rows, columns] = m.shape()[..] else { panic!("a matrix") };
    let gram = if rows <= columns { m.matmul(&transposed) } else { transposed.matmul(m) };
    let expected = Tensor::eye(rows.min(columns)).map(|one| one * length * length);
    assert_near(&[gram], &[expected], 1e-12);
}

#[test]
fn constants() {
    assert_eq!(draw(Init::Zeros, [2, 3], 0), Tensor::zeros([2, 3]));
    assert_eq!(draw(Init::Constant(0.5), [2, 3], 0), Tensor::full([2, 3], 0.5));
    let vector: Tensor<f64> = Init::Constant(2.0).tensor(&mut random(0), [4]);
    assert_eq!(vector.to_vec(), [2.0; 4]);
}

#[test]
fn identity() {
    let init = Init::Identity { scale: 0.5 };
    assert_eq!(draw(init, [2, 2], 0).to_vec(), [0.5, 0.0, 0.0, 0.5]);
    assert_eq!(draw(init, [2, 3], 0).to_vec(), [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]);
    assert_eq!(draw(init, [4, 2], 0).to_vec(), [0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(draw(init, [0, 2], 0).shape(), &[0, 2]);
}

#[test]
fn uniform_bounds() {
    let x = draw(Init::Uniform { low: -0.5, high: 1.5 }, [100, 100], 1);
    assert!(x.as_slice().iter().all(|x| (-0.5..1.5).contains(x)));
    assert!((mean(&x) - 0.5).abs() < 0.03); // five standard errors
    assert!((variance(&x) - 1.0 / 3.0).abs() < 0.02);
}

#[test]
fn gaussian_moments() {
    let x = draw(Init::Gaussian { mean: 2.0, std: 0.5 }, [100, 100], 1);
    assert!((mean(&x) - 2.0).abs() < 0.025);
    assert!((variance(&x) - 0.25).abs() < 0.018);
}

#[test]
fn xavier_bounds() {
    for [inputs, outputs] in [[100, 50], [50, 100], [10, 400]] {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        let w = draw(Init::Xavier, [inputs, outputs], 2);
        assert!(largest(&w) <= bound);
        assert!(largest(&w) > 0.99 * bound);
        let expected = 2.0 / (inputs + outputs) as f64;
        assert!((variance(&w) / expected - 1.0).abs() < 0.07);
    }
    assert_eq!(draw(Init::Xavier, [0, 0], 2).shape(), &[0, 0]);
}

#[test]
fn orthogonal_matrices() {
    for_all(64, (0..=9_usize, 0..=9_usize, any::<u64>()), |(rows, columns, seed)| {
        assert_orthogonal(&draw(ORTHOGONAL, [rows, columns], seed), 1.0);
        assert_orthogonal(&draw(Init::Orthogonal { gain: 2.5 }, [rows, columns], seed), 2.5);
    });
    assert_orthogonal(&draw(ORTHOGONAL, [96, 96], 0), 1.0);
    assert_orthogonal(&draw(ORTHOGONAL, [32, 128], 0), 1.0);
    assert_orthogonal(&draw(ORTHOGONAL, [128, 32], 0), 1.0);
}

/// Orthogonality is not lost where two of the initial vectors nearly coincide, as happens in some of so many draws.
#[test]
fn orthogonal_matrices_from_nearly_dependent_vectors() {
    let rng = &mut random(8);
    for _ in 0..4000 {
        let m: Tensor<f64> = ORTHOGONAL.tensor(rng, [2, 2]);
        let overlap = m[[0, 0]] * m[[1, 0]] + m[[0, 1]] * m[[1, 1]];
        assert!(overlap.abs() < 1e-15, "{m:?}");
    }
}

/// No direction is preferred: an entry's mean is 0 and its variance 1 / n.
#[test]
fn orthogonal_matrices_point_anywhere() {
    let (n, draws) = (3, 4000);
    let rng = &mut random(3);
    let all: Vec<Tensor<f64>> = (0..draws).map(|_| ORTHOGONAL.tensor(rng, [n, n])).collect();
    for entry in 0..n * n {
        let at: Vec<f64> = all.iter().map(|m| m.as_slice()[entry]).collect();
        let at = Tensor::from_vec([draws], at);
        assert!(mean(&at).abs() < 0.046, "entry {entry}"); // five standard errors
        assert!((mean(&at.map(|x| x * x)) - 1.0 / 3.0).abs() < 0.024, "entry {entry}");
    }
}

#[test]
fn a_seed_decides() {
    let inits = [
        Init::Uniform { low: -1.0, high: 1.0 },
        Init::Gaussian { mean: 0.0, std: 1.0 },
        Init::Xavier,
        ORTHOGONAL,
    ];
    for init in inits {
        assert_eq!(draw(init, [4, 5], 1), draw(init, [4, 5], 1));
        assert_ne!(draw(init, [4, 5], 1), draw(init, [4, 5], 2));
        let single: Tensor<f32> = init.tensor(&mut random(1), [4, 5]);
        let rounded: Vec<f32> = draw(init, [4, 5], 1).to_vec().iter().map(|&x| x as f32).collect();
        assert_eq!(single.to_vec(), rounded, "{init:?}");
    }
    let [one, same, other] = [1, 1, 2].map(|seed| Lstm::<f64>::new(&mut random(seed), 3, 4));
    assert_eq!(parameter(&one, "w_ih"), parameter(&same, "w_ih"));
    assert_ne!(parameter(&one, "w_ih"), parameter(&other, "w_ih"));
}

/// The weights of fused gates are those of gates that were drawn one by one.
#[test]
fn gates_are_drawn_apart() {
    let fused: Tensor<f64> = Init::Xavier.gates(&mut random(4), 3, [5, 2]);
    let rng = &mut random(4);
    let apart: Vec<Tensor<f64>> = (0..3).map(|_| Init::Xavier.tensor(rng, [5, 2])).collect();
    assert_eq!(fused, Tensor::concat(&apart, 1));

    let rng = &mut random(5);
    let lstm = Lstm::<f64>::new(rng, 40, 30);
    let gru = Gru::<f64>::new(rng, 40, 30);
    let bound = (6.0 / 70.0_f64).sqrt();
    for (w, gates) in [(parameter(&lstm, "w_ih"), 4), (parameter(&gru, "w_ih"), 3)] {
        let gates = parts(&w, gates);
        for (i, gate) in gates.iter().enumerate() {
            assert!(largest(gate) <= bound);
            assert!(largest(gate) > 0.95 * bound, "fan-out is that of one gate");
            assert!(gates[..i].iter().all(|other| other != gate));
        }
    }
    let recurrent = [
        parts(&parameter(&lstm, "w_hh"), 4),
        parts(&parameter(&gru, "w_hh_rz"), 2),
        vec![parameter(&gru, "w_hh_n")],
    ];
    let recurrent = recurrent.concat();
    for (i, gate) in recurrent.iter().enumerate() {
        assert_orthogonal(gate, 1.0);
        assert!(recurrent[..i].iter().all(|other| other != gate));
    }
}

/// The bias of the forget gate is the second quarter of `b`, and 1 by default.
#[test]
fn forget_bias() {
    let bias = |lstm: &Lstm<f64>| parameter(lstm, "b").to_vec();
    let lstm = Lstm::new(&mut random(0), 3, 2);
    assert_eq!(bias(&lstm), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(bias(&lstm.forget_bias(-2.5)), [0.0, 0.0, -2.5, -2.5, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn cells_start_as_documented() {
    let rng = &mut random(6);
    let elman = Elman::<f64>::new(rng, 40, 30).output(rng, 20, Activation::Identity);
    assert_orthogonal(&parameter(&elman, "w_hh"), 1.0);
    let output_to_hidden = OutputToHidden::<f64>::new(rng, 40, 30, 20);
    let linear = Linear::<f64>::new(rng, 40, 30);
    let xavier = [
        parameter(&elman, "w_ih"),
        parameter(&elman, "w_ho"),
        parameter(&output_to_hidden, "w_ih"),
        parameter(&output_to_hidden, "w_oh"),
        parameter(&output_to_hidden, "w_ho"),
        parameter(&linear, "w"),
    ];
    for w in xavier {
        let bound = (6.0 / w.shape().iter().sum::<usize>() as f64).sqrt();
        assert!(largest(&w) <= bound && largest(&w) > 0.95 * bound);
    }
    let gru = Gru::<f64>::new(rng, 3, 4);
    let zero = [
        parameter(&elman, "b"),
        parameter(&elman, "b_ho"),
        parameter(&output_to_hidden, "b"),
        parameter(&output_to_hidden, "b_ho"),
        parameter(&linear, "b"),
        parameter(&gru, "b"),
        parameter(&gru, "b_hh_n"),
    ];
    assert!(zero.iter().all(|b| largest(b) == 0.0));

    let identity = Elman::<f64>::new(rng, 2, 3).recurrent_init(rng, Init::Identity { scale: 1.0 });
    assert_eq!(parameter(&identity, "w_hh"), Tensor::eye(3));
}
