//! Long short-term memory of images.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{Gate, bias_options, forget_bias, gate_activations, part};
use super::peephole::Peepholes;
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::conv2d::Conv2d;

/// The convolutional LSTM or `ConvLSTM` (Shi et al. 2015), for images of `R` rows and `L` columns:
///
/// ```text
/// i, f = σ(x * W_ih_{i,f} + h₋ * W_hh_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
/// g = tanh(x * W_ih_g + h₋ * W_hh_g + b_g)
/// c = f ⊙ c₋ + i ⊙ g
/// o = σ(x * W_ih_o + h₋ * W_hh_o + p_o ⊙ c + b_o)
/// h = o ⊙ tanh(c)
/// ```
///
/// `*` is a [`Conv2d`] with zeros around the image, so that the extents stay. The kernels are `W_ih: [K₁, K₂, I, 4C]` and
/// `W_hh: [K₁, K₂, C, 4C]`, for `I` channels of the input and `C` hidden ones, and `b: [4C]`, with the channels of `i`, `f`,
/// `g`, `o` concatenated. The peepholes are `p: [R·L·C]`.
///
/// Images are flat in the cell's input, state and output, with the channels last: `x: [B, R·L·I]`; the state is `(h, c)`,
/// each `[B, R·L·C]`; the output is `h`. `4K₁K₂C(I + C) + 4C + 3R·L·C` parameters.
///
/// A [`PeepholeLstm`](crate::PeepholeLstm) in which a pixel reads the pixels around it, all with the same weights.
#[derive(Clone, Debug, Module)]
pub struct ConvLstm<T> {
    /// `W_ih: [K₁, K₂, I, 4C]` and `b: [4C]`
    pub conv_ih: Conv2d<T>,
    /// `W_hh: [K₁, K₂, C, 4C]`
    pub conv_hh: Conv2d<T>,
    /// `p_i`, `p_f`, `p_o`
    pub peepholes: Peepholes<T>,
    /// The rows and columns of an image.
    #[module(skip)]
    image_size: [usize; 2],
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// The function of the cell state `c` in the output `h`, by default `tanh`.
    #[module(skip)]
    pub state_activation: Activation<T>,
}

impl<T: Scalar> ConvLstm<T> {
    /// Creates a cell for images of this size, with a kernel of these rows and columns. `W_ih` and `W_hh` start from
    /// [`Init::Xavier`](crate::Init::Xavier), for `K₁·K₂` inputs of each channel and `4C` outputs. Peepholes and biases are zero, except for the bias
    /// of the forget gate, which is 1.
    ///
    /// # Panics
    ///
    /// If the kernel has no rows or no columns.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        image_size: [usize; 2],
        input_channels: usize,
        hidden_channels: usize,
        kernel_size: [usize; 2],
    ) -> Self {
        let mut conv =
            |channels| Conv2d::new(rng, channels, 4 * hidden_channels, kernel_size).same();
        let [rows, columns] = image_size;
        Self {
            conv_ih: conv(input_channels),
            conv_hh: conv(hidden_channels).bias(false),
            peepholes: Peepholes::new(rows * columns * hidden_channels),
            image_size,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    gate_activations!(state);

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.conv_ih.w, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.conv_hh.w, 1)];
        peephole_init: "the peepholes `p`", |cell| cell.peepholes.vectors();
        bias_init: "the biases", |cell| cell.conv_ih.b.iter_mut().map(|b| (b, 1));
    }

    bias_options!(|cell, gate| {
        let gates = [Gate::Input, Gate::Forget, Gate::Candidate, Gate::Output];
        part(cell.conv_ih.b.as_mut(), &gates, gate)
    });

    forget_bias!();

    /// Returns the images `[B, R, L, C]` of flat ones, `[B, R·L·C]`.
    fn images<'t>(&self, x: Var<'t, T>, conv: &Conv2d<T>) -> Var<'t, T> {
        let [rows, columns] = self.image_size;
        x.reshape([x.shape()[0], rows, columns, conv.w.shape()[2]])
    }
}

step_without_noise!(ConvLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for ConvLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let read = self.images(noise.read(0, h), &self.conv_hh);
        let net = self.conv_ih.forward(self.images(x, &self.conv_ih)) + self.conv_hh.forward(read);
        let [i, f, candidate, o] = net.split(-1).map(|part| part.reshape(c.shape()));
        let seen = noise.read(1, c);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let i = gate(i + seen * &self.peepholes.p_i, "i");
        let f = gate(f + seen * &self.peepholes.p_f, "f");
        let g = self.candidate_activation.apply(candidate).probe("g");
        let c = (f * c + i * noise.written(1, g)).probe("c");
        let o = gate(o + noise.read(1, c) * &self.peepholes.p_o, "o");
        let h = (o * self.state_activation.apply(c)).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for ConvLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.peepholes.p_i.shape()[0]; 2]
    }
}
