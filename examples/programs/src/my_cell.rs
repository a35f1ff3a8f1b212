//! A cell of your own. Change what stands between the marks. `cargo test -p programs my_cell` proves its gradients,
//! `lm train --cell mine` trains it on text, and the explorer shows it as `mine`. The guide is
//! `docs/language-models.md`.

use bptt::prelude::*;

// ── the cell: its weights, how they start, its equations ─────────────────────────────────────────
/// `f = σ(x W_ih_f + h₋ W_hh + 1)`, `h = f ⊙ h₋ + (1 − f) ⊙ tanh(x W_ih_n)`
#[derive(Debug, Module)]
pub struct MyCell<T> {
    w_ih: Param<T>,
    w_hh: Param<T>,
}

impl<T: Scalar> MyCell<T> {
    /// Creates the cell with `I` inputs and a state of `H` units.
    pub fn new(rng: &mut impl Rng, i: usize, h: usize) -> Self {
        Self { w_ih: weight(rng, [i, 2 * h]), w_hh: weight(rng, [h, h]) }
    }
}

impl<T: Scalar> Cell<T> for MyCell<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [f, n] = x.matmul(&self.w_ih).split(-1);
        let f = (f + h.matmul(&self.w_hh) + 1.0).sigmoid().probe("f");
        let h = (f * h + (1.0 - f) * n.tanh()).probe("h");
        (h, h) // the output, and the next state
    }
}
// ── the end of the cell ──────────────────────────────────────────────────────────────────────────

/// The size of each variable of the state. The state of most cells is one variable of `H` units.
impl<T: Scalar> StateSizes for MyCell<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

/// Returns a matrix with random entries.
fn weight<T: Scalar>(rng: &mut impl Rng, shape: [usize; 2]) -> Param<T> {
    Param::new(Init::Xavier.tensor(rng, shape))
}

#[cfg(test)]
mod tests {
    use super::MyCell;

    #[test]
    fn my_cell_has_proven_gradients() {
        bptt_gradcheck::cell(|rng, input_size, hidden_size| {
            MyCell::new(rng, input_size, hidden_size)
        })
        .check();
    }
}
