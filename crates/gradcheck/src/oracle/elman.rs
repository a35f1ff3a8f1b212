//! Back-propagation through time for the Elman network (Goodfellow, Bengio and Courville 2016, §10.2.2).

use bptt_tensor::{Shape, Tensor};

use super::Oracle;
use super::numbers::{
    Matrix, Vector, add, add_outer, add_times, batch, rows, sequence, tensor, times_transposed,
};

/// The Elman network with tanh and a linear output, `[u, w, b, v, c]`, one sequence at a time:
///
/// ```text
/// h_t = tanh(x_t U + h_{t−1} W + b),  o_t = h_t V + c
///
/// ∇h_T = s + ∇o_T Vᵀ,  ∇h_t = (∇h_{t+1} ⊙ (1 − h²_{t+1})) Wᵀ + ∇o_t Vᵀ
/// ∇c = Σ ∇o_t,  ∇V = Σ h_tᵀ ∇o_t,  ∇b = Σ ∇h_t ⊙ (1 − h_t²)
/// ∇W = Σ h_{t−1}ᵀ (∇h_t ⊙ (1 − h_t²)),  ∇U = Σ x_tᵀ (∇h_t ⊙ (1 − h_t²))
/// ```
///
/// where `s` is the cotangent of the last state. Rows multiply from the left; the text has columns.
#[derive(Clone, Copy, Debug)]
pub struct Elman;

/// The parameters, or their gradients.
#[derive(Clone)]
struct Parameters {
    u: Matrix, // [I, H]
    w: Matrix, // [H, H]
    b: Vector, // [H]
    v: Matrix, // [H, O]
    c: Vector, // [O]
}

impl Parameters {
    fn of(parameters: &[Tensor<f64>]) -> Self {
        let [u, w, b, v, c] = parameters else { panic!("[u, w, b, v, c]") };
        Self { u: rows(u), w: rows(w), b: b.to_vec(), v: rows(v), c: c.to_vec() }
    }

    fn zeros(&self) -> Self {
        let vector = |v: &Vector| vec![0.0; v.len()];
        let matrix = |m: &Matrix| -> Matrix { m.iter().map(vector).collect() };
        Self {
            u: matrix(&self.u),
            w: matrix(&self.w),
            b: vector(&self.b),
            v: matrix(&self.v),
            c: vector(&self.c),
        }
    }

    fn tensors(&self, like: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let row = |v: &Vector| vec![v.clone()];
        let all = [&self.u, &self.w, &row(&self.b), &self.v, &row(&self.c)];
        like.iter().zip(all).map(|(like, rows)| tensor(like.shape(), rows)).collect()
    }

    /// The states `h_0, …, h_T`.
    fn states(&self, xs: &Matrix, h0: &[f64]) -> Matrix {
        let mut states = vec![h0.to_vec()];
        for (t, x) in xs.iter().enumerate() {
            let mut z = self.b.clone();
            add_times(&mut z, x, &self.u);
            add_times(&mut z, &states[t], &self.w);
            states.push(z.iter().map(|z| z.tanh()).collect());
        }
        states
    }

    fn output(&self, h: &[f64]) -> Vector {
        let mut o = self.c.clone();
        add_times(&mut o, h, &self.v);
        o
    }

    /// One step back: `dh` is the gradient of the step's state, and becomes that of the state before. Adds to
    /// the gradients of the parameters, and returns that of `x`.
    fn step_back(
        &self,
        dh: &mut Vector,
        [before, after, x]: [&[f64]; 3],
        sum: &mut Self,
    ) -> Vector {
        let dz: Vector = dh.iter().zip(after).map(|(dh, h)| dh * (1.0 - h * h)).collect();
        add(&mut sum.b, &dz);
        add_outer(&mut sum.w, before, &dz);
        add_outer(&mut sum.u, x, &dz);
        *dh = times_transposed(&dz, &self.w);
        times_transposed(&dz, &self.u)
    }

    /// Adds what the cotangent of an output gives `V` and `c`, and returns what it gives the state.
    fn output_back(&self, d_o: &[f64], h: &[f64], sum: &mut Self) -> Vector {
        add(&mut sum.c, d_o);
        add_outer(&mut sum.v, h, d_o);
        times_transposed(d_o, &self.v)
    }
}

impl Oracle for Elman {
    fn run(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>> {
        let p = Parameters::of(parameters);
        let [steps, size] = [xs.shape()[0], xs.shape()[1]];
        let (mut os, mut last) = (Vec::new(), Vec::new());
        for b in 0..size {
            let states = p.states(&sequence(xs, b), state[0].index_first(b).as_slice());
            os.push(states[1..].iter().map(|h| p.output(h)).collect());
            last.push(states[steps].clone());
        }
        let outputs = batch(&Shape::from([steps, size, p.c.len()]), &os);
        vec![outputs, tensor(state[0].shape(), &last)]
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
        let (mut dxs, mut dh0) = (Vec::new(), Vec::new());
        for b in 0..xs.shape()[1] {
            let (own, d_os) = (sequence(xs, b), sequence(&cotangents[0], b));
            let states = p.states(&own, state[0].index_first(b).as_slice());
            let mut dh = cotangents[1].index_first(b).to_vec();
            let mut dx = vec![Vector::new(); own.len()];
            for t in (0..own.len()).rev() {
                let from_output = p.output_back(&d_os[t], &states[t + 1], &mut sum);
                add(&mut dh, &from_output);
                dx[t] = p.step_back(&mut dh, [&states[t], &states[t + 1], &own[t]], &mut sum);
            }
            dxs.push(dx);
            dh0.push(dh);
        }
        let inputs = [batch(xs.shape(), &dxs), tensor(state[0].shape(), &dh0)];
        inputs.into_iter().chain(sum.tensors(parameters)).collect()
    }
}

impl Elman {
    /// The gradients of the parameters by lag: entry `l` adds up, over all `t`, what the output of step `t` owes to
    /// the uses of the parameters at step `t − l`.
    ///
    /// ```text
    /// ∂L_t/∂W = Σ_{k≤t} (path t → k) · (∂h_k/∂W with h_{k−1} held)
    /// ```
    ///
    /// Truncated back-propagation with a window of `K` steps keeps the entries below `K`; all together are the
    /// gradient. `cotangents: [T, B, O]` are those of the outputs.
    #[must_use]
    pub fn by_lag(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &Tensor<f64>,
    ) -> Vec<Vec<Tensor<f64>>> {
        let p = Parameters::of(parameters);
        let mut by_lag = vec![p.zeros(); xs.shape()[0]];
        for b in 0..xs.shape()[1] {
            let (own, d_os) = (sequence(xs, b), sequence(cotangents, b));
            let states = p.states(&own, state[0].index_first(b).as_slice());
            for (t, d_o) in d_os.iter().enumerate() {
                let mut path = p.output_back(d_o, &states[t + 1], &mut by_lag[0]); // ∂L_t/∂h_k
                for k in (0..=t).rev() {
                    p.step_back(
                        &mut path,
                        [&states[k], &states[k + 1], &own[k]],
                        &mut by_lag[t - k],
                    );
                }
            }
        }
        by_lag.iter().map(|terms| terms.tensors(parameters)).collect()
    }
}
