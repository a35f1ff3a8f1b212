//! Threshold units, through which discrete errors are propagated.

use bptt_autodiff::{OpClass, Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// Threshold units with discrete error propagation: `y = 1` for `a ≥ 0`, and `y = −1` for `a < 0`, for net inputs `a` of any
/// shape. NaN stays NaN.
///
/// The derivative of a threshold is 0, so no gradient passes through it. Discrete error propagation passes on a discrete error
/// instead. An output keeps or flips its sign, so the error is the whole difference of both outputs, or 0. It is drawn
/// with a probability that grows with the cotangent:
///
/// ```text
/// ∂a = 2 y   if g y > 2 u      g is the cotangent of y, and u ~ U(0, 1) is drawn for each unit
/// ∂a = 0     else
/// ```
///
/// The mean of `∂a` over `u` is `g`, limited to ±2, if `g y > 0`. Otherwise it is 0. Over time the error persists if weights
/// are large. A unit with input `w y` from the step before passes its whole error back if `|w| ≥ 1` and `w y` has the sign of
/// its output.
///
/// Bengio, Simard and Frasconi, *Learning long-term dependencies with gradient descent is difficult* (1994), replace the
/// sigmoids of a net by thresholds and convert continuous errors to discrete ones at random. The probability
/// above is our choice. The loss is a sum over sequences, such as `½ Σ (y − d)²` with targets `d` of −1 and 1, whose cotangents
/// are 0 and ±2. With a mean over a batch, cotangents would be small and errors rare.
///
/// `noise` holds the numbers `u`, in the shape of `a`. The caller draws it before a step, and the same noise gives the same
/// errors. Any optimizer takes them as a gradient, and any cell may contain threshold units. The rule is not linear in the
/// cotangent, and its derivative is 0. So trainers by curvature do not see what lies before a threshold.
///
/// ```
/// use bptt_autodiff::Var;
/// use bptt_layers::{Linear, Sgd};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{FirstOrder, Objective, Trainer, threshold};
///
/// type Net = (Linear<f32>, Linear<f32>); // to the hidden units, which see their last values, and to the output
///
/// let mut rng = bptt_layers::rng(0);
/// let mut net: Net = (Linear::new(&mut rng, 1 + 4, 4), Linear::new(&mut rng, 4, 1));
/// let mut trainer = FirstOrder::new(Sgd::new(0.02));
/// let mut loss = f64::INFINITY;
/// for _ in 0..600 {
///     let signs = Tensor::bernoulli([2, 16, 1], 0.5, &mut rng) * 2.0 - 1.0; // [T, B, 1]
///     let xor = signs.index_first(0) * signs.index_first(1);
///     let [hidden_noise, noise] = [[2, 16, 4], [1, 16, 1]].map(|it| Tensor::uniform(it, 0.0, 1.0, &mut rng));
///     loss = trainer.step(&mut net, &|net: &Net, tape| {
///         let [xs, us] = [&signs, &hidden_noise].map(|it| tape.constant(it.clone()));
///         let h0 = tape.constant(-Tensor::ones([16, 4]));
///         let scanned = tape.scan((xs, us), h0).run(|(x, u), h| {
///             let a = net.0.forward(Var::concat(&[x, h], 1));
///             ((), threshold(a, u))
///         });
///         let y = threshold(net.1.forward(scanned.state), tape.constant(noise.index_first(0)));
///         Objective::squares(y - &xor)
///     })?.loss;
/// }
/// assert_eq!(loss, 0.0);
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
///
/// # Panics
///
/// If the shapes differ, or the variables live on several tapes.
#[track_caller]
#[must_use]
pub fn threshold<'t, T: Scalar>(net_input: Var<'t, T>, noise: Var<'t, T>) -> Var<'t, T> {
    net_input.tape().apply(Threshold, &[net_input, noise])
}

/// `y = sign(a)`, of net inputs and noise.
#[derive(Debug)]
struct Threshold;

impl<T: Scalar> Operation<T> for Threshold {
    fn name(&self) -> &'static str {
        "threshold"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        if inputs[0] != inputs[1] {
            let remedy =
                "the noise has a number for each unit: draw it in the shape of the net input";
            return Err(ShapeError::new("threshold", inputs, remedy));
        }
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(sign)
    }

    fn class(&self) -> OpClass<T> {
        OpClass::elementwise(|inputs: &[&[T]], output: &mut [T]| {
            for (y, &a) in output.iter_mut().zip(inputs[0]) {
                *y = sign(a);
            }
        })
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (noise, y, g) = (at.input(1), at.output().stop_gradient(), at.cotangent());
        at.add(0, || {
            let zero = g.stop_gradient() * 0.0; // or NaN, so that a broken cotangent shows
            (g * y).gt(noise * 2.0).select(y * 2.0, 0.0) + zero
        });
    }
}

/// The sign of a net input; NaN stays NaN, so that a loss shows it.
fn sign<T: Scalar>(a: T) -> T {
    if a >= T::zero() {
        T::one()
    } else if a < T::zero() {
        -T::one()
    } else {
        a
    }
}
