//! Back-propagation through time for the Elman network (Goodfellow, Bengio and Courville 2016, §10.2.2).

use bptt_tensor::{Shape, Tensor};

use super::Oracle;
use super::numbers::{
    Matrix, Vector, add, add_outer, add_times, batch, rows, sequence, tensor, times_transposed,
};

/// The Elman network with tanh and a linear output, and parameters `[w_ih, w_hh, b, w_ho, b_ho]`. For one sequence:
///
/// ```text
/// h_t = tanh(x_t W_ih + h_{t−1} W_hh + b),  o_t = h_t W_ho + b_ho
///
/// ∇h_T = s + ∇o_T W_hoᵀ,  ∇h_t = (∇h_{t+1} ⊙ (1 − h²_{t+1})) W_hhᵀ + ∇o_t W_hoᵀ
/// ∇b_ho = Σ ∇o_t,  ∇W_ho = Σ h_tᵀ ∇o_t,  ∇b = Σ ∇h_t ⊙ (1 − h_t²)
/// ∇W_hh = Σ h_{t−1}ᵀ (∇h_t ⊙ (1 − h_t²)),  ∇W_ih = Σ x_tᵀ (∇h_t ⊙ (1 − h_t²))
/// ```
///
/// where `s` is the cotangent of the last state. Vectors are rows here. In the book they are columns, and `W_ih`,
/// `W_hh`, `W_ho` and `b_ho` are `U`, `W`, `V` and `c`.
#[derive(Clone, Copy, Debug)]
pub struct Elman;

/// The parameters, or their gradients.
#[derive(Clone)]
struct Parameters {
    w_ih: Matrix, // [I, H]
    w_hh: Matrix, // [H, H]
    b: Vector,    // [H]
    w_ho: Matrix, // [H, O]
    b_ho: Vector, // [O]
}

impl Parameters {
    fn of(parameters: &[Tensor<f64>]) -> Self {
        let [w_ih, w_hh, b, w_ho, b_ho] = parameters else { panic!("[w_ih, w_hh, b, w_ho, b_ho]") };
        let [w_ih, w_hh, w_ho] = [w_ih, w_hh, w_ho].map(rows);
        Self { w_ih, w_hh, b: b.to_vec(), w_ho, b_ho: b_ho.to_vec() }
    }

    fn zeros(&self) -> Self {
        let vector = |v: &Vector| vec![0.0; v.len()];
        let matrix = |m: &Matrix| -> Matrix { m.iter().map(vector).collect() };
        Self {
            w_ih: matrix(&self.w_ih),
            w_hh: matrix(&self.w_hh),
            b: vector(&self.b),
            w_ho: matrix(&self.w_ho),
            b_ho: vector(&self.b_ho),
        }
    }

    fn tensors(&self, like: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let row = |v: &Vector| vec![v.clone()];
        let all = [&self.w_ih, &self.w_hh, &row(&self.b), &self.w_ho, &row(&self.b_ho)];
        like.iter().zip(all).map(|(like, rows)| tensor(like.shape(), rows)).collect()
    }

    /// The states `h_0, …, h_T`.
    fn states(&self, xs: &Matrix, h0: &[f64]) -> Matrix {
        let mut states = vec![h0.to_vec()];
        for (t, x) in xs.iter().enumerate() {
            let mut z = self.b.clone();
            add_times(&mut z, x, &self.w_ih);
            add_times(&mut z, &states[t], &self.w_hh);
            states.push(z.iter().map(|z| z.tanh()).collect());
        }
        states
    }

    fn output(&self, h: &[f64]) -> Vector {
        let mut o = self.b_ho.clone();
        add_times(&mut o, h, &self.w_ho);
        o
    }

    /// Goes one step back: `dh` is the gradient of the step's state, and becomes that of the previous state. Adds to
    /// the gradients of the parameters, and returns that of `x`.
    fn step_back(
        &self,
        dh: &mut Vector,
        [before, after, x]: [&[f64]; 3],
        sum: &mut Self,
    ) -> Vector {
        let dz: Vector = dh.iter().zip(after).map(|(dh, h)| dh * (1.0 - h * h)).collect();
        add(&mut sum.b, &dz);
        add_outer(&mut sum.w_hh, before, &dz);
        add_outer(&mut sum.w_ih, x, &dz);
        *dh = times_transposed(&dz, &self.w_hh);
        times_transposed(&dz, &self.w_ih)
    }

    /// Adds the contributions of an output's cotangent to the gradients of `W_ho` and `b_ho`, and returns that to the
    /// state.
    fn output_back(&self, d_o: &[f64], h: &[f64], sum: &mut Self) -> Vector {
        add(&mut sum.b_ho, d_o);
        add_outer(&mut sum.w_ho, h, d_o);
        times_transposed(d_o, &self.w_ho)
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
        let outputs = batch(&Shape::from([steps, size, p.b_ho.len()]), &os);
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
    /// The gradients of the parameters by lag. Entry `l` is the sum over all `t` of the contributions to the output of
    /// step `t` from the uses of the parameters at step `t − l`.
    ///
    /// ```text
    /// ∂L_t/∂W_hh = Σ_{k≤t} (path t → k) · (∂h_k/∂W_hh with h_{k−1} held)
    /// ```
    ///
    /// Truncated back-propagation with a window of `K` steps keeps the entries below `K`. The sum of all entries is the
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
