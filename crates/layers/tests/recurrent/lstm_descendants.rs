//! Descendants of the LSTM, compared with their equations number by number, and with cells that they contain.

use bptt_autodiff::Tape;
use bptt_layers::{Cell, HyperLstm, Module, PeepholeLstm, PhasedLstm, SLstm, StateSizes, scan};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::options::{EPSILON, HIDDEN, INPUT, Row, check, normalized, plus, times, units};
use crate::support::{
    Sizes, V, assert_near, for_all, parameter, random, random_cell, randomized, run, sizes,
    uniform, unrolled,
};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn hyper_lstm_equations() {
    const UNITS: usize = 3; // of the hypernetwork
    const FEATURES: usize = 2; // of an embedding
    let embedded = |p: &dyn Fn(&str) -> Tensor<f64>, name: &str, hyper: &[f64]| -> Row {
        let of = |part: &str| p(&format!("{name}.{part}"));
        let mut z = times(hyper, &of("w_hz"));
        if name != "shift" {
            z = plus(&z, of("b_z").as_slice());
        }
        let w_zd = of("w_zd");
        let mut d: Row = (0..4 * HIDDEN)
            .map(|k| {
                let z = &z[k / HIDDEN * FEATURES..];
                (0..FEATURES).map(|feature| z[feature] * w_zd[[feature, k]]).sum()
            })
            .collect();
        if name == "shift" {
            d = plus(&d, of("b").as_slice());
        }
        d
    };
    check(
        |rng| HyperLstm::new(rng, INPUT, HIDDEN, UNITS, FEATURES).epsilon(EPSILON),
        |p, x, state| {
            let seen = [&state[0], x].concat();
            let net = plus(&times(&seen, &p("hyper.w_ih")), &times(&state[2], &p("hyper.w_hh")));
            let net = plus(&net, p("hyper.b").as_slice());
            let of = |part: usize, k: usize| net[part * UNITS + k];
            let next =
                |k: usize| sigmoid(of(1, k)) * state[3][k] + sigmoid(of(0, k)) * of(2, k).tanh();
            let hyper_c: Row = (0..UNITS).map(next).collect();
            let hyper: Row = (0..UNITS).map(|k| sigmoid(of(3, k)) * hyper_c[k].tanh()).collect();

            let (read, fed) = (times(x, &p("w_ih")), times(&state[0], &p("w_hh")));
            let [of_read, of_fed, shift] =
                ["scale_ih", "scale_hh", "shift"].map(|name| embedded(p, name, &hyper));
            let nets: Vec<Row> = (0..4)
                .map(|part| {
                    let net = units(|k| {
                        let k = part * HIDDEN + k;
                        of_read[k] * read[k] + of_fed[k] * fed[k] + shift[k]
                    });
                    normalized(p, &format!("norms.{part}."), &net)
                })
                .collect();
            let c = units(|k| {
                sigmoid(nets[1][k]) * state[1][k] + sigmoid(nets[0][k]) * nets[2][k].tanh()
            });
            let seen = normalized(p, "norm_c.", &c);
            let h = units(|k| sigmoid(nets[3][k]) * seen[k].tanh());
            (h.clone(), vec![h, c, hyper, hyper_c])
        },
    );
}

/// A unit rises to 1 in the first half of its open share, falls in the second, and then leaks.
#[test]
fn phases_of_the_phased_lstm() {
    // with r = 0.5, τ = 8 and s = 3
    let openness = |t: f64| -> f64 {
        let phi = ((t - 3.0) / 8.0).rem_euclid(1.0);
        if phi < 0.25 {
            4.0 * phi
        } else if phi < 0.5 {
            2.0 - 4.0 * phi
        } else {
            0.125 * phi
        }
    };
    assert_eq!(
        [3.0, 4.0, 5.0, 6.0, 7.0, 10.0].map(openness),
        [0.0, 0.5, 1.0, 0.5, 0.0625, 0.109_375]
    );
    for t in [-2.5, 3.0, 4.0, 4.75, 5.0, 6.0, 6.75, 7.5, 10.5, 11.5, 100.25] {
        check(
            |rng| AtTime { cell: PhasedLstm::new(rng, INPUT, HIDDEN).leak(0.125), time: t },
            |p, x, state| {
                let p = |name: &str| p(&format!("cell.{name}"));
                let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
                let net = plus(&read, &times(&state[0], &p("w_hh")));
                let of = |part: usize, k: usize| net[part * HIDDEN + k];
                let peep = |name: &str, k: usize| p(&format!("peepholes.p_{name}"))[[k]];
                let before = &state[1];
                let i = units(|k| sigmoid(of(0, k) + peep("i", k) * before[k]));
                let f = units(|k| sigmoid(of(1, k) + peep("f", k) * before[k]));
                let proposed = units(|k| f[k] * before[k] + i[k] * of(2, k).tanh());
                let o = units(|k| sigmoid(of(3, k) + peep("o", k) * proposed[k]));
                let open = openness(t);
                let c = units(|k| open * proposed[k] + (1.0 - open) * before[k]);
                let h = units(|k| open * o[k] * proposed[k].tanh() + (1.0 - open) * state[0][k]);
                (h.clone(), vec![h, c])
            },
        );
    }
}

