//! Published cells whose state is a few vectors: their equations, number by number, and what they have in common with
//! other cells.

use bptt_layers::{
    Activation, Brc, CoRnn, Gru, Lem, MinGru, MultiplicativeLstm, Nbrc, RecurrentHighway, Reset,
    Sru,
};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::options::{HIDDEN, INPUT, Row, check, plus, times, units};
use crate::support::{
    Run, Sizes, assert_near, for_all, parameter, random, random_cell, randomized, run, sizes,
    uniform, unrolled,
};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn co_rnn_equations() {
    check(
        |rng| CoRnn::new(rng, INPUT, HIDDEN).time_step(0.5).frequency(1.5).damping(0.25),
        |p, x, state| {
            let (h, v) = (&state[0], &state[1]);
            let recurrent = plus(&times(h, &p("w_hh")), &times(v, &p("w_vh")));
            let net = plus(&plus(&times(x, &p("w_ih")), &recurrent), p("b").as_slice());
            let v = units(|k| v[k] + 0.5 * (net[k].tanh() - 1.5 * h[k] - 0.25 * v[k]));
            let h = units(|k| h[k] + 0.5 * v[k]);
            (h.clone(), vec![h, v])
        },
    );
}

/// Without drive and damping, the steps are symplectic. They keep `v² + γ h² − γ Δt h v`, the energy up to a term that
/// vanishes with the time step.
#[test]
fn oscillators_keep_their_energy() {
    const STEPS: usize = 500;
    let rng = &mut random(0);
    let [gamma, step] = [1.7, 0.3];
    let mut cell = CoRnn::<f64>::new(rng, 1, 4).frequency(gamma).damping(0.0).time_step(step);
    cell.w_hh.set(Tensor::zeros([4, 4]));
    cell.w_vh.set(Tensor::zeros([4, 4]));
    let start = [uniform([1, 4], rng), uniform([1, 4], rng)];
    let energy = |h: &Tensor<f64>, v: &Tensor<f64>| {
        let kinetic_and_potential = v * v + (h * h) * gamma;
        kinetic_and_potential - (h * v) * (gamma * step)
    };
    let [h, v] = start.clone();
    let Run { values, .. } = run(&cell, &[Tensor::zeros([STEPS, 1, 1]), h, v], unrolled);
    assert_near(&[energy(&values[1], &values[2])], &[energy(&start[0], &start[1])], 1e-12);
    // damped, they come to rest
    let damped = cell.damping(0.5);
    let [h, v] = start;
    let Run { values, .. } = run(&damped, &[Tensor::zeros([STEPS, 1, 1]), h, v], unrolled);
    assert_near(&values[1..], &[(); 2].map(|()| Tensor::zeros([1, 4])), 1e-9);
}

#[test]
fn lem_equations() {
    check(
        |rng| Lem::new(rng, INPUT, HIDDEN).time_step(0.75),
        |p, x, state| {
            let (h, c) = (&state[0], &state[1]);
            let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let fed = times(h, &p("w_hh"));
            let net = |part: usize, k: usize| read[part * HIDDEN + k] + fed[part * HIDDEN + k];
            let s = |part: usize, k: usize| 0.75 * sigmoid(net(part, k));
            let c = units(|k| (1.0 - s(0, k)) * c[k] + s(0, k) * net(2, k).tanh());
            let fed = times(&c, &p("w_ch"));
            let n = units(|k| (read[3 * HIDDEN + k] + fed[k]).tanh());
            let h = units(|k| (1.0 - s(1, k)) * h[k] + s(1, k) * n[k]);
            (h.clone(), vec![h, c])
        },
    );
}

/// Without time, nothing changes.
#[test]
fn expressive_memory_with_time_steps_of_zero() {
    let rng = &mut random(1);
    let sizes = Sizes { steps: 4, batch: 2, input: 3, hidden: 4, output: 1 };
    let cell = random_cell::lem(rng, sizes).time_step(0.0);
    let inputs = sizes.inputs(&cell, rng);
    assert_eq!(run(&cell, &inputs, unrolled).values[1..], inputs[1..]);
}

