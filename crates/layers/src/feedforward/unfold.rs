//! The patches of images as rows, so that a convolution is one matrix product.

use bptt_autodiff::{Operation, Pullback, RowFunction, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// The patches that a kernel reads from images. The extents are vertical, then horizontal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Patches {
    /// The extents `[H, W]` of an image.
    pub(super) image: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    /// The zeros above and to the left of an image.
    pub(super) before: [usize; 2],
    /// The number of patches `[H', W']`.
    pub(super) count: [usize; 2],
}

impl Patches {
    /// Calls `visit` for each run of elements that are adjacent both in an image and in a patch: with the offset in the
    /// images `[N, H, W, C]`, the offset in the patches `[N, H', W', K₁, K₂, C]`, and the length. Elements of the
    /// padding are left out.
    fn for_each_run(
        &self,
        images: usize,
        channels: usize,
        mut visit: impl FnMut([usize; 2], usize),
    ) {
        let ([height, width], [rows, columns]) = (self.image, self.kernel);
        let mut patch = 0;
        for image in 0..images {
            for y in 0..self.count[0] {
                for x in 0..self.count[1] {
                    let left = x * self.stride[1];
                    // the columns of the kernel that lie within the image
                    let first = self.before[1].saturating_sub(left).min(columns);
                    let end = (self.before[1] + width).saturating_sub(left).clamp(first, columns);
                    for row in 0..rows {
                        let top = (y * self.stride[0] + row).checked_sub(self.before[0]);
                        if let Some(top) = top.filter(|&top| top < height && first < end) {
                            let pixel =
                                (image * height + top) * width + left + first - self.before[1];
                            let offsets = [pixel * channels, patch + first * channels];
                            visit(offsets, (end - first) * channels);
                        }
                        patch += columns * channels;
                    }
                }
            }
        }
    }

    /// Copies the patches of images to zeros.
    fn unfold<T: Scalar>(&self, channels: usize, images: &[T], patches: &mut [T]) {
        self.for_each_run(self.images(channels, images), channels, |[image, patch], length| {
            patches[patch..patch + length].copy_from_slice(&images[image..image + length]);
        });
    }

    /// Adds the elements of patches to zeros where they lie in the images.
    fn fold<T: Scalar>(&self, channels: usize, patches: &[T], images: &mut [T]) {
        self.for_each_run(self.images(channels, images), channels, |[image, patch], length| {
            let sums = &mut images[image..image + length];
            sums.iter_mut().zip(&patches[patch..patch + length]).for_each(|(sum, &x)| *sum += x);
        });
    }

    /// Returns the number of images of these elements.
    fn images<T>(&self, channels: usize, images: &[T]) -> usize {
        images.len() / (self.image[0] * self.image[1] * channels).max(1)
    }

    /// Returns the number of elements of a patch.
    fn size(&self, channels: usize) -> usize {
        self.kernel[0] * self.kernel[1] * channels
    }
}

/// Returns the extent of the last axis.
fn channels(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1)
}

/// The patches of images as rows: `[.., H, W, C]` becomes `[.., H', W', K₁·K₂·C]` (also called im2col).
#[derive(Debug, PartialEq)]
pub(super) struct Unfold(pub(super) Patches);

impl<T: Scalar> Operation<T> for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let [leading @ .., _, _, channels] = inputs[0] else { unreachable!("checked by Conv2d") };
        Ok(leading.iter().copied().chain(self.0.count).chain([self.0.size(*channels)]).collect())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let images = inputs[0];
        let shape =
            Operation::<T>::shape(self, &[images.shape()]).expect("a shape that was checked");
        let mut patches = Tensor::zeros(shape);
        self.0.unfold(channels(images.shape()), images.as_slice(), patches.as_mut_slice());
        patches
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let (patches, channels) = (self.0, channels(inputs[0]));
        let function = move |inputs: &[&[T]], output: &mut [T]| {
            output.fill(T::zero());
            patches.unfold(channels, inputs[0], output);
        };
        (inputs[0].len() > 3).then(|| RowFunction::new(function))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g.tape().apply(Fold(self.0), &[g]));
    }

    /// The elements of patches by their places in an image. Those of the padding are selected away.
    fn decompose<'t>(&self, inputs: &[Var<'t, T>]) -> Option<Var<'t, T>> {
        let (images, shape) = (inputs[0], inputs[0].shape());
        let patches = Operation::<T>::shape(self, &[&shape]).ok()?;
        let [leading @ .., _, _, channels] = &shape[..] else { return None };
        let elements = self.0.image[0] * self.0.image[1] * channels;
        let size = self.0.count[0] * self.0.count[1] * self.0.size(*channels);
        let (mut places, mut is_inside) = (vec![0; size], Tensor::zeros([size]));
        self.0.for_each_run(1, *channels, |[image, patch], length| {
            (image..).zip(&mut places[patch..patch + length]).for_each(|(from, to)| *to = from);
            is_inside.as_mut_slice()[patch..patch + length].fill(T::one());
        });
        let rows = images.reshape([leading.iter().product(), elements]).transpose(0, 1);
        let gathered = rows.gather_rows(&places).transpose(0, 1);
        Some(images.tape().constant(is_inside).select(gathered, 0.0).reshape(patches))
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// The transpose of [`Unfold`]: adds the elements of patches where they lie in the images.
#[derive(Debug, PartialEq)]
struct Fold(Patches);

impl<T: Scalar> Operation<T> for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let [leading @ .., _, _, elements] = inputs[0] else { unreachable!("checked by Conv2d") };
        let channels = elements / self.0.size(1);
        Ok(leading.iter().copied().chain(self.0.image).chain([channels]).collect())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let patches = inputs[0];
        let shape =
            Operation::<T>::shape(self, &[patches.shape()]).expect("a shape that was checked");
        let mut images = Tensor::zeros(&shape);
        self.0.fold(channels(&shape), patches.as_slice(), images.as_mut_slice());
        images
    }

    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let (patches, channels) = (self.0, channels(inputs[0]) / self.0.size(1));
        let function = move |inputs: &[&[T]], output: &mut [T]| {
            output.fill(T::zero());
            patches.fold(channels, inputs[0], output);
        };
        (inputs[0].len() > 3).then(|| RowFunction::new(function))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g.tape().apply(Unfold(self.0), &[g]));
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}
