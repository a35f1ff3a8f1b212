//! A cell as a user of the library writes it; `torch_exports.py` and `jax_exports.py` have it too.

use bptt::prelude::*;

/// A forget gate whose complement is the input gate, and an output of constant magnitude:
///
/// ```text
/// f, o = σ(x W_ih_{f,o} + h₋ W_hh_{f,o} + b_{f,o})
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// c = f ⊙ c₋ + (1 − f) ⊙ g
/// h = o ⊙ c / √(mean(c²) + 10⁻⁵)
/// ```
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub(crate) struct Custom {
    w_ih: Param<f32>, // [I, 3H]
    w_hh: Param<f32>, // [H, 3H]
    b: Param<f32>,    // [3H]
}

impl Custom {
    pub(crate) fn new(rng: &mut impl Rng, input: usize, hidden: usize) -> Self {
        Self {
            w_ih: Param::new(Init::Xavier.tensor(rng, [input, 3 * hidden])),
            w_hh: Param::new(Init::Xavier.tensor(rng, [hidden, 3 * hidden])),
            b: Param::new(Tensor::zeros([3 * hidden])),
        }
    }
}

impl Cell<f32> for Custom {
    type State<'t> = (Var<'t, f32>, Var<'t, f32>);

    fn step<'t>(
        &self,
        x: Var<'t, f32>,
        (h, c): Self::State<'t>,
    ) -> (Var<'t, f32>, Self::State<'t>) {
        let [f, g, o] = (x.matmul(&self.w_ih) + h.matmul(&self.w_hh) + &self.b).split(-1);
        let f = f.sigmoid();
        let c = f * c + (1.0 - f) * g.tanh();
        let h = o.sigmoid() * c / (c.square().mean_keep(&[-1]) + 1e-5).sqrt();
        (h, (h, c))
    }
}

impl StateSizes for Custom {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
