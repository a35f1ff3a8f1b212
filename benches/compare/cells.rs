//! Cells that the library does not have, as their user writes them.

use bptt::prelude::*;

/// The LSTM of 1997 without forget gate:
///
/// ```text
/// z, i, o = x W + h₋ R + b
/// c = c₋ + tanh(z) ⊙ σ(i)
/// h = tanh(c) ⊙ σ(o)
/// ```
///
/// `W: [I, 3H]`, `R: [H, 3H]`, `b: [3H]`; the state is `(h, c)`.
#[derive(Debug, Module)]
pub(crate) struct Lstm1997<T> {
    pub(crate) w: Param<T>,
    pub(crate) r: Param<T>,
    pub(crate) b: Param<T>,
}

impl<T: Scalar> Cell<T> for Lstm1997<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, c): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [z, i, o] = (x.matmul(&self.w) + h.matmul(&self.r) + &self.b).split();
        let c = c + z.tanh() * i.sigmoid();
        let h = c.tanh() * o.sigmoid();
        (h, (h, c))
    }
}

impl<T: Scalar> StateSizes<T> for Lstm1997<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.r.shape()[0]; 2]
    }
}

/// The layer-normalised LSTM (Ba, Kiros and Hinton 2016) with peepholes:
///
/// ```text
/// i, f, z, o = norm(x W) ⊙ g_x + b_x + norm(h₋ R) ⊙ g_h + b_h + b
/// c = σ(f + p_f ⊙ c₋) ⊙ c₋ + σ(i + p_i ⊙ c₋) ⊙ tanh(z)
/// h = σ(o + p_o ⊙ c) ⊙ tanh(norm(c) ⊙ g_c + b_c)
/// ```
///
/// `W: [I, 4H]`, `R: [H, 4H]`, the gains, biases and `b` of the products `[4H]`, those of the cell
/// and the peepholes `p` `[H]`; the state is `(h, c)`.
#[derive(Debug, Module)]
pub(crate) struct LayerNormPeephole<T> {
    pub(crate) w: Param<T>,
    pub(crate) r: Param<T>,
    pub(crate) g_x: Param<T>,
    pub(crate) b_x: Param<T>,
    pub(crate) g_h: Param<T>,
    pub(crate) b_h: Param<T>,
    pub(crate) b: Param<T>,
    pub(crate) p_i: Param<T>,
    pub(crate) p_f: Param<T>,
    pub(crate) p_o: Param<T>,
    pub(crate) g_c: Param<T>,
    pub(crate) b_c: Param<T>,
}

/// `(x − μ) / √(σ² + 10⁻⁵)` over the features.
fn norm<T: Scalar>(x: Var<'_, T>) -> Var<'_, T> {
    let centred = x - x.mean_keep(&[-1]);
    centred / (centred.square().mean_keep(&[-1]) + 1e-5).sqrt()
}

impl<T: Scalar> Cell<T> for LayerNormPeephole<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, c): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let read = norm(x.matmul(&self.w)) * &self.g_x + &self.b_x;
        let recur = norm(h.matmul(&self.r)) * &self.g_h + &self.b_h;
        let [i, f, z, o] = (read + recur + &self.b).split();
        let i = (i + c * &self.p_i).sigmoid();
        let f = (f + c * &self.p_f).sigmoid();
        let c = f * c + i * z.tanh();
        let o = (o + c * &self.p_o).sigmoid();
        let h = o * (norm(c) * &self.g_c + &self.b_c).tanh();
        (h, (h, c))
    }
}

impl<T: Scalar> StateSizes<T> for LayerNormPeephole<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.r.shape()[0]; 2]
    }
}

#[cfg(test)]
mod tests {
    use bptt::weights::Archive;

    use super::*;
    use crate::scan;

    /// Values that PyTorch computed in double precision, which the library's tests keep.
    fn golden(case: &str) -> Archive<f64> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/layers/tests/golden");
        Archive::load(format!("{folder}/{case}.safetensors")).unwrap()
    }

    fn param(golden: &Archive<f64>, name: &str) -> Param<f64> {
        Param::new(golden.tensor(&format!("param.{name}")).unwrap().clone())
    }

    /// PyTorch's weights multiply from the left.
    fn weight(golden: &Archive<f64>, name: &str) -> Param<f64> {
        Param::new(param(golden, name).value().transpose(0, 1))
    }

    #[track_caller]
    fn assert_close(actual: &Tensor<f64>, expected: &Tensor<f64>) {
        assert_eq!(actual.shape(), expected.shape());
        let error = actual.sub(expected).abs().max(&[0, 1, 2]).item();
        assert!(error < 1e-10, "off by {error:e}");
    }

    fn check(cell: &impl StateSizes<f64>, golden: &Archive<f64>) {
        let tape = Tape::new();
        let xs = tape.variable(golden.tensor("input").unwrap().clone());
        let (ys, _) = scan(cell, xs, cell.zero_state(&tape, xs.shape()[1]));
        assert_close(&ys.value(), golden.tensor("output").unwrap());
        let gradients = tape.backward(ys.square().sum_all());
        assert_close(gradients.wrt(xs), golden.tensor("grad.input").unwrap());
    }

    #[test]
    fn lstm_of_1997_is_that_of_pytorch() {
        let golden = golden("cell_lstm1997_no_forget_gate");
        let [w, r] = ["W", "R"].map(|name| weight(&golden, name));
        check(&Lstm1997 { w, r, b: param(&golden, "b") }, &golden);
    }

    #[test]
    fn layer_normalised_lstm_with_peepholes_is_that_of_pytorch() {
        let golden = golden("cell_lstm_layernorm_peephole");
        let [w, r] = ["W", "R"].map(|name| weight(&golden, name));
        let [g_x, b_x, g_h, b_h, b, g_c, b_c] =
            ["gx", "bx", "gh", "bh", "b", "gc", "bc"].map(|name| param(&golden, name));
        let peepholes = golden.tensor("param.p").unwrap();
        let [p_i, p_f, p_o] = [0, 1, 2].map(|gate| Param::new(peepholes.index_first(gate)));
        let cell = LayerNormPeephole { w, r, g_x, b_x, g_h, b_h, b, p_i, p_f, p_o, g_c, b_c };
        check(&cell, &golden);
    }
}