#[test]
fn sru_equations() {
    for hidden in [INPUT, HIDDEN] {
        check(
            |rng| Sru::new(rng, INPUT, hidden).highway_scale(1.25),
            |p, x, state| {
                let net = times(x, &p("w_ih"));
                let (b, c) = (p("b"), &state[0]);
                let gate = |part: usize, name: &str, k: usize| {
                    let k_part = part * hidden + k;
                    sigmoid(net[k_part] + p(name)[[k]] * state[0][k] + b[[k_part]])
                };
                let next: Row = (0..hidden)
                    .map(|k| {
                        let f = gate(0, "p_f", k);
                        f * c[k] + (1.0 - f) * net[2 * hidden + k]
                    })
                    .collect();
                let highway = if hidden == INPUT { x.to_vec() } else { times(x, &p("w_ir")) };
                let h = (0..hidden).map(|k| {
                    let r = gate(1, "p_r", k);
                    r * next[k] + (1.0 - r) * 1.25 * highway[k]
                });
                (h.collect(), vec![next])
            },
        );
    }
}

/// Without peepholes, the state is that of the minimal GRU whose gate is `1 − f`.
#[test]
fn the_minimal_gru_in_the_simple_recurrent_unit() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let hidden = sizes.hidden;
        let mut sru = random_cell::sru(rng, sizes);
        sru.p_f.set(Tensor::zeros([hidden]));
        let [f, _r, n]: [Tensor<f64>; 3] = parameter(&sru, "w_ih").split(1);
        let mut gru = MinGru::new(rng, sizes.input, hidden);
        gru.w_ih.set(Tensor::concat(&[&f.map(|w| -w), &n], 1));
        let b_f = parameter(&sru, "b").slice(0, 0..hidden).map(|b| -b);
        gru.b.as_mut().expect("biases").set(Tensor::concat(&[&b_f, &Tensor::zeros([hidden])], 0));
        let inputs = sizes.inputs(&sru, rng);
        let [sru, gru] = [run(&sru, &inputs, unrolled), run(&gru, &inputs, unrolled)];
        assert_near(&sru.values[1..], &gru.values[1..], 1e-14);
    });
}

/// Two layers, of which the first alone reads the input.
#[test]
fn recurrent_highway_equations() {
    for gates in [2, 3] {
        check(
            |rng| match gates {
                2 => RecurrentHighway::new(rng, INPUT, HIDDEN, 2),
                _ => RecurrentHighway::uncoupled(rng, INPUT, HIDDEN, 2),
            },
            |p, x, state| {
                let mut s = state[0].clone();
                for layer in 0..2 {
                    let fed = times(&s, &p(&format!("w_hh.{layer}")));
                    let mut net = plus(&fed, p(&format!("b.{layer}")).as_slice());
                    if layer == 0 {
                        net = plus(&net, &times(x, &p("w_ih")));
                    }
                    let of = |part: usize, k: usize| net[part * HIDDEN + k];
                    s = units(|k| {
                        let i = sigmoid(of(1, k));
                        let f = if gates == 2 { 1.0 - i } else { sigmoid(of(2, k)) };
                        i * of(0, k).tanh() + f * s[k]
                    });
                }
                (s.clone(), vec![s])
            },
        );
    }
}

/// One layer with coupled gates is a GRU whose reset gate is open and whose update gate is `1 − i`.
#[test]
fn one_highway_layer_is_a_gru() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { input, hidden, .. } = sizes;
        let highway = randomized(RecurrentHighway::<f64>::new(rng, input, hidden, 1), rng);
        let p = |name: &str| parameter(&highway, name).split(-1);
        let ([n, i], [n_hh, i_hh], [b_n, b_i]) = (p("w_ih"), p("w_hh.0"), p("b.0"));
        let minus = |x: Tensor<f64>| x.map(|x| -x);
        let zeros = Tensor::zeros([hidden, hidden]);
        let mut gru = Gru::new(rng, input, hidden).reset(Reset::Before);
        gru.w_ih.set(Tensor::concat(&[&Tensor::zeros([input, hidden]), &minus(i), &n], 1));
        gru.w_hh_rz.set(Tensor::concat(&[&zeros, &minus(i_hh)], 1));
        gru.w_hh_n.set(n_hh);
        let open = Tensor::full([hidden], 60.0);
        gru.b.as_mut().expect("biases").set(Tensor::concat(&[&open, &minus(b_i), &b_n], 0));
        let inputs = sizes.inputs(&highway, rng);
        let [highway, gru] = [run(&highway, &inputs, unrolled), run(&gru, &inputs, unrolled)];
        assert_near(&highway.values, &gru.values, 1e-14);
        assert_near(&highway.gradients.inputs, &gru.gradients.inputs, 1e-12);
    });
}

