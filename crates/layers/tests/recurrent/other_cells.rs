//! Tests of the cells without gates, and of those that are linear in the state.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{
    Activation, EchoState, Elman, FullyRecurrent, IndRnn, LinearCell, MinGru, MinLstm, Module,
    StateSizes, Window, linear_recurrence, scan,
};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Fixed, Random, Run, Sizes, TestCell, V, assert_near, distance, for_all, parameter, random,
    random_cell, run, sizes, uniform, unrolled,
};

/// If output units read hidden units alone, and hidden units read no output units, a fully recurrent network is the
/// Elman network, one step later.
#[test]
fn the_mask_of_elman() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { steps, batch, input, hidden, output } = sizes;
        let elman = Elman::new(rng, input, hidden).output(rng, output, Activation::Tanh);
        let elman = crate::support::randomized(elman, rng);
        let units = hidden + output;
        let within = |i: usize| i % units < hidden; // the column is a hidden unit
        let rows = |rows: usize, mask: &dyn Fn(usize, usize) -> bool| {
            Tensor::from_fn([rows, units], |i| f64::from(u8::from(mask(i / units, i % units))))
        };
        let read = rows(input, &|_, to| to < hidden);
        let recurrent = rows(units, &|from, _| from < hidden);
        let mut full =
            FullyRecurrent::new(rng, input, units).input_connections(&read).connections(&recurrent);
        // without a connection, the value of the weight has no influence
        let p = |name: &str| parameter(&elman, name);
        let (w_ih, w_hh, w_ho) = (p("w_ih"), p("w_hh"), p("w_ho"));
        full.w_ih.set(Tensor::from_fn([input, units], |i| {
            if within(i) { w_ih[[i / units, i % units]] } else { f64::NAN }
        }));
        full.w_hh.set(Tensor::from_fn([units, units], |i| match (i / units, i % units) {
            (from, _) if from >= hidden => f64::INFINITY,
            (from, to) if to < hidden => w_hh[[from, to]],
            (from, to) => w_ho[[from, to - hidden]],
        }));
        full.b.set(Tensor::concat(&[&p("b"), &p("b_ho")], 0));

        let inputs = sizes.inputs(&elman, rng);
        let start = Tensor::concat(&[&inputs[1], &uniform([batch, output], rng)], -1);
        let small = run(&elman, &inputs, unrolled);
        let large = run(&full, &[inputs[0].clone(), start], unrolled);
        assert_near(&[large.values[1].slice(-1, 0..hidden)], &small.values[1..], 1e-14);
        for t in 1..steps {
            let late = large.values[0].index_first(t).slice(-1, hidden..units);
            assert_near(&[late], &[small.values[0].index_first(t - 1)], 1e-14);
        }
        for (gradient, mask) in large.gradients.parameters.iter().zip([&read, &recurrent]) {
            let pairs = gradient.as_slice().iter().zip(mask.as_slice());
            assert!(pairs.into_iter().all(|(&g, &mask)| mask == 1.0 || g.to_bits() == 0));
        }
    });
}

/// With a diagonal recurrent weight, the Elman network is independently recurrent.
#[test]
fn the_diagonal_of_elman() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let hidden = sizes.hidden;
        let ind = random_cell::ind_rnn(rng, sizes);
        let mut elman = Elman::new(rng, sizes.input, hidden).activation(Activation::Softplus);
        elman.w_ih.set(parameter(&ind, "w_ih"));
        let w_hh = parameter(&ind, "w_hh");
        elman.w_hh.set(Tensor::from_fn([hidden, hidden], |i| {
            if i / hidden == i % hidden { w_hh[[i % hidden]] } else { 0.0 }
        }));
        elman.b = Some(Param::new(parameter(&ind, "b")));
        let inputs = sizes.inputs(&ind, rng);
        let (ind, elman) = (run(&ind, &inputs, unrolled), run(&elman, &inputs, unrolled));
        assert_near(&ind.values, &elman.values, 1e-14);
        assert_near(&ind.gradients.inputs, &elman.gradients.inputs, 1e-12);
    });
}

#[test]
fn recurrent_weights_are_clipped() {
    let mut cell = IndRnn::<f64>::new(&mut random(0), 2, 3);
    cell.w_hh.set(Tensor::from_slice([3], &[-3.0, 0.5, 1.5]));
    cell.clip_recurrent(1.25);
    assert_eq!(parameter(&cell, "w_hh").to_vec(), [-1.25, 0.5, 1.25]);
}

