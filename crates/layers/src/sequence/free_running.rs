//! Free running: a layer reads its own outputs.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::shape::{assert_batch, sequence_shape};
use super::stepwise::Stepwise;

/// Continues a prompt: runs a layer over it, and then over inputs that are made of the layer's own outputs. Returns the
/// continuation `[steps, B, O]` and the last state, from a prompt `[T, B, I]` and the first state.
///
/// ```text
/// y_0, s_0 = the last output and state of a run over the prompt
/// y_k, s_k = layer(next_input(y_{k−1}), s_{k−1})        k = 1 … steps − 1
/// ```
///
/// The first output of the continuation is the last one of the prompt: there, a model that predicts the next element
/// predicts the first one of the continuation. `next_input` maps an output `[B, O]` to an input `[B, I]`. If outputs are
/// predictions of the inputs, it is `|y| y`. The opposite of free running is teacher forcing, which reads the targets (Williams and
/// Zipser 1989).
///
/// The continuation is compiled and differentiable, as a [`scan`](crate::scan) is: a loss of it propagates through the
/// outputs that were read, back to the prompt. It has the bits of a [`stepper`](crate::stepper) that is given its own
/// outputs. Only a prompt of one step, or a continuation of two, may differ by rounding. There is no noise of
/// training. `next_input` is called twice, and cannot branch on values. For greedy decoding, the symbol of the largest
/// logit is `o.ge(o.max_keep(&[-1]))`, one-hot. To draw symbols at random, use a stepper.
///
/// The last output is returned, not read. With this output as a prompt of one step, and the last state, the next call
/// goes on where this one ended.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Layer, Linear, Lstm, free_running, loss};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let model = (Lstm::<f32>::new(&mut rng, 1, 8), Linear::new(&mut rng, 8, 1));
/// let wave = Tensor::from_fn([30, 1, 1], |t| (0.4 * t as f32).sin());
/// let tape = Tape::new();
/// let prompt = tape.constant(wave.slice(0, 0..20));
/// let (ys, _state) = free_running(&model, prompt, model.start(&tape, 1), 10, |y| y);
/// let loss = loss::mean_squared_error(ys, &wave.slice(0, 20..30)).mean();
/// let gradients = tape.backward(loss); // through the network's own predictions
/// assert_eq!(gradients[&model.1.w].shape(), &[8, 1]);
/// ```
///
/// # Panics
///
/// If the prompt does not have three axes, or no step; if `next_input` does not return the shape of the layer's inputs;
/// if the state has another batch; or if the layer's equations panic.
#[track_caller]
#[must_use]
pub fn free_running<'t, T: Scalar, L: Stepwise<T>>(
    layer: &L,
    prompt: Var<'t, T>,
    state: L::State<'t>,
    steps: usize,
    mut next_input: impl FnMut(Var<'t, T>) -> Var<'t, T>,
) -> (Var<'t, T>, L::State<'t>) {
    let [read, batch, features] = sequence_shape(prompt);
    assert!(
        read > 0,
        "free_running: a prompt {} has no output to go on from; give at least one step, such as zeros",
        prompt.shape()
    );
    assert_batch(prompt, &state);
    let tape = prompt.tape();
    // not `Layer::run`, which may run layers one after the other and then rounds differently from a stepper
    let scanned = tape.scan(prompt, state).run(|x, state| layer.advance(x, state));
    let (first, state) = (scanned.outputs.slice(0, read - 1..read), scanned.state);
    if steps < 2 {
        return (first.slice(0, 0..steps), state);
    }
    let y = first.index_first(0);
    let x = next_input(y);
    assert!(
        x.shape()[..] == [batch, features],
        "free_running: an output {} becomes an input {}, but the layer reads [{batch}, {features}]; map the output to \
         the next input",
        y.shape(),
        x.shape()
    );
    let no_inputs = tape.constant(Tensor::zeros([steps - 1]));
    let scanned = tape.scan(no_inputs, (state, x)).run(|_, (state, x)| {
        let (y, state) = layer.advance(x, state);
        (y, (state, next_input(y)))
    });
    let (state, _unread) = scanned.state;
    (Var::concat(&[first, scanned.outputs], 0), state)
}
