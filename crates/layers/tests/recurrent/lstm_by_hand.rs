//! The tape against gradients derived by hand, for the LSTM with forget gate.
//!
//! Loops over numbers, one sequence at a time. The loss is `Σ_t r_t · h_t + s · h_T + q · c_T`.

use std::iter::zip;

use bptt_layers::{Lstm, unroll};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Random, Sizes, Slopes, V, assert_near, for_all, parameter, random, random_cell, slopes, uniform,
};

const TOLERANCE: f64 = 1e-10;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// What a step leaves for the way back.
struct Step {
    i: Vec<f64>,
    f: Vec<f64>,
    g: Vec<f64>, // c̃
    o: Vec<f64>,
    c: Vec<f64>,
    h: Vec<f64>,
}

/// The parameters, or their gradients: weights as lists of rows.
struct Parameters {
    w: Vec<Vec<f64>>, // [I, 4H]
    u: Vec<Vec<f64>>, // [H, 4H]
    b: Vec<f64>,      // [4H]
}

impl Parameters {
    fn of(cell: &Lstm<f64>) -> Self {
        let rows = |name| {
            let matrix = parameter(cell, name);
            (0..matrix.shape()[0]).map(|i| matrix.index_first(i).to_vec()).collect()
        };
        Self { w: rows("w"), u: rows("u"), b: parameter(cell, "b").to_vec() }
    }

    fn zeros(input: usize, hidden: usize) -> Self {
        let zeros = vec![0.0; 4 * hidden];
        Self { w: vec![zeros.clone(); input], u: vec![zeros.clone(); hidden], b: zeros }
    }

    fn tensors(&self) -> Vec<Tensor<f64>> {
        let matrix =
            |rows: &Vec<Vec<f64>>| Tensor::from_vec([rows.len(), self.b.len()], rows.concat());
        vec![matrix(&self.w), matrix(&self.u), Tensor::from_slice([self.b.len()], &self.b)]
    }

    fn step(&self, x: &[f64], h: &[f64], c: &[f64]) -> Step {
        let hidden = c.len();
        let z = |column: usize| -> f64 {
            let from_x: f64 = zip(x, &self.w).map(|(x, row)| x * row[column]).sum();
            let from_h: f64 = zip(h, &self.u).map(|(h, row)| h * row[column]).sum();
            from_x + from_h + self.b[column]
        };
        let gate = |part: usize| -> Vec<f64> {
            (0..hidden).map(|j| sigmoid(z(part * hidden + j))).collect()
        };
        let (i, f, o) = (gate(0), gate(1), gate(3));
        let g: Vec<f64> = (0..hidden).map(|j| z(2 * hidden + j).tanh()).collect();
        let c: Vec<f64> = (0..hidden).map(|j| f[j] * c[j] + i[j] * g[j]).collect();
        let h = (0..hidden).map(|j| o[j] * c[j].tanh()).collect();
        Step { i, f, g, o, c, h }
    }

    /// One step back. `dh` and `dc` are the gradients of the step's `h` and `c`, and become those of
    /// the step before. Adds to the gradients of the parameters and returns that of `x`.
    fn step_back(
        &self,
        step: &Step,
        (x, h_before, c_before): (&[f64], &[f64], &[f64]),
        dh: &mut [f64],
        dc: &mut [f64],
        sum: &mut Self,
    ) -> Vec<f64> {
        let hidden = dh.len();
        let mut dz = vec![0.0; 4 * hidden];
        for j in 0..hidden {
            let (i, f, g, o) = (step.i[j], step.f[j], step.g[j], step.o[j]);
            let tanh_c = step.c[j].tanh();
            let dc_all = dc[j] + dh[j] * o * (1.0 - tanh_c * tanh_c);
            dz[j] = dc_all * g * i * (1.0 - i);
            dz[hidden + j] = dc_all * c_before[j] * f * (1.0 - f);
            dz[2 * hidden + j] = dc_all * i * (1.0 - g * g);
            dz[3 * hidden + j] = dh[j] * tanh_c * o * (1.0 - o);
            dc[j] = dc_all * f;
        }
        for (k, &dz) in dz.iter().enumerate() {
            zip(x, &mut sum.w).for_each(|(x, row)| row[k] += x * dz);
            zip(h_before, &mut sum.u).for_each(|(h, row)| row[k] += h * dz);
            sum.b[k] += dz;
        }
        let back = |row: &Vec<f64>| -> f64 { zip(row, &dz).map(|(w, dz)| w * dz).sum() };
        zip(dh, &self.u).for_each(|(dh, row)| *dh = back(row));
        self.w.iter().map(back).collect()
    }
}