/// The response to an impulse is over, exactly, after as many steps as the window has; that of a network
/// with feedback never is.
#[test]
fn the_impulse_response_is_finite() {
    for window in 1..=4 {
        let rng = &mut random(window as u64);
        let mut cell = Window::<f64>::new(rng, 2, 3, window).activation(Activation::Tanh);
        cell.b.set(Tensor::zeros([3]));
        let mut impulse = Tensor::zeros([7, 1, 2]);
        impulse.as_mut_slice()[..2].fill(1.0);
        let state = Tensor::zeros([1, cell.state_sizes()[0]]);
        let Run { values, .. } = run(&cell, &[impulse, state], unrolled);
        for t in 0..7 {
            let response = values[0].index_first(t);
            assert_eq!(response.as_slice().iter().all(|&y| y == 0.0), t >= window);
        }
    }
}

/// Each output is a function of the last inputs. The latest of them multiplies the last rows of the weight.
#[test]
fn window_equations() {
    let rng = &mut random(2);
    let cell = crate::support::randomized(Window::<f64>::new(rng, 2, 3, 3), rng);
    let (xs, before) = (uniform([5, 1, 2], rng), uniform([1, 4], rng));
    let p = |name: &str| parameter(&cell, name);
    let Run { values, .. } = run(&cell, &[xs.clone(), before.clone()], unrolled);
    let all = Tensor::concat(&[&before.reshape([2, 2]), &xs.reshape([5, 2])], 0);
    for t in 0..5 {
        let inputs = all.slice(0, t..t + 3).reshape([1, 6]);
        let expected = (inputs.matmul(&p("w_ih")) + p("b")).map(f64::tanh);
        assert_near(&[values[0].index_first(t)], &[expected], 1e-14);
    }
}

/// The spectral radius of matrices whose eigenvalues are known.
#[test]
fn the_spectral_radius_is_as_asked() {
    let rng = &mut random(0);
    let scaled = |w: Tensor<f64>, radius: f64| {
        let mut cell = EchoState::<f64>::new(&mut random(0), 1, w.shape()[0]);
        cell.w_hh.set(w);
        parameter(&cell.spectral_radius(radius), "w_hh")
    };
    // triangular: the diagonal, however large the rest
    let triangular = Tensor::from_vec([3, 3], vec![2.0, 50.0, -9.0, 0.0, -4.0, 7.0, 0.0, 0.0, 1.0]);
    assert_near(&[scaled(triangular.clone(), 2.0)], &[triangular.map(|w| w / 2.0)], 1e-7);
    // a rotation by any angle, whose eigenvalues are a complex pair
    let (sin, cos) = 1.0_f64.sin_cos();
    let rotation = Tensor::from_vec([2, 2], vec![3.0 * cos, -3.0 * sin, 3.0 * sin, 3.0 * cos]);
    assert_near(&[scaled(rotation.clone(), 0.9)], &[rotation.map(|w| 0.3 * w)], 1e-7);
    // a radius that no scaling of the sparse matrix has changed
    let cell = EchoState::<f64>::new(rng, 2, 30).spectral_radius(0.7).sparse(rng, 0.2);
    let w = parameter(&cell, "w_hh");
    let zeros = w.as_slice().iter().filter(|&&w| w == 0.0).count();
    assert!((600..840).contains(&zeros), "{zeros} of 900");
    assert_near(&[scaled(w.clone(), 0.7)], &[w], 1e-7);
}

