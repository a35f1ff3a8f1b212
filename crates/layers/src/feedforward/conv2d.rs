//! Convolutions of images.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::linear::biased;
use super::unfold::{Patches, Unfold};
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::options::{bias_option, init_options};

/// A convolution of images: the product of each patch of an image with the same weights (Fukushima 1980; LeCun et al.
/// 1989).
///
/// ```text
/// y_{r,c} = Σ_{i,j} x_{s₁·r + i − p₁, s₂·c + j − p₂} W_{i,j} + b
/// ```
///
/// `x: [.., H, W, I]`, with the channels last, `W: [K₁, K₂, I, O]`, `b: [O]`, `y: [.., H', W', O]`; `K₁·K₂·I·O + O`
/// parameters. By default, the strides `s` are 1 and there is no padding `p`. Then `H' = H − K₁ + 1` and
/// `W' = W − K₂ + 1`. The patches are copied to the rows of a matrix, so that one product computes all outputs.
///
/// The axes before the last three are any: `[T, B, H, W, I]` are the frames of a batch of videos, which are convolved at
/// once, before a recurrence reads them. A pooling layer is a maximum over axes of a reshaped image:
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Conv2d, Gru, Layer};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let conv = Conv2d::<f32>::new(rng, 1, 8, [3, 3]).same();
/// let gru = Gru::new(rng, 6 * 6 * 8, 16);
/// let tape = Tape::new();
/// let frames = tape.constant(Tensor::ones([5, 2, 12, 12, 1])); // [T, B, H, W, I]
/// let maps = conv.forward(frames).relu(); // [T, B, 12, 12, 8]
/// let pooled = maps.reshape([5, 2, 6, 2, 6, 2, 8]).max(&[3, 5]); // [T, B, 6, 6, 8]
/// let (ys, _state) = gru.forward(pooled.reshape([5, 2, 6 * 6 * 8]));
/// assert_eq!(ys.shape(), [5, 2, 16]);
/// ```
///
/// It also runs within the step of a recurrence, for instance where the state is an image.
#[derive(Clone, Debug, Module)]
pub struct Conv2d<T> {
    /// `W: [K₁, K₂, I, O]`
    pub w: Param<T>,
    /// `b: [O]`, if there are biases.
    pub b: Option<Param<T>>,
    #[module(skip)]
    stride: [usize; 2],
    #[module(skip)]
    padding: Padding,
}

/// The zeros around an image.
#[derive(Clone, Copy, Debug)]
enum Padding {
    /// The number of rows above and below, and of columns to the left and to the right.
    Both([usize; 2]),
    /// One fewer than the kernel's extent, on both sides together.
    Same,
}

impl<T: Scalar> Conv2d<T> {
    /// Creates a convolution with a kernel of these rows and columns. The weights are from [`Init::Xavier`] for
    /// `K₁·K₂·I` inputs and `O` outputs, the biases are zero.
    ///
    /// # Panics
    ///
    /// If the kernel has no rows or no columns.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        output_size: usize,
        kernel_size: [usize; 2],
    ) -> Self {
        let [rows, columns] = kernel_size;
        assert!(rows > 0 && columns > 0, "a kernel has at least one row and one column");
        Self {
            w: Param::new(Tensor::zeros([rows, columns, input_size, output_size])),
            b: Some(Param::new(Tensor::zeros([output_size]))),
            stride: [1, 1],
            padding: Padding::Both([0, 0]),
        }
        .weight_init(rng, Init::Xavier)
    }

    bias_option!(|conv| [(&mut conv.b, conv.w.shape()[3])]);

    init_options! {
        weight_init: "`W`, as a matrix `[K₁·K₂·I, O]`", |conv| [(&mut conv.w, 1)];
        bias_init: "`b`", |conv| conv.b.iter_mut().map(|b| (b, 1));
    }

    /// Computes only every `stride`-th row and column of the outputs.
    ///
    /// # Panics
    ///
    /// If a stride is 0.
    #[track_caller]
    #[must_use]
    pub fn stride(mut self, stride: [usize; 2]) -> Self {
        assert!(stride[0] > 0 && stride[1] > 0, "a stride is at least one pixel, not {stride:?}");
        self.stride = stride;
        self
    }

    /// Pads the images with zeros: this many rows above and below, and this many columns on the left and on the right.
    #[must_use]
    pub fn padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = Padding::Both(padding);
        self
    }

    /// Pads on all sides. With strides of 1, the outputs then have the extents of the images. A kernel of even size
    /// gets one row more below, or one column more on the right.
    #[must_use]
    pub fn same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    /// Returns the outputs `[.., H', W', O]` of images `[.., H, W, I]`.
    ///
    /// # Panics
    ///
    /// If the padded images are smaller than the kernel, or their last axis is not the input size.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn forward<'t>(&self, xs: Var<'t, T>) -> Var<'t, T> {
        let patches = xs.tape().apply(Unfold(self.patches(xs)), &[xs]);
        let &[rows, columns, input_size, output_size] = &self.w.shape()[..] else {
            unreachable!("a kernel has four axes")
        };
        let w = xs.tape().param(&self.w).reshape([rows * columns * input_size, output_size]);
        biased(patches.matmul(w), self.b.as_ref())
    }

    /// Returns the patches that the kernel reads from these images.
    #[track_caller]
    fn patches(&self, xs: Var<'_, T>) -> Patches {
        let (shape, w) = (xs.shape(), self.w.shape());
        let [.., height, width, channels] = shape[..] else {
            panic!("conv2d: images are [.., H, W, I], not {shape}; reshape them")
        };
        assert!(
            channels == w[2],
            "conv2d: the last axis of images {shape} is {channels}, but the kernel {w} reads {} channels; channels \
             come last",
            w[2]
        );
        let (image, kernel) = ([height, width], [w[0], w[1]]);
        let [mut before, mut count] = [[0; 2]; 2];
        for axis in [0, 1] {
            let around = kernel[axis] - 1;
            let (first, both) = match self.padding {
                Padding::Both(padding) => (padding[axis], 2 * padding[axis]),
                Padding::Same => (around / 2, around),
            };
            assert!(
                image[axis] + both > around,
                "conv2d: a kernel of {} × {} pixels does not fit into images {shape} with padding; pad more, as `same` \
                 does, or use a smaller kernel",
                kernel[0],
                kernel[1]
            );
            before[axis] = first;
            count[axis] = (image[axis] + both - around).div_ceil(self.stride[axis]);
        }
        Patches { image, kernel, stride: self.stride, before, count }
    }
}
