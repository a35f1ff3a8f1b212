//! Stored tensors, with their element types in files.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bptt_tensor::{HalfPrecision, Scalar, Shape, Tensor};
use safetensors::tensor::Dtype;

use super::error::WeightsProblem;

/// A tensor of an archive, with the type that its elements have in a file.
#[derive(Clone, Debug)]
pub(super) enum Stored<T: Scalar> {
    /// A tensor with elements of type `T`.
    Held { tensor: Tensor<T>, dtype: Dtype },
    /// A tensor whose elements a `T` does not hold exactly. Its bytes stay as in the file.
    Foreign { dtype: Dtype, shape: Shape, bytes: Arc<[u8]> },
}

/// The number of elements that are converted at once.
const PIECE: usize = 1 << 14;

impl<T: Scalar> Stored<T> {
    pub(super) fn new(tensor: Tensor<T>) -> Self {
        let dtype = if size_of::<T>() == size_of::<f32>() { Dtype::F32 } else { Dtype::F64 };
        Self::Held { tensor, dtype }
    }

    /// A tensor of double precision, whatever `T` is.
    pub(super) fn of_f64(tensor: &Tensor<f64>) -> Self {
        if size_of::<T>() == size_of::<f64>() {
            return Self::new(tensor.cast());
        }
        let bytes = encoded(tensor.as_slice(), f64::to_le_bytes);
        Self::Foreign { dtype: Dtype::F64, shape: tensor.shape().clone(), bytes: bytes.into() }
    }

    /// The tensor in double precision, if that holds its elements exactly.
    pub(super) fn in_f64(&self, name: &str) -> Result<Tensor<f64>, WeightsProblem> {
        match self {
            Self::Foreign { dtype: Dtype::F64, shape, bytes } => {
                let elements = bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
                Ok(Tensor::from_vec(shape, elements.collect()))
            }
            _ => Ok(self.tensor(name)?.cast()),
        }
    }

    /// A tensor from the next `size` bytes of a file. Their number must match the type and shape.
    pub(super) fn read(
        dtype: Dtype,
        shape: &[usize],
        size: usize,
        file: &mut impl Read,
    ) -> io::Result<Self> {
        let elements: Vec<T> = match dtype {
            Dtype::F16 | Dtype::BF16 => {
                let half =
                    if dtype == Dtype::F16 { HalfPrecision::F16 } else { HalfPrecision::Bf16 };
                decoded(size, file, |bytes| half.decode(u16::from_le_bytes(bytes)))?
            }
            Dtype::F32 => decoded(size, file, |bytes| f32::from_le_bytes(bytes).into())?,
            Dtype::F64 if size_of::<T>() == size_of::<f64>() => {
                decoded(size, file, f64::from_le_bytes)?
            }
            _ => {
                let mut bytes = vec![0; size];
                file.read_exact(&mut bytes)?;
                return Ok(Self::Foreign { dtype, shape: shape.into(), bytes: bytes.into() });
            }
        };
        Ok(Self::Held { tensor: Tensor::from_vec(shape, elements), dtype })
    }

    /// The tensor, if a `T` holds its elements exactly.
    pub(super) fn tensor(&self, name: &str) -> Result<&Tensor<T>, WeightsProblem> {
        match self {
            Self::Held { tensor, .. } => Ok(tensor),
            Self::Foreign { dtype, .. } => Err(WeightsProblem::WrongType {
                tensor: name.to_owned(),
                found: dtype.to_string(),
                expected: T::NAME,
            }),
        }
    }

    /// Rounds each element to the nearest number of half precision.
    pub(super) fn rounded(&self, to: HalfPrecision, name: &str) -> Result<Self, WeightsProblem> {
        let Self::Held { tensor, .. } = self else { return Ok(self.clone()) };
        let round = |&element: &T| {
            let pattern = to.encode(element.as_f64());
            let pattern = pattern.ok_or_else(|| WeightsProblem::Overflow {
                tensor: name.to_owned(),
                value: element.as_f64(),
                precision: to,
            })?;
            Ok(T::of(to.decode(pattern)))
        };
        let elements = tensor.as_slice().iter().map(round).collect::<Result<_, _>>()?;
        let tensor = Tensor::from_vec(tensor.shape(), elements);
        let dtype = match to {
            HalfPrecision::F16 => Dtype::F16,
            HalfPrecision::Bf16 => Dtype::BF16,
        };
        Ok(Self::Held { tensor, dtype })
    }

    pub(super) fn dtype(&self) -> Dtype {
        match self {
            Self::Held { dtype, .. } | Self::Foreign { dtype, .. } => *dtype,
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        match self {
            Self::Held { tensor, .. } => tensor.shape(),
            Self::Foreign { shape, .. } => shape,
        }
    }

    /// The number of bytes of the tensor in a file.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Held { tensor, dtype } => tensor.len() * dtype.bitsize() / 8,
            Self::Foreign { bytes, .. } => bytes.len(),
        }
    }

    pub(super) fn write_to(&self, file: &mut impl Write) -> io::Result<()> {
        let (tensor, dtype) = match self {
            Self::Foreign { bytes, .. } => return file.write_all(bytes),
            Self::Held { tensor, dtype } => (tensor, dtype),
        };
        let half = |half: HalfPrecision| {
            move |x: f64| half.encode(x).expect("it was rounded").to_le_bytes()
        };
        for piece in tensor.as_slice().chunks(PIECE) {
            file.write_all(&match dtype {
                Dtype::F16 => encoded(piece, half(HalfPrecision::F16)),
                Dtype::BF16 => encoded(piece, half(HalfPrecision::Bf16)),
                Dtype::F32 => encoded(piece, |x| (x as f32).to_le_bytes()),
                _ => encoded(piece, f64::to_le_bytes),
            })?;
        }
        Ok(())
    }
}

/// The elements in the next `size` bytes of a file, which are read in pieces.
fn decoded<T: Scalar, const N: usize>(
    size: usize,
    file: &mut impl Read,
    decode: impl Fn([u8; N]) -> f64,
) -> io::Result<Vec<T>> {
    let count = size / N;
    let mut elements = Vec::with_capacity(count);
    let mut buffer = vec![[0; N]; count.min(PIECE)];
    while elements.len() < count {
        let piece = &mut buffer[..PIECE.min(count - elements.len())];
        file.read_exact(piece.as_flattened_mut())?;
        elements.extend(piece.iter().map(|&bytes| T::of(decode(bytes))));
    }
    Ok(elements)
}

fn encoded<T: Scalar, const N: usize>(piece: &[T], encode: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
    let elements: Vec<_> = piece.iter().map(|x| encode(x.as_f64())).collect();
    elements.into_flattened()
}
