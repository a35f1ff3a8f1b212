//! Products of Jacobians against their bounds.

use bptt_analysis::dynamics::{Dynamics, DynamicsError, JacobianChain, Lipschitz, max_slope};
use bptt_autodiff::Tape;
use bptt_layers::{
    Activation, EchoState, Elman, FullyRecurrent, Gru, IndRnn, Init, Lstm, Stepwise,
};
use bptt_tensor::Tensor;

use super::systems::{assert_close, autonomous, rotation, with_eigenvalues};

fn chain_of(layer: &impl Stepwise<f64>, seed: u64) -> JacobianChain {
    let mut rng = bptt_layers::rng(seed);
    let xs = Tensor::normal([12, 1, 2], 0.0, 1.0, &mut rng);
    let jacobians = Dynamics::new(layer).jacobians(&xs, 0).expect("finite Jacobians");
    jacobians.chain().expect("finite products")
}

fn assert_within_bounds(chain: &JacobianChain) {
    for (norm, bound) in chain.norms().iter().zip(chain.bounds()) {
        assert!(*norm <= bound * (1.0 + 1e-12), "{norm} exceeds {bound}");
    }
}

#[test]
fn no_norm_exceeds_the_product_of_the_norms_of_the_steps() {
    for seed in 0..5 {
        let rng = &mut bptt_layers::rng(seed);
        assert_within_bounds(&chain_of(&Elman::new(rng, 2, 6), seed));
        assert_within_bounds(&chain_of(&Gru::new(rng, 2, 6), seed));
        assert_within_bounds(&chain_of(&Lstm::new(rng, 2, 4), seed));
        assert_within_bounds(&chain_of(&(Lstm::new(rng, 2, 3), Gru::new(rng, 3, 2)), seed));
    }
}

#[test]
fn no_norm_exceeds_the_power_of_the_weights_norm_times_the_largest_slope() {
    for seed in 0..5 {
        let rng = &mut bptt_layers::rng(seed);
        for activation in [Activation::Tanh, Activation::Sigmoid, Activation::Silu] {
            let weights = Init::Gaussian { mean: 0.0, std: 1.0 };
            let elman = Elman::new(rng, 2, 6).recurrent_init(rng, weights).activation(activation);
            let lipschitz = elman.lipschitz().unwrap();
            assert_within_bounds(&chain_of(&elman, seed).bounded_by(lipschitz));
        }
        let ind_rnn = IndRnn::new(rng, 2, 6);
        assert_within_bounds(&chain_of(&ind_rnn, seed).bounded_by(ind_rnn.lipschitz().unwrap()));
        let mask = Tensor::bernoulli([6, 6], 0.5, rng);
        let partly = FullyRecurrent::new(rng, 2, 6).connections(&mask);
        assert_within_bounds(&chain_of(&partly, seed).bounded_by(partly.lipschitz().unwrap()));
        let leaky = EchoState::new(rng, 2, 6).leak(0.3);
        assert_within_bounds(&chain_of(&leaky, seed).bounded_by(leaky.lipschitz().unwrap()));
    }
}

#[test]
fn lipschitz_constants_of_diagonal_weights_are_known() {
    let rng = &mut bptt_layers::rng(0);
    let weights = Tensor::from([[0.5, 0.0], [0.0, -0.8]]);
    let mut reservoir = EchoState::<f64>::new(rng, 1, 2).leak(0.25);
    reservoir.w_hh.set(weights.clone());
    assert_close(reservoir.lipschitz().unwrap(), 0.75 + 0.25 * 0.8, 1e-15);
    let mut partly = FullyRecurrent::<f64>::new(rng, 1, 2).activation(Activation::Sigmoid);
    partly.w_hh.set(weights);
    assert_close(partly.lipschitz().unwrap(), 0.25 * 0.8, 1e-15);
    partly.w_hh.value_mut().as_mut_slice()[3] = f64::NAN; // masked
    let partly = partly.connections(&Tensor::from([[1.0, 1.0], [1.0, 0.0]]));
    assert_close(partly.lipschitz().unwrap(), 0.25 * 0.5, 1e-15);
}