/// A random cell on a batch of sequences, and the weights of a loss.
struct Case {
    cell: Lstm<f64>,
    xs: Tensor<f64>, // [T, B, I]
    h0: Tensor<f64>, // [B, H]
    c0: Tensor<f64>, // [B, H]
    r: Tensor<f64>,  // [T, B, H]
    s: Tensor<f64>,  // [B, H]
    q: Tensor<f64>,  // [B, H]
}

impl Case {
    fn random([steps, batch, input, hidden]: [usize; 4], rng: &mut Random) -> Self {
        let sizes = Sizes { steps, batch, input, hidden, output: hidden };
        let mut state = || uniform([batch, hidden], rng);
        let [h0, c0, s, q] = [state(), state(), state(), state()];
        let (xs, r) = (uniform([steps, batch, input], rng), uniform([steps, batch, hidden], rng));
        Self { cell: random_cell::lstm(rng, sizes), xs, h0, c0, r, s, q }
    }

    fn by_tape(&self) -> Slopes {
        let inputs = [self.xs.clone(), self.h0.clone(), self.c0.clone()];
        slopes(&self.cell, &inputs, |cell, x: &[V<'_>]| {
            let (hs, (h, c)) = unroll(cell, x[0], (x[1], x[2]));
            (hs * &self.r).sum_all() + (h * &self.s).sum_all() + (c * &self.q).sum_all()
        })
    }

    fn by_hand(&self) -> Slopes {
        let [steps, batch, input] = self.xs.shape()[..] else { panic!("[T, B, I]") };
        let hidden = self.h0.shape()[1];
        let parameters = Parameters::of(&self.cell);
        let mut sum = Parameters::zeros(input, hidden);
        let mut dxs = vec![Vec::new(); steps]; // [T, B · I]
        let (mut dh0, mut dc0) = (Vec::new(), Vec::new()); // [B · H]
        for b in 0..batch {
            let row = |states: &Tensor<f64>| states.index_first(b).to_vec();
            let x = |t: usize| row(&self.xs.index_first(t));
            let (h0, c0) = (row(&self.h0), row(&self.c0));
            let mut done: Vec<Step> = Vec::new();
            for t in 0..steps {
                let (h, c) = done.last().map_or((&h0, &c0), |last| (&last.h, &last.c));
                done.push(parameters.step(&x(t), h, c));
            }
            let (mut dh, mut dc) = (row(&self.s), row(&self.q));
            for t in (0..steps).rev() {
                zip(&mut dh, row(&self.r.index_first(t))).for_each(|(dh, r)| *dh += r);
                let (h, c) = if t == 0 { (&h0, &c0) } else { (&done[t - 1].h, &done[t - 1].c) };
                let before = (&x(t)[..], &h[..], &c[..]);
                let dx = parameters.step_back(&done[t], before, &mut dh, &mut dc, &mut sum);
                dxs[t].extend(dx);
            }
            dh0.extend(dh);
            dc0.extend(dc);
        }
        let inputs = vec![
            Tensor::from_vec(self.xs.shape(), dxs.concat()),
            Tensor::from_vec([batch, hidden], dh0),
            Tensor::from_vec([batch, hidden], dc0),
        ];
        Slopes { inputs, parameters: sum.tensors() }
    }
}

#[test]
fn the_tape_agrees() {
    let extents = (0..9_usize, 1..=3_usize, 1..=5_usize, 1..=5_usize);
    for_all(96, (extents, any::<u64>()), |((steps, batch, input, hidden), seed)| {
        let case = Case::random([steps, batch, input, hidden], &mut random(seed));
        let (by_hand, by_tape) = (case.by_hand(), case.by_tape());
        assert_near(&by_tape.inputs, &by_hand.inputs, TOLERANCE);
        assert_near(&by_tape.parameters, &by_hand.parameters, TOLERANCE);
    });
}
