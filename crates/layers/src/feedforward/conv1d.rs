//! Convolutions over time.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::linear::biased;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::options::{bias_option, init_options};

/// A convolution over time: the product of each window of steps with the same weights (Waibel et al. 1989).
///
/// ```text
/// y_t = Σ_k x_{s·t + d·k − p} W_k + b,  k = 0 … K − 1
/// ```
///
/// `x: [T, B, I]`, `W: [K, I, O]`, `b: [O]`, `y: [T', B, O]`; `K·I·O + O` parameters. By default, the stride `s` and
/// the dilation `d` are 1 and there is no padding, so that `T' = T − K + 1`. [`padding`](Self::padding) adds steps of
/// zeros before the first step and after the last.
///
/// Within the step of a recurrence, it runs over an axis of the step's own input, such as the samples of a frame:
///
/// ```
/// use bptt_autodiff::{Tape, Var};
/// use bptt_layers::Conv1d;
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let conv = Conv1d::<f32>::new(rng, 1, 8, 3).stride(2);
/// let tape = Tape::new();
/// let frames = tape.constant(Tensor::ones([5, 2, 9])); // [T, B, samples]
/// let scanned = tape.scan(frames, ()).run(|frame, ()| {
///     let samples = frame.transpose(0, 1).reshape([9, 2, 1]); // as a sequence of its own
///     (conv.forward(samples).relu().max(&[0]), ())
/// });
/// assert_eq!(scanned.outputs.shape(), [5, 2, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Conv1d<T> {
    /// `W: [K, I, O]`
    pub w: Param<T>,
    /// `b: [O]`, if there are biases.
    pub b: Option<Param<T>>,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    dilation: usize,
    #[module(skip)]
    padding: Padding,
}

/// The zero steps before the first step and after the last.
#[derive(Clone, Copy, Debug)]
enum Padding {
    Steps([usize; 2]),
    /// One step fewer than the kernel spans, all before the first step.
    Causal,
    /// One step fewer than the kernel spans, on both sides.
    Same,
}

impl<T: Scalar> Conv1d<T> {
    /// Creates a convolution with weights from [`Init::Xavier`] for `K·I` inputs and `O` outputs, and biases of zero.
    ///
    /// # Panics
    ///
    /// If `kernel_size` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        output_size: usize,
        kernel_size: usize,
    ) -> Self {
        assert!(kernel_size > 0, "a kernel has at least one step");
        Self {
            w: Param::new(Tensor::zeros([kernel_size, input_size, output_size])),
            b: Some(Param::new(Tensor::zeros([output_size]))),
            stride: 1,
            dilation: 1,
            padding: Padding::Steps([0, 0]),
        }
        .weight_init(rng, Init::Xavier)
    }

    bias_option!(|conv| [(&mut conv.b, conv.w.shape()[2])]);

    init_options! {
        weight_init: "`W`, as a matrix `[K·I, O]`", |conv| [(&mut conv.w, 1)];
        bias_init: "`b`", |conv| conv.b.iter_mut().map(|b| (b, 1));
    }

    /// Computes only every `stride`-th output.
    ///
    /// # Panics
    ///
    /// If `stride` is 0.
    #[track_caller]
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        assert!(stride > 0, "a stride is at least one step");
        self.stride = stride;
        self
    }

    /// Reads only every `dilation`-th step within the kernel (van den Oord et al. 2016).
    ///
    /// # Panics
    ///
    /// If `dilation` is 0.
    #[track_caller]
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        assert!(dilation > 0, "a dilation is at least one step");
        self.dilation = dilation;
        self
    }

    /// Pads the sequence with this many steps of zeros before the first step and after the last.
    #[must_use]
    pub fn padding(mut self, before: usize, behind: usize) -> Self {
        self.padding = Padding::Steps([before, behind]);
        self
    }

    /// Pads before the first step alone. Each output then reads its own step and earlier ones. With a stride of 1,
    /// there are as many outputs as steps.
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.padding = Padding::Causal;
        self
    }

    /// Pads on both sides. With a stride of 1, there are then as many outputs as steps. A kernel of even size gets one
    /// step more after the last.
    #[must_use]
    pub fn same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    /// Returns the number of steps from the first to the last that the kernel reads.
    fn span(&self) -> usize {
        (self.w.shape()[0] - 1) * self.dilation + 1
    }

    /// Returns the outputs `[T', B, O]` of a sequence `[T, B, I]`. Between the first axis and the last there may be any
    /// axes.
    ///
    /// # Panics
    ///
    /// If the padded sequence is shorter than the kernel, or its last axis is not the input size.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn forward<'t>(&self, xs: Var<'t, T>) -> Var<'t, T> {
        let (xs, steps) = self.padded(xs);
        let outputs = (steps + self.stride - self.span()) / self.stride;
        let &[kernel_size, input_size, output_size] = &self.w.shape()[..] else {
            unreachable!("a kernel has three axes")
        };
        let w = xs.tape().param(&self.w);
        let mut sum = None;
        for k in 0..kernel_size {
            let first = k * self.dilation;
            let read = match self.stride {
                1 => xs.slice(0, first..first + outputs),
                stride => {
                    let rows: Vec<_> = (0..outputs).map(|t| first + t * stride).collect();
                    xs.gather_rows(&rows)
                }
            };
            let w = w.slice(0, k..k + 1).reshape([input_size, output_size]);
            let product = read.matmul(w);
            sum = Some(match sum {
                Some(sum) => sum + product,
                None => product,
            });
        }
        biased(sum.expect("a kernel has a step"), self.b.as_ref())
    }

    /// Returns the padded sequence and its number of steps.
    #[track_caller]
    fn padded<'t>(&self, xs: Var<'t, T>) -> (Var<'t, T>, usize) {
        let shape = xs.shape();
        assert!(shape.len() >= 2, "conv1d: a sequence is [T, B, I], not {shape}");
        let around = self.span() - 1;
        let [before, behind] = match self.padding {
            Padding::Steps(steps) => steps,
            Padding::Causal => [around, 0],
            Padding::Same => [around / 2, around - around / 2],
        };
        let steps = before + shape[0] + behind;
        let is_empty = shape[0] == 0 && steps == around; // without outputs
        assert!(
            steps > around || is_empty,
            "conv1d: a kernel over {} steps does not fit into {shape}, axis 0: {} steps, with {before} of padding before \
             and {behind} behind; pad more, as `causal` and `same` do, or use a smaller kernel",
            self.span(),
            shape[0]
        );
        let zeros = |steps| xs.tape().constant(Tensor::zeros(shape.with(0, steps)));
        let parts =
            [(before > 0).then(|| zeros(before)), Some(xs), (behind > 0).then(|| zeros(behind))];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let xs = if parts.len() == 1 { xs } else { Var::concat(&parts, 0) };
        (xs, steps)
    }
}