#[test]
fn entries_are_the_norms_of_products_of_the_jacobians_between_two_steps() {
    let mut rng = bptt_layers::rng(0);
    let lstm = Lstm::<f64>::new(&mut rng, 2, 3);
    let xs = Tensor::normal([7, 1, 2], 0.0, 1.0, &mut rng);
    let jacobians = Dynamics::new(&lstm).jacobians(&xs, 0).unwrap();
    let chain = jacobians.chain().unwrap();
    for k in 0..7 {
        let mut product = Tensor::eye(6);
        for t in k + 1..7 {
            product = jacobians.matrices().index_first(t).matmul(&product);
            let norm = autonomous(&product, Activation::Identity).lipschitz().unwrap();
            assert_close(chain.norms()[[t, k]], norm, 1e-13);
        }
    }
}

#[test]
fn along_the_carousel_of_an_lstm_they_are_products_of_forget_gates() {
    let mut rng = bptt_layers::rng(0);
    let mut lstm = Lstm::<f64>::new(&mut rng, 2, 3);
    lstm.w_hh.set(Tensor::zeros([3, 12])); // no other path than c
    let xs = Tensor::normal([6, 1, 2], 0.0, 1.0, &mut rng);
    let tape = Tape::inference();
    let probes = tape.probes();
    let _ = bptt_layers::Layer::forward(&lstm, tape.constant(xs.clone()));
    let forget = probes.get("f").value();

    let dynamics = Dynamics::new(&lstm);
    let (_, c) = dynamics.variables()[1].clone();
    let jacobians = dynamics.jacobians(&xs, 0).unwrap();
    let (chain, whole) = (jacobians.chain_of(c).unwrap(), jacobians.chain().unwrap());
    for (t, k) in (0..6).flat_map(|t| (0..=t).map(move |k| (t, k))) {
        let kept = |unit| (k + 1..=t).map(|step| forget[[step, 0, unit]]).product::<f64>();
        let largest = (0..3).map(kept).fold(0.0, f64::max);
        assert_close(chain.norms()[[t, k]], largest, 1e-14);
        assert!(chain.norms()[[t, k]] <= whole.norms()[[t, k]] + 1e-14);
    }
    assert_eq!(chain.bounds(), whole.bounds());
}

#[test]
#[should_panic(expected = "elements 2..4 are not within a state of dimension 3")]
fn elements_beyond_the_state_are_refused() {
    let elman = Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 3);
    let jacobians = Dynamics::new(&elman).jacobians(&Tensor::zeros([2, 1, 1]), 0).unwrap();
    let _ = jacobians.chain_of(2..4);
}

#[test]
fn norms_of_a_linear_network_are_those_of_the_powers_of_its_weights() {
    let w = with_eigenvalues(&[1.1, 0.9, -0.5]);
    let cell = autonomous(&w, Activation::Identity);
    let jacobians = Dynamics::new(&cell).jacobians(&Tensor::zeros([6, 1, 1]), 0).unwrap();
    let chain = jacobians.chain().unwrap().bounded_by(cell.lipschitz().unwrap());
    let mut power = w.clone(); // the norm of a matrix is that of its transpose
    for lag in 1..6 {
        let wide = autonomous(&power, Activation::Identity);
        let norm = wide.lipschitz().unwrap();
        for t in lag..6 {
            assert_close(chain.norms()[[t, t - lag]], norm, 1e-13);
        }
        assert_close(chain.norms_by_lag()[lag], norm, 1e-13);
        assert_close(chain.bounds_by_lag()[lag], cell.lipschitz().unwrap().powi(lag as i32), 1e-12);
        power = power.matmul(&w);
    }
    assert!((0..6).all(|t| chain.norms()[[t, t]] == 1.0));
    assert!((0..6).all(|t| (t + 1..6).all(|k| chain.norms()[[t, k]] == 0.0)));
}

