//! The neural Turing machine.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::unit_rows;
use super::lstm::Lstm;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::feedforward::linear::Linear;

/// The neural Turing machine (Graves, Wayne and Danihelka 2014): an LSTM with a memory of `N` slots of `W` numbers.
///
/// ```text
/// h, c = Lstm([x, r₋], (h₋, c₋))
/// for a head that reads and one that writes:
///     k, β, g, s, γ = h W + b       then softplus(β), σ(g), softmax(s), 1 + softplus(γ)
///     w_c = softmax(β cos(k, M₋))                      by content
///     w_g = g w_c + (1 − g) w₋                         or from where it was
///     w̃[i] = s[−1] w_g[i + 1] + s[0] w_g[i] + s[1] w_g[i − 1]
///     w = w̃^γ / Σ w̃^γ
/// e, a = h W_ea + b_ea              then σ(e)
/// M = M₋ ⊙ (1 − w_writeᵀ e) + w_writeᵀ a
/// r = w_read M
/// ```
///
/// `x: [B, I]`; weights of a head `w: [B, N]`, with the first slot after the last; the memory `M: [B, N, W]`; `k`, `e`, `a`,
/// `r: [B, W]`. The state is `((h, c), r, (w_read, w_write), M)`, where `M` is `[B, N·W]`; the output is `[h, r]: [B, H + W]`.
///
/// In the state, the weights of a head have 1 taken off at the first slot: in a state of zeros, both heads are there, and
/// the memory is empty. (A head that starts at all slots alike would write alike to all of them for ever.)
#[doc(alias = "NTM")]
#[derive(Clone, Debug, Module)]
pub struct NeuralTuringMachine<T> {
    /// The controller, of `I + W` inputs and `H` units.
    pub controller: Lstm<T>,
    /// Gives `k`, `β`, `g`, `s`, `γ` of the head that reads: `[H, W + 6]`.
    pub read: Linear<T>,
    /// Those of the head that writes.
    pub write: Linear<T>,
    /// Gives `e` and `a`: `[H, 2W]`.
    pub erase_and_add: Linear<T>,
    #[module(skip)]
    slots: usize,
}

impl<T: Scalar> NeuralTuringMachine<T> {
    /// Creates a machine with a memory of `[slots, width]`. The controller starts as an [`Lstm`], the heads as
    /// [`Linear`] maps.
    ///
    /// # Panics
    ///
    /// If the memory has no slots or no width.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        [slots, width]: [usize; 2],
    ) -> Self {
        assert!(slots > 0 && width > 0, "a memory is not empty: [{slots}, {width}]");
        Self {
            controller: Lstm::new(rng, input_size + width, hidden_size),
            read: Linear::new(rng, hidden_size, width + 6),
            write: Linear::new(rng, hidden_size, width + 6),
            erase_and_add: Linear::new(rng, hidden_size, 2 * width),
            slots,
        }
    }
}

impl<T> NeuralTuringMachine<T> {
    fn width(&self) -> usize {
        self.erase_and_add.w.shape()[1] / 2
    }
}

/// Returns the weights `[B, N]` of a head, from its parameters `[B, W + 6]`, its weights at the step before and the memory
/// `[B, N, W]`.
fn addressed<'t, T: Scalar>(
    parameters: Var<'t, T>,
    before: Var<'t, T>,
    memory: Var<'t, T>,
) -> Var<'t, T> {
    let [batch, slots, width] = memory.shape()[..] else { unreachable!("[B, N, W]") };
    let part = |start: usize, size: usize| parameters.slice(-1, start..start + size);
    let key = unit_rows(part(0, width).reshape([batch, 1, width]));
    let (strength, gate) = (part(width, 1).softplus(), part(width + 1, 1).sigmoid());
    let [back, stay, ahead] = part(width + 2, 3).softmax(-1).split(-1);
    let sharpness = 1.0 + part(width + 5, 1).softplus();

    let similarity = key.matmul_t(unit_rows(memory)).reshape([batch, slots]);
    let by_content = (strength * similarity).softmax(-1);
    let from = gate * by_content + (1.0 - gate) * before;
    let shifted = back * from.roll(-1, -1) + stay * from + ahead * from.roll(1, -1);
    // w̃^γ / Σ w̃^γ; no weight is below 0
    (sharpness * shifted.maximum(1e-12).ln()).softmax(-1)
}

impl<T: Scalar> Cell<T> for NeuralTuringMachine<T> {
    type State<'t> = ((Var<'t, T>, Var<'t, T>), Var<'t, T>, (Var<'t, T>, Var<'t, T>), Var<'t, T>);

    fn step<'t>(
        &self,
        x: Var<'t, T>,
        (controller, r, (read, write), memory): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let (batch, slots, width) = (x.shape()[0], self.slots, self.width());
        let first = Tensor::from_fn([slots], |slot| T::of(f64::from(u8::from(slot == 0))));
        let memory = memory.reshape([batch, slots, width]);
        let (h, controller) = {
            let _scope = x.tape().scope("controller");
            self.controller.step(Var::concat(&[x, r], -1), controller)
        };
        let read = addressed(self.read.forward(h), read + &first, memory).probe("read");
        let write = addressed(self.write.forward(h), write + &first, memory).probe("write");
        let [erase, add] = self.erase_and_add.forward(h).split(-1);
        let [erase, add] = [erase.sigmoid(), add].map(|z| z.reshape([batch, 1, width]));
        let at = write.reshape([batch, slots, 1]);
        let memory = (memory * (1.0 - at * erase) + at * add).probe("memory");
        let r = read.reshape([batch, 1, slots]).matmul(memory).reshape([batch, width]).probe("r");
        let y = Var::concat(&[h, r], -1);
        let heads = (read - &first, write - &first);
        (y, (controller, r, heads, memory.reshape([batch, slots * width])))
    }
}

impl<T> StateSizes for NeuralTuringMachine<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let (slots, width) = (self.slots, self.width());
        [self.controller.state_sizes(), vec![width, slots, slots, slots * width]].concat()
    }
}
