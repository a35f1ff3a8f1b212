//! Back-propagation through time for the LSTM with forget gate (Gers, Schmidhuber and Cummins 2000).

use std::iter::zip;

use bptt_tensor::Tensor;

use super::Oracle;
use super::numbers::{
    Matrix, Vector, add, add_outer, add_times, batch, rows, sequence, tensor, times_transposed,
};

/// The LSTM with forget gate, and parameters `[w_ih, w_hh, b]`, which have the columns of `i, f, g, o` in this order.
/// For one sequence:
///
/// ```text
/// i, f, o = σ(x W_ih + h₋ W_hh + b),  g = tanh(x W_ih + h₋ W_hh + b),  c = f ⊙ c₋ + i ⊙ g,  h = o ⊙ tanh(c)
///
/// ∇c ← ∇c + ∇h ⊙ o ⊙ (1 − tanh²(c))
/// ∇i = ∇c ⊙ g ⊙ i(1 − i),  ∇f = ∇c ⊙ c₋ ⊙ f(1 − f),  ∇g = ∇c ⊙ i ⊙ (1 − g²),  ∇o = ∇h ⊙ tanh(c) ⊙ o(1 − o)
/// ∇c₋ = ∇c ⊙ f,  ∇h₋ = (∇i, ∇f, ∇g, ∇o) W_hhᵀ
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lstm;

/// The residuals of a step.
struct Step {
    i: Vector,
    f: Vector,
    candidate: Vector, // g
    o: Vector,
    c: Vector,
    h: Vector,
}

/// The parameters, or their gradients.
struct Parameters {
    w_ih: Matrix, // [I, 4H]
    w_hh: Matrix, // [H, 4H]
    b: Vector,    // [4H]
}

impl Parameters {
    fn of(parameters: &[Tensor<f64>]) -> Self {
        let [w_ih, w_hh, b] = parameters else { panic!("[w_ih, w_hh, b]") };
        Self { w_ih: rows(w_ih), w_hh: rows(w_hh), b: b.to_vec() }
    }

    fn zeros(&self) -> Self {
        let zeros = vec![0.0; self.b.len()];
        let matrix = |m: &Matrix| vec![zeros.clone(); m.len()];
        Self { w_ih: matrix(&self.w_ih), w_hh: matrix(&self.w_hh), b: zeros.clone() }
    }

    fn tensors(&self, like: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let all = [&self.w_ih, &self.w_hh, &vec![self.b.clone()]];
        like.iter().zip(all).map(|(like, rows)| tensor(like.shape(), rows)).collect()
    }

    fn step(&self, x: &[f64], h: &[f64], c: &[f64]) -> Step {
        let mut z = self.b.clone();
        add_times(&mut z, x, &self.w_ih);
        add_times(&mut z, h, &self.w_hh);
        let hidden = c.len();
        let part = |k: usize, f: fn(f64) -> f64| -> Vector {
            z[k * hidden..][..hidden].iter().map(|&z| f(z)).collect()
        };
        let (i, f, candidate, o) =
            (part(0, sigmoid), part(1, sigmoid), part(2, f64::tanh), part(3, sigmoid));
        let c: Vector = (0..hidden).map(|j| f[j] * c[j] + i[j] * candidate[j]).collect();
        let h = zip(&o, &c).map(|(o, c)| o * c.tanh()).collect();
        Step { i, f, candidate, o, c, h }
    }

    /// All steps of a sequence, after an entry that has the initial state.
    fn steps(&self, xs: &Matrix, h0: Vector, c0: Vector) -> Vec<Step> {
        let nothing = Vector::new;
        let [i, f, candidate, o] = [nothing(), nothing(), nothing(), nothing()];
        let mut steps = vec![Step { i, f, candidate, o, c: c0, h: h0 }];
        for (t, x) in xs.iter().enumerate() {
            let step = self.step(x, &steps[t].h, &steps[t].c);
            steps.push(step);
        }
        steps
    }

    /// Goes one step back: `dh` and `dc` are the gradients of the step's `h` and `c`, and become those of the previous
    /// step. Adds to the gradients of the parameters, and returns that of `x`.
    fn step_back(
        &self,
        [before, step]: [&Step; 2],
        x: &[f64],
        dh: &mut Vector,
        dc: &mut [f64],
        sum: &mut Self,
    ) -> Vector {
        let hidden = dh.len();
        let mut dz = vec![0.0; 4 * hidden];
        for j in 0..hidden {
            let (i, f, candidate, o) = (step.i[j], step.f[j], step.candidate[j], step.o[j]);
            let tanh_c = step.c[j].tanh();
            let dc_all = dc[j] + dh[j] * o * (1.0 - tanh_c * tanh_c);
            dz[j] = dc_all * candidate * i * (1.0 - i);
            dz[hidden + j] = dc_all * before.c[j] * f * (1.0 - f);
            dz[2 * hidden + j] = dc_all * i * (1.0 - candidate * candidate);
            dz[3 * hidden + j] = dh[j] * tanh_c * o * (1.0 - o);
            dc[j] = dc_all * f;
        }
        add_outer(&mut sum.w_ih, x, &dz);
        add_outer(&mut sum.w_hh, &before.h, &dz);
        add(&mut sum.b, &dz);
        *dh = times_transposed(&dz, &self.w_hh);
        times_transposed(&dz, &self.w_ih)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Oracle for Lstm {
    fn run(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>> {
        let p = Parameters::of(parameters);
        let (mut hs, mut last) = (Vec::new(), [Matrix::new(), Matrix::new()]);
        for b in 0..xs.shape()[1] {
            let [h0, c0] = [0, 1].map(|i: usize| state[i].index_first(b).to_vec());
            let steps = p.steps(&sequence(xs, b), h0, c0);
            hs.push(steps[1..].iter().map(|step| step.h.clone()).collect());
            let end = &steps[steps.len() - 1];
            last[0].push(end.h.clone());
            last[1].push(end.c.clone());
        }
        let outputs = batch(&xs.shape().with(2, state[0].shape()[1]), &hs);
        let last = state.iter().zip(&last).map(|(like, rows)| tensor(like.shape(), rows));
        std::iter::once(outputs).chain(last).collect()
    }

    fn reverse(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>> {
        let p = Parameters::of(parameters);
        let mut sum = p.zeros();
        let (mut dxs, mut first) = (Vec::new(), [Matrix::new(), Matrix::new()]);
        for b in 0..xs.shape()[1] {
            let row = |states: &Tensor<f64>| states.index_first(b).to_vec();
            let (own, dhs) = (sequence(xs, b), sequence(&cotangents[0], b));
            let steps = p.steps(&own, row(&state[0]), row(&state[1]));
            let (mut dh, mut dc) = (row(&cotangents[1]), row(&cotangents[2]));
            let mut dx = vec![Vector::new(); own.len()];
            for t in (0..own.len()).rev() {
                add(&mut dh, &dhs[t]);
                dx[t] =
                    p.step_back([&steps[t], &steps[t + 1]], &own[t], &mut dh, &mut dc, &mut sum);
            }
            dxs.push(dx);
            first[0].push(dh);
            first[1].push(dc);
        }
        let first = state.iter().zip(&first).map(|(like, rows)| tensor(like.shape(), rows));
        let inputs = std::iter::once(batch(xs.shape(), &dxs)).chain(first);
        inputs.chain(sum.tensors(parameters)).collect()
    }
}
