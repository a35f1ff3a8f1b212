//! The simple recurrent network.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::{bias_option, init_options};
use crate::feedforward::linear::biased;

/// The Elman network (Elman 1990), or "vanilla" RNN:
///
/// ```text
/// h = f_h(x W_ih + h₋ W_hh + b)
/// o = f_o(h W_ho + b_ho)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `b: [H]`, `h: [B, H]`. The output layer is optional: `W_ho: [H, O]`,
/// `b_ho: [O]`, `o: [B, O]`. Without it, the output is `h`. The state is `h`. `I·H + H·H + H` parameters, and `H·O + O`
/// for the output layer.
///
/// `f_h` and `f_o` are any [`Activation`]. With `f_h = tanh` and no output layer, this is the cell of PyTorch's
/// `nn.RNN`.
#[derive(Clone, Debug, Module)]
pub struct Elman<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b: [H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// `f_h`
    #[module(skip)]
    pub activation: Activation<T>,
    /// `W_ho: [H, O]`, if there is an output layer.
    pub w_ho: Option<Param<T>>,
    /// `b_ho: [O]`, if there is an output layer.
    pub b_ho: Option<Param<T>>,
    /// `f_o`
    #[module(skip)]
    pub output_activation: Activation<T>,
}

impl<T: Scalar> Elman<T> {
    /// Creates a cell with `f_h = tanh` and no output layer. `W_ih` starts from [`Init::Xavier`], `W_hh`
    /// orthogonal, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: Some(zeros([hidden_size])),
            activation: Activation::Tanh,
            w_ho: None,
            b_ho: None,
            output_activation: Activation::Identity,
        }
    }

    /// Creates the IRNN (Le, Jaitly and Hinton 2015): a rectified network, `f_h = relu`, whose initial weights keep the
    /// state. `W_hh` starts from the identity, `W_ih` Gaussian with deviation 0.001, `b` zero.
    #[must_use]
    pub fn irnn(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let inputs = Init::Gaussian { mean: 0.0, std: 1e-3 };
        Self::new(rng, input_size, hidden_size)
            .activation(Activation::Relu)
            .recurrent_init(rng, Init::Identity { scale: 1.0 })
            .input_init(rng, inputs)
    }

    activation_options! {
        activation: "`f_h`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| cell.b.iter_mut().map(|b| (b, 1));
    }

    /// Adds an output layer with activation `f_o`. `W_ho` starts from [`Init::Xavier`], `b_ho` from zero.
    #[must_use]
    pub fn output(
        mut self,
        rng: &mut impl Rng,
        output_size: usize,
        activation: Activation<T>,
    ) -> Self {
        self.w_ho = Some(input_weight(rng, 1, [self.w_hh.shape()[0], output_size]));
        self.b_ho = Some(zeros([output_size]));
        self.output_activation = activation;
        self
    }

    bias_option!(|cell| [(&mut cell.b, cell.w_ih.shape()[1])]);
}

step_without_noise!(Elman, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for Elman<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let h = noise.read(0, h);
        let z = biased(x.matmul(&self.w_ih) + h.matmul(&self.w_hh), self.b.as_ref());
        let h = self.activation.apply(z).probe("h");
        let output = match &self.w_ho {
            Some(w_ho) => {
                let net = biased(h.matmul(w_ho), self.b_ho.as_ref());
                self.output_activation.apply(net).probe("o")
            }
            None => h,
        };
        (output, h)
    }
}

impl<T> StateSizes for Elman<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}