/// A phased LSTM at a given time, with periods of 8, phases of 3 and open shares of a half.
#[derive(Clone, Module)]
#[module(scalar = f64)]
struct AtTime {
    cell: PhasedLstm<f64>,
    #[module(skip)]
    time: f64,
}

impl Cell<f64> for AtTime {
    type State<'t> = (V<'t>, V<'t>);

    fn step<'t>(&self, x: V<'t>, state: Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        let mut cell = self.cell.clone();
        cell.period.set(Tensor::full([HIDDEN], 8.0));
        cell.phase.set(Tensor::full([HIDDEN], 3.0));
        cell.open_share.set(Tensor::full([HIDDEN], 0.5));
        let time = x.tape().constant(Tensor::full([x.shape()[0], 1], self.time));
        cell.step(V::concat(&[x, time], -1), state)
    }
}

impl StateSizes for AtTime {
    fn state_sizes(&self) -> Vec<usize> {
        self.cell.state_sizes()
    }
}

/// In the middle of its open share, it is an LSTM with peepholes. Without a leak, a closed unit keeps its state exactly.
#[test]
fn open_and_closed_units() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { steps, batch, input, hidden, .. } = sizes;
        let peephole = random_cell::peephole_lstm(rng, sizes);
        let PeepholeLstm { w_ih, w_hh, peepholes, b, .. } = peephole.clone();
        let phased = PhasedLstm { w_ih, w_hh, peepholes, b, ..PhasedLstm::new(rng, input, hidden) };
        let mut phased = phased.leak(0.0);
        phased.period.set(Tensor::full([hidden], 4.0));
        phased.phase.set(Tensor::full([hidden], 2.0));
        phased.open_share.set(Tensor::full([hidden], 0.5));
        let inputs = sizes.inputs(&peephole, rng);
        let at = |time: f64| {
            let times = Tensor::full([steps, batch, 1], time);
            let mut inputs = inputs.clone();
            inputs[0] = Tensor::concat(&[&inputs[0], &times], 2);
            run(&phased, &inputs, unrolled)
        };
        let (open, lstm) = (at(7.0), run(&peephole, &inputs, unrolled));
        assert_near(&open.values, &lstm.values, 1e-14);
        assert_near(&open.gradients.inputs[1..], &lstm.gradients.inputs[1..], 1e-12);
        assert_eq!(at(9.0).values[1..], inputs[1..]);
    });
}

/// The derivatives of `k` with respect to the period, the phase and the open share. The state is `½ k tanh(b_g)`.
#[test]
fn derivatives_of_the_openness() {
    let (period, phase, open, leak) = (4.0, 0.5, 0.6, 0.25);
    for t in [0.7, 1.5, 2.2, 4.0, 9.0] {
        let mut cell = PhasedLstm::<f64>::new(&mut random(0), 1, 1).leak(leak);
        cell.w_ih.set(Tensor::zeros([1, 4]));
        cell.b.as_mut().expect("biases").set(Tensor::from_slice([4], &[0.0, 0.0, 0.7, 0.0]));
        cell.period.set(Tensor::full([1], period));
        cell.phase.set(Tensor::full([1], phase));
        cell.open_share.set(Tensor::full([1], open));
        let tape = Tape::new();
        let x = tape.constant(Tensor::from_slice([1, 2], &[0.0, t]));
        let (_, (_, c)) = cell.step(x, cell.zero_state(&tape, 1));
        let gradients = tape.backward(c.sum_all() * (2.0 / 0.7_f64.tanh()));
        let cycles = (t - phase) / period;
        let phi: f64 = cycles - cycles.floor();
        // of k with respect to φ and to r
        let (of_phi, of_open) = if phi < open / 2.0 {
            (2.0 / open, -2.0 * phi / (open * open))
        } else if phi < open {
            (-2.0 / open, 2.0 * phi / (open * open))
        } else {
            (leak, 0.0)
        };
        for (param, expected) in [
            (&cell.period, -of_phi * cycles / period),
            (&cell.phase, -of_phi / period),
            (&cell.open_share, of_open),
        ] {
            assert!((gradients[param].item() - expected).abs() < 1e-13, "{t}: {expected}");
        }
    }
}

