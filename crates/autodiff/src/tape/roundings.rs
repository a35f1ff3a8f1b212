//! Random rounding errors, to measure the effect of rounding on a result.

use std::cell::Cell;

use bptt_tensor::{Scalar, Tensor};

/// A source of relative errors of one rounding.
#[derive(Debug)]
pub(crate) struct Roundings {
    /// The state of a xorshift generator (Marsaglia 2003); never 0.
    state: Cell<u64>,
}

impl Roundings {
    pub(crate) fn new(seed: u64) -> Self {
        // the product spreads small seeds over all bits; `| 1` keeps the state from being 0
        Self { state: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1) }
    }

    /// `x (1 ± ε)` for each element, with a random sign. Zeros stay zero.
    pub(crate) fn perturbed<T: Scalar>(&self, mut value: Tensor<T>) -> Tensor<T> {
        for x in value.as_mut_slice() {
            let up = self.next() >> 63 == 1;
            *x *= T::one() + if up { T::epsilon() } else { -T::epsilon() };
        }
        value
    }

    fn next(&self) -> u64 {
        let mut x = self.state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