/// One step, and its gradients: they flow into inputs and states, not into weights.
#[test]
fn echo_state_equations() {
    let rng = &mut random(1);
    let sizes = Sizes { steps: 1, batch: 2, input: 3, hidden: 4, output: 1 };
    let Fixed(cell) = random_cell::echo_state(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let p = |name: &str| parameter(&cell, name);
    let net = inputs[0].index_first(0).matmul(&p("w_ih")) + inputs[1].matmul(&p("w_hh")) + p("b");
    let expected = net.map(|z| 0.4 * z.tanh()) + inputs[1].map(|h| 0.6 * h);
    let run = run(&cell, &inputs, unrolled);
    assert_near(&run.values[1..], &[expected], 1e-14);
    assert!(run.gradients.parameters.iter().all(|g| g.as_slice().iter().all(|&g| g == 0.0)));
    assert!(run.gradients.inputs.iter().all(|g| g.as_slice().iter().all(|&g| g != 0.0)));
}

/// The memory of the initial state fades.
#[test]
fn a_reservoir_forgets_its_start() {
    let rng = &mut random(4);
    let cell = EchoState::<f64>::new(rng, 2, 40).spectral_radius(0.8);
    let xs = uniform([150, 1, 2], rng);
    let mut end = || run(&cell, &[xs.clone(), uniform([1, 40], rng)], unrolled).values.remove(1);
    assert!(distance(&end(), &end()) < 1e-9);
}

/// A cell that is linear in the state computes the same without a loop over time, from any initial state.
fn parallel_is_sequential<C: TestCell + LinearCell<f64>>(make: impl Fn(&mut Random, Sizes) -> C) {
    for_all(24, (sizes(), 0..9_usize, any::<u64>()), |(sizes, steps, seed)| {
        let rng = &mut random(seed);
        let sizes = Sizes { steps, ..sizes };
        let cell = make(rng, sizes);
        let inputs = sizes.inputs(&cell, rng);
        let parallel = run(&cell, &inputs, |cell, x| vec![cell.parallel(x[0], x[1])]);
        let sequential = run(&cell, &inputs, |cell, x| vec![unrolled(cell, x)[0]]);
        let scanned = run(&cell, &inputs, |cell, x| vec![crate::support::scanned(cell, x)[0]]);
        for other in [&sequential, &scanned] {
            assert_near(&parallel.values, &other.values, 1e-13);
            assert_near(&parallel.gradients.inputs, &other.gradients.inputs, 1e-11);
            assert_near(&parallel.gradients.parameters, &other.gradients.parameters, 1e-11);
        }
    });
}

#[test]
fn min_gru_in_parallel() {
    parallel_is_sequential(random_cell::min_gru);
}

#[test]
fn min_lstm_in_parallel() {
    parallel_is_sequential(random_cell::min_lstm);
}

/// One step of each, number by number.
#[test]
fn equations_of_the_minimal_cells() {
    let rng = &mut random(3);
    let sizes = Sizes { steps: 1, batch: 1, input: 3, hidden: 2, output: 1 };
    let (gru, lstm): (MinGru<f64>, MinLstm<f64>) =
        (random_cell::min_gru(rng, sizes), random_cell::min_lstm(rng, sizes));
    let inputs = sizes.inputs(&gru, rng);
    let (x, h) = (inputs[0].index_first(0), inputs[1].clone());
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let net = |cell: &dyn Module<f64>| {
        let p = cell.parameters();
        (x.matmul(p[0].1.value()) + p[1].1.value()).to_vec()
    };
    let by_hand =
        |of_unit: &dyn Fn(usize, f64) -> f64| Tensor::from_fn([1, 2], |k| of_unit(k, h[[0, k]]));
    let a = net(&gru);
    let expected = by_hand(&|k, h| (1.0 - sigmoid(a[k])) * h + sigmoid(a[k]) * a[2 + k]);
    assert_near(&run(&gru, &inputs, unrolled).values[1..], &[expected], 1e-14);
    let a = net(&lstm);
    let expected = by_hand(&|k, h| {
        let (f, i) = (sigmoid(a[k]), sigmoid(a[2 + k]));
        (f * h + i * a[4 + k]) / (f + i)
    });
    assert_near(&run(&lstm, &inputs, unrolled).values[1..], &[expected], 1e-14);
}

/// For gates that are both closed, only their ratio matters, and it stays finite.
#[test]
fn gates_that_are_both_shut() {
    let mut cell = MinLstm::<f64>::new(&mut random(0), 1, 1).bias(false);
    cell.w_ih.set(Tensor::from_vec([1, 3], vec![-1000.0, -1001.0, 8.0]));
    let tape = Tape::new();
    let (x, h) = (tape.variable(Tensor::ones([1, 1, 1])), tape.variable(Tensor::full([1, 1], 2.0)));
    let (ys, _) = scan(&cell, x, h);
    let keep = 1.0 / (1.0 + (-1.0_f64).exp());
    assert!((ys.value()[[0, 0, 0]] - (keep * 2.0 + (1.0 - keep) * 8.0)).abs() < 1e-12);
    assert!(tape.backward(ys.sum_all()).wrt(x).is_finite());
}

#[test]
fn linear_recurrences_are_that_of_numbers() {
    let rng = &mut random(5);
    for steps in [0, 1, 2, 3, 8, 13] {
        let [a, b] = [(); 2].map(|()| uniform([steps, 2, 3], rng));
        let start = uniform([2, 3], rng);
        let tape = Tape::new();
        let [va, vb, vh]: [V<'_>; 3] = [&a, &b, &start].map(|x| tape.constant(x.clone()));
        let states = linear_recurrence(va, vb, vh).value();
        let mut h = start;
        for t in 0..steps {
            h = a.index_first(t) * &h + b.index_first(t);
            assert_near(&[states.index_first(t)], std::slice::from_ref(&h), 1e-14);
        }
        assert_eq!(states.shape(), &[steps, 2, 3]);
    }
}