#[test]
fn a_rotation_keeps_every_norm_and_meets_its_bound() {
    let cell = autonomous(&rotation(1.0, 0.3), Activation::Identity);
    let jacobians = Dynamics::new(&cell).jacobians(&Tensor::zeros([40, 1, 1]), 0).unwrap();
    let chain = jacobians.chain().unwrap();
    assert_eq!(chain.steps(), 40);
    for lag in 0..40 {
        assert_close(chain.norms_by_lag()[lag], 1.0, 1e-13);
        assert_close(chain.bounds_by_lag()[lag], 1.0, 1e-13);
    }
}

#[test]
fn norms_far_below_the_precision_are_still_right() {
    let cell = autonomous(&Tensor::from([[1e-9]]), Activation::Identity);
    let jacobians = Dynamics::new(&cell).jacobians(&Tensor::zeros([31, 1, 1]), 0).unwrap();
    assert_close(jacobians.chain().unwrap().norms()[[30, 0]] / 1e-270, 1.0, 1e-13);
}

#[test]
fn a_product_that_overflows_is_an_error() {
    let cell = autonomous(&Tensor::from([[1e9]]), Activation::Identity);
    let jacobians = Dynamics::new(&cell).jacobians(&Tensor::zeros([50, 1, 1]), 0).unwrap();
    let error = jacobians.chain().unwrap_err();
    assert!(matches!(error, DynamicsError::NonFinite { index: 35, .. }), "{error}");
}

#[test]
fn the_largest_slopes_of_activations_are_reached_and_not_exceeded() {
    let activations = [
        Activation::Identity,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Relu,
        Activation::Softplus,
        Activation::Elu,
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::HardTanh,
        Activation::HardSigmoid { slope: 0.2 },
    ];
    for activation in activations {
        let tape = Tape::<f64>::new();
        let z = tape.variable(Tensor::from_fn([20_001], |i| (i as f64 - 10_000.0) / 500.0));
        let [slopes] = tape.grad(activation.apply(z).sum_all(), [z]);
        let largest = slopes.value().iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let limit = max_slope(&activation).unwrap();
        assert!(largest <= limit && largest > limit - 1e-6, "{activation:?}: {largest} of {limit}");
    }
    assert_eq!(max_slope(&Activation::<f64>::Custom(|z| z * 2.0)), None);
}

#[test]
fn the_jacobian_of_a_softmax_has_at_most_its_largest_slope() {
    let softmax = autonomous(&Tensor::eye(2), Activation::Softmax);
    let at = |gap: f64| {
        let states = Tensor::from([[gap, 0.0]]);
        let jacobians = Dynamics::new(&softmax).jacobians_at(&Tensor::zeros([1, 1]), &states);
        jacobians.unwrap().singular_values().unwrap()[[0, 0]]
    };
    let limit = max_slope(&Activation::<f64>::Softmax).unwrap();
    assert_close(at(0.0), limit, 1e-15);
    assert!(at(1.0) < limit);
}

#[test]
#[should_panic(expected = "a Lipschitz constant is at least 0, not -2")]
fn a_negative_bound_is_refused() {
    let elman = Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 3);
    let jacobians = Dynamics::new(&elman).jacobians(&Tensor::zeros([2, 1, 1]), 0).unwrap();
    let _ = jacobians.chain().unwrap().bounded_by(-2.0);
}

#[test]
fn weights_that_are_not_finite_have_no_lipschitz_constant() {
    let mut elman = Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    let mut ind_rnn = IndRnn::<f64>::new(&mut bptt_layers::rng(0), 1, 2);
    for weight in [f64::NAN, f64::INFINITY] {
        elman.w_hh.set(Tensor::from([[weight]]));
        ind_rnn.w_hh.set(Tensor::from([weight, 0.5]));
        assert_eq!((elman.lipschitz(), ind_rnn.lipschitz()), (None, None));
    }
}