#[test]
fn multiplicative_lstm_equations() {
    check(
        |rng| MultiplicativeLstm::new(rng, INPUT, HIDDEN).state_activation(Activation::Softplus),
        |p, x, state| {
            let (from_x, from_h) = (times(x, &p("w_im")), times(&state[0], &p("w_hm")));
            let m = units(|k| from_x[k] * from_h[k]);
            let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let net = plus(&read, &times(&m, &p("w_mh")));
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let c =
                units(|k| sigmoid(of(1, k)) * state[1][k] + sigmoid(of(0, k)) * of(2, k).tanh());
            let h = units(|k| sigmoid(of(3, k)) * c[k].exp().ln_1p());
            (h.clone(), vec![h, c])
        },
    );
}

/// Where `m` is `h₋`, the multiplicative LSTM is the LSTM: the last input is 1, and is all that `m` reads.
#[test]
fn the_lstm_in_the_multiplicative_lstm() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { steps, batch, input, hidden, .. } = sizes;
        let lstm = random_cell::lstm(rng, Sizes { input: input + 1, ..sizes });
        let mut cell = MultiplicativeLstm::new(rng, input + 1, hidden);
        let last_row = |i: usize| f64::from(u8::from(i / hidden == input));
        cell.w_im.set(Tensor::from_fn([input + 1, hidden], last_row));
        cell.w_hm.set(Tensor::eye(hidden));
        cell.w_ih.set(parameter(&lstm, "w_ih"));
        cell.w_mh.set(parameter(&lstm, "w_hh"));
        cell.b.as_mut().expect("biases").set(parameter(&lstm, "b"));
        let mut inputs = sizes.inputs(&lstm, rng);
        inputs[0] = Tensor::concat(&[&inputs[0], &Tensor::ones([steps, batch, 1])], 2);
        let [cell, lstm] = [run(&cell, &inputs, unrolled), run(&lstm, &inputs, unrolled)];
        assert_near(&cell.values, &lstm.values, 1e-14);
        assert_near(&cell.gradients.inputs[1..], &lstm.gradients.inputs[1..], 1e-12);
    });
}

#[test]
fn brc_equations() {
    check(
        |rng| Brc::new(rng, INPUT, HIDDEN),
        |p, x, state| {
            let (net, before) = (times(x, &p("w_ih")), &state[0]);
            let h = units(|k| {
                let a = 1.0 + (net[k] + p("w_hh_a")[[k]] * before[k]).tanh();
                let z = sigmoid(net[HIDDEN + k] + p("w_hh_z")[[k]] * before[k]);
                let n = (net[2 * HIDDEN + k] + a * before[k]).tanh();
                z * before[k] + (1.0 - z) * n
            });
            (h.clone(), vec![h])
        },
    );
}

/// With diagonal recurrent weights, units modulate themselves alone.
#[test]
fn the_diagonal_of_the_neuromodulated_cell() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let hidden = sizes.hidden;
        let brc = random_cell::brc(rng, sizes);
        let mut nbrc = Nbrc::new(rng, sizes.input, hidden);
        nbrc.w_ih.set(parameter(&brc, "w_ih"));
        let diagonal = |name: &str| Tensor::eye(hidden) * parameter(&brc, name);
        nbrc.w_hh_az.set(Tensor::concat(&[&diagonal("w_hh_a"), &diagonal("w_hh_z")], 1));
        let inputs = sizes.inputs(&brc, rng);
        let [brc, nbrc] = [run(&brc, &inputs, unrolled), run(&nbrc, &inputs, unrolled)];
        assert_near(&brc.values, &nbrc.values, 1e-14);
        assert_near(&brc.gradients.inputs, &nbrc.gradients.inputs, 1e-12);
    });
}

/// A unit with `a > 1` remembers the sign of its state for ever, at a root of `h = tanh(a h)`. With `a < 1`, it forgets.
#[test]
fn units_are_bistable() {
    let mut cell = Brc::<f64>::new(&mut random(0), 1, 1);
    cell.w_hh_a.set(Tensor::zeros([1]));
    let mut end = |net_of_a: f64, start: f64| {
        cell.w_ih.set(Tensor::from_vec([1, 3], vec![net_of_a, 0.0, 0.0]));
        let inputs = [Tensor::ones([400, 1, 1]), Tensor::full([1, 1], start)];
        run(&cell, &inputs, unrolled).values[1][[0, 0]]
    };
    let a = 1.0 + 0.5_f64.tanh();
    let [right, left] = [end(0.5, 0.01), end(0.5, -0.01)];
    assert!(right > 0.5 && (right - (a * right).tanh()).abs() < 1e-12, "{right}");
    assert!((left + right).abs() < 1e-12, "{left}");
    assert!(end(-0.5, 0.9).abs() < 1e-9);
}