#[test]
fn s_lstm_equations() {
    check(
        |rng| SLstm::new(rng, INPUT, HIDDEN, 2),
        |p, x, state| {
            let (size, w_hh) = (HIDDEN / 2, p("w_hh"));
            let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let net = |part: usize, k: usize| {
                let (head, column) = (k / size, part * size + k % size);
                let fed = (0..size).map(|j| state[0][head * size + j] * w_hh[[head, j, column]]);
                read[part * HIDDEN + k] + fed.sum::<f64>()
            };
            let kept = |k: usize| sigmoid(net(1, k)).ln() + state[3][k];
            let m = units(|k| kept(k).max(net(0, k)));
            let (i, f) = (units(|k| (net(0, k) - m[k]).exp()), units(|k| (kept(k) - m[k]).exp()));
            let c = units(|k| f[k] * state[1][k] + i[k] * net(2, k).tanh());
            let n = units(|k| f[k] * state[2][k] + i[k]);
            let h = units(|k| sigmoid(net(3, k)) * c[k] / n[k]);
            (h.clone(), vec![h, c, n, m])
        },
    );
}

/// The stabilizer changes nothing but rounding: `c` and `n` without it, over a sequence of one unit.
#[test]
fn the_stabilizer_cancels() {
    let rng = &mut random(2);
    let cell = randomized(SLstm::<f64>::new(rng, 2, 1, 1), rng);
    let xs = uniform([20, 1, 2], rng) * 3.0;
    let p = |name: &str| parameter(&cell, name);
    let zeros = [(); 4].map(|()| Tensor::zeros([1, 1]));
    let inputs = [vec![xs.clone()], zeros.to_vec()].concat();
    let outputs = run(&cell, &inputs, unrolled).values.remove(0);
    let (mut h, mut c, mut n) = (0.0, 0.0, 0.0);
    for t in 0..20 {
        let read = plus(&times(xs.index_first(t).as_slice(), &p("w_ih")), p("b").as_slice());
        let net: Row = (0..4).map(|part| read[part] + h * p("w_hh")[[0, 0, part]]).collect();
        c = sigmoid(net[1]) * c + net[0].exp() * net[2].tanh();
        n = sigmoid(net[1]) * n + net[0].exp();
        h = sigmoid(net[3]) * c / n;
        assert!((outputs[[t, 0, 0]] - h).abs() < 1e-13);
    }
}

/// Heads are blocks on the diagonal of a dense weight.
#[test]
fn heads_of_the_s_lstm_are_blocks() {
    let rng = &mut random(3);
    let sizes = Sizes { steps: 6, batch: 2, input: 3, hidden: 6, output: 1 };
    let heads = random_cell::s_lstm_of_heads(rng, sizes);
    let mut dense = SLstm::new(rng, 3, 6, 1);
    dense.w_ih.set(parameter(&heads, "w_ih"));
    dense.b.set(parameter(&heads, "b"));
    let blocks = parameter(&heads, "w_hh");
    dense.w_hh.set(Tensor::from_fn([1, 6, 24], |at| {
        let (row, part, column) = (at / 24, at % 24 / 6, at % 6);
        if row / 2 == column / 2 { blocks[[row / 2, row % 2, part * 2 + column % 2]] } else { 0.0 }
    }));
    let mut inputs = sizes.inputs(&heads, rng);
    inputs[3] = inputs[3].map(|n| 1.0 + n.abs());
    let [heads, dense] = [run(&heads, &inputs, unrolled), run(&dense, &inputs, unrolled)];
    assert_near(&heads.values, &dense.values, 1e-13);
    assert_near(&heads.gradients.inputs, &dense.gradients.inputs, 1e-11);
}

/// Gates whose exponentials overflow give finite outputs and gradients.
#[test]
fn exponential_gates_do_not_overflow() {
    let rng = &mut random(4);
    let mut cell = SLstm::<f32>::new(rng, 1, 2, 1);
    cell.w_ih.set(Tensor::full([1, 8], 1.0));
    let tape = Tape::new();
    let xs = tape.variable(Tensor::from_slice([3, 1, 1], &[200.0_f32, 50.0, 500.0]));
    let (ys, _) = scan(&cell, xs, cell.zero_state(&tape, 1));
    assert!(ys.value().is_finite());
    assert!(tape.backward(ys.sum_all()).wrt(xs).is_finite());
}
