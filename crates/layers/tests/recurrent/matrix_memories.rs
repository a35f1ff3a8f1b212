//! Cells whose state is a matrix for each head: steps as products of small matrices, head by head, and outputs of a
//! whole sequence as sums over all earlier steps.

use bptt_layers::{DeltaNet, LinearAttention, MLstm, MultiHeadSelectiveScan, Rwkv7, SelectiveScan};
use bptt_tensor::{Tensor, Transpose};

use crate::options::{HIDDEN, INPUT, Row, check, plus, times};
use crate::support::{
    Random, Run, TestCell, assert_near, parameter, random, randomized, run, uniform, unrolled,
};

const HEADS: usize = 2;
const SIZE: usize = HIDDEN / HEADS;
const STEPS: usize = 6;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn silu(x: f64) -> f64 {
    x * sigmoid(x)
}

fn softplus(x: f64) -> f64 {
    x.exp().ln_1p()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(x: &[f64]) -> Row {
    let norm = (dot(x, x) + 1e-6).sqrt();
    x.iter().map(|x| x / norm).collect()
}

/// The features of part `part` that belong to a head.
fn of_head(x: &[f64], part: usize, head: usize) -> &[f64] {
    &x[part * HIDDEN + head * SIZE..][..SIZE]
}

fn row(x: &[f64]) -> Tensor<f64> {
    Tensor::from_slice([1, x.len()], x)
}

/// The matrix of a head, in a state `[rows · columns]` of each head.
fn matrix(state: &[f64], head: usize, [rows, columns]: [usize; 2]) -> Tensor<f64> {
    Tensor::from_slice([rows, columns], &state[head * rows * columns..][..rows * columns])
}

/// `aᵀ b` of rows.
fn outer(a: &[f64], b: &[f64]) -> Tensor<f64> {
    row(a).matmul_with(&row(b), Transpose::LEFT)
}

/// `x Mᵀ`
fn times_transposed(x: &[f64], m: &Tensor<f64>) -> Row {
    row(x).matmul_with(m, Transpose::RIGHT).to_vec()
}

/// The results of all heads, concatenated.
fn heads(of: impl Fn(usize) -> Row) -> Row {
    (0..HEADS).flat_map(of).collect()
}

#[test]
fn m_lstm_equations() {
    check(
        |rng| MLstm::new(rng, INPUT, HIDDEN, HEADS),
        |p, x, state| {
            let (read, b) = (times(x, &p("w_ih")), p("b").to_vec());
            let gates = plus(&times(x, &p("w_ih_if")), p("b_if").as_slice());
            let scaled = |part: usize, head: usize, scale: f64| -> Row {
                let net = of_head(&read, part, head).iter().map(|x| x * scale);
                net.zip(of_head(&b, part, head)).map(|(x, b)| x + b).collect()
            };
            let kept = |e: usize| sigmoid(gates[HEADS + e]).ln() + state[2][e];
            let m: Row = (0..HEADS).map(|e| kept(e).max(gates[e])).collect();
            let decay = |e: usize| (kept(e) - m[e]).exp();
            let key = |e: usize| -> Row {
                let i = (gates[e] - m[e]).exp();
                scaled(1, e, 1.0 / (SIZE as f64).sqrt()).iter().map(|k| i * k).collect()
            };
            let c = |e: usize| {
                matrix(&state[0], e, [SIZE; 2]) * decay(e) + outer(&scaled(2, e, 1.0), &key(e))
            };
            let n = |e: usize| -> Row {
                let before = of_head(&state[1], 0, e).iter().map(|n| decay(e) * n);
                before.zip(key(e)).map(|(n, k)| n + k).collect()
            };
            let h = heads(|e| {
                let q = scaled(0, e, 1.0);
                let norm = dot(&n(e), &q).abs().max((-m[e]).exp());
                let o = scaled(3, e, 1.0);
                times_transposed(&q, &c(e))
                    .iter()
                    .zip(o)
                    .map(|(y, o)| sigmoid(o) * y / norm)
                    .collect()
            });
            (h, vec![heads(|e| c(e).to_vec()), heads(n), m])
        },
    );
}

/// A random cell, a sequence, and the outputs from a state of zeros, `[T, H]`.
fn from_zeros<C: TestCell>(make: impl FnOnce(&mut Random) -> C) -> (C, Vec<Row>, Tensor<f64>) {
    let rng = &mut random(5);
    let cell = make(rng);
    let cell = randomized(cell, rng);
    let xs = uniform([STEPS, 1, INPUT], rng);
    let zeros = cell.state_sizes().into_iter().map(|size| Tensor::zeros([1, size]));
    let inputs: Vec<_> = std::iter::once(xs.clone()).chain(zeros).collect();
    let Run { values, .. } = run(&cell, &inputs, unrolled);
    let features = values[0].shape()[2];
    let rows = (0..STEPS).map(|t| xs.index_first(t).to_vec()).collect();
    (cell, rows, values[0].reshape([STEPS, features]))
}

/// `h_t = o ⊙ Σ_j w_tj v_j / max(|Σ_j w_tj|, 1)` with `w_tj = (q_t k_jᵀ) exp(ĩ_j) Π_{j < l ≤ t} σ(f̃_l)`, the parallel
/// form of the paper.
#[test]
fn m_lstm_is_an_attention() {
    let (cell, xs, ys) = from_zeros(|rng| MLstm::new(rng, INPUT, HIDDEN, HEADS));
    let p = |name: &str| parameter(&cell, name);
    let nets: Vec<Row> = xs.iter().map(|x| times(x, &p("w_ih"))).collect();
    let gates: Vec<Row> =
        xs.iter().map(|x| plus(&times(x, &p("w_ih_if")), p("b_if").as_slice())).collect();
    let b = p("b").to_vec();
    let part =
        |t: usize, part: usize, e: usize| plus(of_head(&nets[t], part, e), of_head(&b, part, e));
    for t in 0..STEPS {
        let expected = heads(|e| {
            let weight = |j: usize| {
                let scaled: Row =
                    of_head(&nets[j], 1, e).iter().map(|k| k / (SIZE as f64).sqrt()).collect();
                let k = plus(&scaled, of_head(&b, 1, e));
                let kept: f64 = (j + 1..=t).map(|l| sigmoid(gates[l][HEADS + e])).product();
                dot(&part(t, 0, e), &k) * gates[j][e].exp() * kept
            };
            let norm = (0..=t).map(weight).sum::<f64>().abs().max(1.0);
            let o = part(t, 3, e);
            let of = |d: usize| {
                sigmoid(o[d]) * (0..=t).map(|j| weight(j) * part(j, 2, e)[d]).sum::<f64>()
            };
            (0..SIZE).map(|d| of(d) / norm).collect()
        });
        assert_near(&[ys.slice(0, t..t + 1)], &[row(&expected)], 1e-13);
    }
}

/// As products with the matrix `1 − β kᵀ k`.
#[test]
fn delta_net_equations() {
    for is_gated in [false, true] {
        check(
            |rng| match is_gated {
                false => DeltaNet::new(rng, INPUT, HIDDEN, HEADS),
                true => DeltaNet::gated(rng, INPUT, HIDDEN, HEADS),
            },
            |p, x, state| {
                let net = times(x, &p("w_ih"));
                let feature = |part: usize, e: usize| {
                    unit(&of_head(&net, part, e).iter().map(|&x| silu(x)).collect::<Row>())
                };
                let alpha = |e: usize| {
                    if !is_gated {
                        return 1.0;
                    }
                    let step = softplus(times(x, &p("decay.w"))[e] + p("decay.b")[[e]]);
                    (-(step * p("decay.a")[[e]].exp())).exp()
                };
                let s = |e: usize| {
                    let beta = sigmoid(times(x, &p("w_i_beta"))[e]);
                    let (k, v) = (feature(1, e), of_head(&net, 2, e));
                    let removed = Tensor::eye(SIZE) - outer(&k, &k) * beta;
                    let before = matrix(&state[0], e, [SIZE; 2]) * alpha(e);
                    removed.matmul(&before) + outer(&k, v) * beta
                };
                let h = heads(|e| row(&feature(0, e)).matmul(&s(e)).to_vec());
                (h, vec![heads(|e| s(e).to_vec())])
            },
        );
    }
}

/// With `β = 1`, a memory recalls the last value that was stored under a key, whatever was stored before.
#[test]
fn delta_net_replaces_what_it_stored() {
    let rng = &mut random(6);
    let mut cell = DeltaNet::<f64>::new(rng, 5, 4, 1);
    // the first two inputs choose the key and the query, the others are the value; the last opens the gate
    let w = Tensor::from_fn([5, 12], |at| {
        let (input, part, feature) = (at / 12, at % 12 / 4, at % 4);
        let is_key = part < 2 && input < 2 && feature == input;
        let is_value = part == 2 && (2..4).contains(&input) && feature == input;
        if is_key { 50.0 } else { f64::from(u8::from(is_value)) }
    });
    cell.w_ih.set(w);
    cell.w_i_beta.set(Tensor::from_vec([5, 1], vec![0.0, 0.0, 0.0, 0.0, 60.0]));
    let xs = [[1.0, 0.0, 0.3, -0.4, 1.0], [0.0, 1.0, 0.9, 0.8, 1.0], [1.0, 0.0, -2.0, 0.5, 1.0]];
    let xs = Tensor::from_vec([3, 1, 5], xs.concat());
    let ys = run(&cell, &[xs, Tensor::zeros([1, 16])], unrolled).values.remove(0);
    let expected = [[0.0, 0.0, 0.3, -0.4], [0.0, 0.0, 0.9, 0.8], [0.0, 0.0, -2.0, 0.5]];
    assert_near(&[ys], &[Tensor::from_vec([3, 1, 4], expected.concat())], 1e-8);
}

#[test]
fn linear_attention_equations() {
    let phi = |x: f64| if x >= 0.0 { x + 1.0 } else { x.exp() };
    check(
        |rng| LinearAttention::new(rng, INPUT, HIDDEN, HEADS),
        |p, x, state| {
            let net = times(x, &p("w_ih"));
            let feature = |part: usize, e: usize| -> Row {
                of_head(&net, part, e).iter().map(|&x| phi(x)).collect()
            };
            let s = |e: usize| {
                matrix(&state[0], e, [SIZE; 2]) + outer(&feature(1, e), of_head(&net, 2, e))
            };
            let z = |e: usize| plus(of_head(&state[1], 0, e), &feature(1, e));
            let h = heads(|e| {
                let norm = dot(&feature(0, e), &z(e));
                (row(&feature(0, e)).matmul(&s(e)) * (1.0 / norm)).to_vec()
            });
            (h, vec![heads(|e| s(e).to_vec()), heads(z)])
        },
    );
}

/// The output is the mean of all values so far, with the weights `φ(q_t) φ(k_j)ᵀ`.
#[test]
fn linear_attention_is_a_mean_of_values() {
    let (cell, xs, ys) = from_zeros(|rng| LinearAttention::new(rng, INPUT, HIDDEN, HEADS));
    let nets: Vec<Row> = xs.iter().map(|x| times(x, &parameter(&cell, "w_ih"))).collect();
    let phi = |x: &[f64]| -> Row {
        x.iter().map(|&x| if x >= 0.0 { x + 1.0 } else { x.exp() }).collect()
    };
    for t in 0..STEPS {
        let expected = heads(|e| {
            let weight =
                |j: usize| dot(&phi(of_head(&nets[t], 0, e)), &phi(of_head(&nets[j], 1, e)));
            let total: f64 = (0..=t).map(weight).sum();
            let of =
                |d: usize| (0..=t).map(|j| weight(j) * of_head(&nets[j], 2, e)[d]).sum::<f64>();
            (0..SIZE).map(|d| of(d) / total).collect()
        });
        assert_near(&[ys.slice(0, t..t + 1)], &[row(&expected)], 1e-13);
    }
}

#[test]
fn selective_scan_equations() {
    const NUMBERS: usize = 2;
    check(
        |rng| SelectiveScan::new(rng, INPUT, NUMBERS, 2),
        |p, x, state| {
            let net = times(&times(x, &p("w_ir")), &p("w_r_delta"));
            let net = plus(&net, p("b_delta").as_slice());
            let (b, c) = (times(x, &p("w_ib")), times(x, &p("w_ic")));
            let s = |channel: usize, n: usize| {
                let delta = softplus(net[channel]);
                let decay = (-(delta * p("a")[[channel, n]].exp())).exp();
                decay * state[0][channel * NUMBERS + n] + delta * x[channel] * b[n]
            };
            let y = |channel: usize| {
                let read: f64 = (0..NUMBERS).map(|n| c[n] * s(channel, n)).sum();
                read + p("d")[[channel]] * x[channel]
            };
            let next = (0..INPUT * NUMBERS).map(|at| s(at / NUMBERS, at % NUMBERS)).collect();
            ((0..INPUT).map(y).collect(), vec![next])
        },
    );
}

/// The output is a sum over all earlier inputs, `Σ_j (C_t B_jᵀ) Π_{j < l ≤ t} α_l Δ_j u_j`.
#[test]
fn multi_head_selective_scan_is_a_sum() {
    const NUMBERS: usize = 3;
    let make = |rng: &mut Random| MultiHeadSelectiveScan::new(rng, INPUT, HIDDEN, HEADS, NUMBERS);
    let (cell, xs, ys) = from_zeros(make);
    let p = |name: &str| parameter(&cell, name);
    let of = |name: &str| -> Vec<Row> { xs.iter().map(|x| times(x, &p(name))).collect() };
    let (us, bs, cs, nets) = (of("w_ih"), of("w_ib"), of("w_ic"), of("decay.w"));
    let delta = |t: usize, e: usize| softplus(nets[t][e] + p("decay.b")[[e]]);
    let alpha = |t: usize, e: usize| (-(delta(t, e) * p("decay.a")[[e]].exp())).exp();
    for t in 0..STEPS {
        let expected = heads(|e| {
            let weight = |j: usize| {
                let kept: f64 = (j + 1..=t).map(|l| alpha(l, e)).product();
                dot(&cs[t], &bs[j]) * kept * delta(j, e)
            };
            let of = |k: usize| {
                let read: f64 = (0..=t).map(|j| weight(j) * of_head(&us[j], 0, e)[k]).sum();
                read + p("d")[[e]] * of_head(&us[t], 0, e)[k]
            };
            (0..SIZE).map(of).collect()
        });
        assert_near(&[ys.slice(0, t..t + 1)], &[row(&expected)], 1e-13);
    }
}

/// As a product with the matrix `diag(w) − κᵀ (a ⊙ κ)`.
#[test]
fn rwkv7_equations() {
    check(
        |rng| Rwkv7::new(rng, INPUT, HIDDEN, HEADS),
        |p, x, state| {
            let net = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let of = |name: &str, e: usize| of_head(p(name).as_slice(), 0, e).to_vec();
            let product =
                |a: &[f64], b: &[f64]| -> Row { a.iter().zip(b).map(|(a, b)| a * b).collect() };
            let s = |e: usize| {
                let k = of_head(&net, 2, e);
                let a: Row = of_head(&net, 4, e).iter().map(|&a| sigmoid(a)).collect();
                let w = of_head(&net, 1, e).iter().map(|&w| (-(-0.5_f64).exp() * sigmoid(w)).exp());
                let w: Row = w.collect();
                let kappa = unit(&product(k, &of("xi", e)));
                let share: Row = a
                    .iter()
                    .zip(of("alpha", e))
                    .map(|(a, alpha)| 1.0 + (a - 1.0) * alpha)
                    .collect();
                let transition = Tensor::eye(SIZE) * row(&w) - outer(&kappa, &product(&a, &kappa));
                let before = matrix(&state[0], e, [SIZE; 2]);
                before.matmul(&transition) + outer(of_head(&net, 3, e), &product(k, &share))
            };
            let h = heads(|e| times_transposed(of_head(&net, 0, e), &s(e)));
            (h, vec![heads(|e| s(e).to_vec())])
        },
    );
}
