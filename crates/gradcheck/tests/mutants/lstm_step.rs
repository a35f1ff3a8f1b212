//! A step of the LSTM with peepholes as one operation with a rule of its own.
//!
//! ```text
//! i, f = σ(x W_ih_{i,f} + h₋ W_hh_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
//! g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
//! c = f ⊙ c₋ + i ⊙ g
//! o = σ(x W_ih_o + h₋ W_hh_o + p_o ⊙ c + b_o)
//! h = o ⊙ tanh(c)
//! ```

use bptt_autodiff::{Param, Pullback, Var};
use bptt_gradcheck::{Report, cell};
use bptt_layers::{Cell, Module, StateSizes};
use bptt_tensor::Tensor;

use crate::quick;
use crate::rule::{Rule, V};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    CutFromBefore,
    GatesSwapped,
    CellCotangentDropped,
    GateSlopeForgotten,
    CellAfterForBefore,
    TanhSlopeForgotten,
    PeepholeDropped,
    PeepholeReadsBefore,
    HiddenForCell,
    ForgetPathDropped,
}

#[derive(Module)]
#[module(scalar = f64)]
struct Fused {
    w_ih: Param<f64>,
    w_hh: Param<f64>,
    p: Param<f64>,
    b: Param<f64>,
    #[module(skip)]
    bug: Bug,
}

/// `h` and `c` side by side, `[B, 2H]`
fn forward(at: &[&Tensor<f64>]) -> Tensor<f64> {
    let &[x, h, c, w_ih, w_hh, p, b] = at else { panic!("x, h₋, c₋, W_ih, W_hh, p, b") };
    let z = (x.matmul(w_ih) + h.matmul(w_hh) + b).split::<4>(1);
    let p = p.split::<3>(0);
    let i = (&z[0] + c * &p[0]).sigmoid();
    let f = (&z[1] + c * &p[1]).sigmoid();
    let c = &f * c + &i * z[2].tanh();
    let o = (&z[3] + &c * &p[2]).sigmoid();
    Tensor::concat(&[o * c.tanh(), c], 1)
}

fn gradient(bug: Bug, at: &mut Pullback<'_, '_, f64>) {
    let [x, h, before, w_ih, w_hh, p, b] = [0, 1, 2, 3, 4, 5, 6].map(|i| at.input(i));
    let [_, c] = at.output().split(-1);
    let [of_h, of_c] = at.cotangent().split(-1);
    let [z_i, z_f, z_c, z_o] = (x.matmul(w_ih) + h.matmul(w_hh) + b).split(-1);
    let [p_i, p_f, p_o] = p.split(-1);
    let (i, f) = ((z_i + before * p_i).sigmoid(), (z_f + before * p_f).sigmoid());
    let (candidate, o, y) = (z_c.tanh(), (z_o + c * p_o).sigmoid(), c.tanh());

    let of_o = match bug {
        Bug::GateSlopeForgotten => of_h * y,
        _ => of_h * y * o * (1.0 - o),
    };
    let of_c = match bug {
        Bug::CellCotangentDropped => of_c * 0.0,
        Bug::HiddenForCell => of_h,
        _ => of_c,
    };
    let of_c = match bug {
        Bug::TanhSlopeForgotten => of_c + of_h * o,
        _ => of_c + of_h * o * (1.0 - y * y),
    };
    let of_c = if bug == Bug::PeepholeDropped { of_c } else { of_c + of_o * p_o };
    let of_i = of_c * candidate * i * (1.0 - i);
    let forgotten = if bug == Bug::CellAfterForBefore { c } else { before };
    let of_f = of_c * forgotten * f * (1.0 - f);
    let of_candidate = of_c * i * (1.0 - candidate * candidate);
    let of_z = match bug {
        Bug::GatesSwapped => [of_f, of_i, of_candidate, of_o],
        _ => [of_i, of_f, of_candidate, of_o],
    };
    let of_z = Var::concat(&of_z, 1);
    let carried = match bug {
        Bug::ForgetPathDropped => of_i * p_i + of_f * p_f,
        _ => of_c * f + of_i * p_i + of_f * p_f,
    };
    let seen = if bug == Bug::PeepholeReadsBefore { before } else { c };
    let reach = if bug == Bug::CutFromBefore { 0.0 } else { 1.0 };
    at.add(0, || of_z.matmul_t(w_ih));
    at.add(1, || of_z.matmul_t(w_hh) * reach);
    at.add(2, || carried * reach);
    at.add(3, || x.t_matmul(of_z));
    at.add(4, || h.t_matmul(of_z));
    at.add(5, || Var::concat(&[of_i * before, of_f * before, of_o * seen], 1));
    at.add(6, || of_z);
}

impl Cell<f64> for Fused {
    type State<'t> = (V<'t>, V<'t>);

    fn step<'t>(&self, x: V<'t>, (h, c): Self::State<'t>) -> (V<'t>, Self::State<'t>) {
        let tape = x.tape();
        let [w_ih, w_hh, p, b] =
            [&self.w_ih, &self.w_hh, &self.p, &self.b].map(|param| tape.param(param));
        let step = Rule { bug: self.bug, forward, gradient };
        let [h, c] = tape.apply(step, &[x, h, c, w_ih, w_hh, p, b]).split(-1);
        (h, (h, c))
    }
}

impl StateSizes for Fused {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}

pub(crate) fn step(bug: Bug) -> Report {
    let make = move |input, hidden| Fused {
        w_ih: Param::new(Tensor::zeros([input, 4 * hidden])),
        w_hh: Param::new(Tensor::zeros([hidden, 4 * hidden])),
        p: Param::new(Tensor::zeros([3 * hidden])),
        b: Param::new(Tensor::zeros([4 * hidden])),
        bug,
    };
    let check = cell(move |_, input, hidden| make(input, hidden)).exchangeable_units();
    quick(check).cases(3).run() // its bugs show in every case
}
