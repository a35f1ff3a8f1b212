//! A parameter that another framework holds in pieces, joined in another order, with other axes and shapes, is saved
//! completely and loaded as it was.
#![no_main]

use bptt::weights::pytorch::{self, PyTorch};
use bptt::weights::{Layout, Part};
use bptt::{Module, Param, Scalar, Tensor};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Debug)]
struct Expression {
    is_by_rows: bool,
    cuts: Vec<u8>,
    first: u8,
    changes: Vec<Change>,
    /// Whether each piece is a tensor of its own, rather than joined with the others.
    is_apart: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Change {
    Transpose,
    Reshape(u8),
}

#[derive(Clone, Module)]
struct Model<T> {
    matrix: Param<T>, // [4, 6]
    vector: Param<T>, // [6]
    #[module(skip)]
    expressions: Vec<Expression>,
}

impl Model<f64> {
    /// With the values `first, first + step, …`.
    fn new(first: f64, step: f64, expressions: Vec<Expression>) -> Self {
        let values = |from: usize, shape: &[usize]| {
            let count: usize = shape.iter().product();
            let values = (from..from + count).map(|i| first + step * i as f64).collect();
            Param::new(Tensor::from_vec(shape, values))
        };
        Self { matrix: values(0, &[4, 6]), vector: values(24, &[6]), expressions }
    }

    fn values(&self) -> [&Tensor<f64>; 2] {
        [self.matrix.value(), self.vector.value()]
    }
}

impl<T: Scalar> PyTorch<T> for Model<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        let whole = Layout::new().tensor("matrix", [&self.matrix]).tensor("vector", [&self.vector]);
        let params = [&self.matrix, &self.vector].into_iter().cycle();
        let laid_out =
            self.expressions.iter().zip(params).enumerate().map(|(i, (expression, param))| {
                Layout::new().group(&i.to_string(), expression.lay_out(param))
            });
        laid_out.fold(Layout::new(), Layout::and).and(whole)
    }
}

impl Expression {
    fn lay_out<'m, T: Scalar>(&self, param: &'m Param<T>) -> Layout<'m, T> {
        let shape = param.shape();
        let size = if self.is_by_rows { shape[0] } else { shape[shape.len() - 1] };
        let mut cuts: Vec<usize> = self.cuts.iter().map(|&cut| usize::from(cut) % size).collect();
        cuts.extend([0, size]);
        cuts.sort_unstable();
        let piece = |range| {
            if self.is_by_rows { Part::rows(param, range) } else { Part::columns(param, range) }
        };
        let mut pieces: Vec<_> = cuts.windows(2).map(|ends| piece(ends[0]..ends[1])).collect();
        let sizes: Vec<_> =
            cuts.windows(2).map(|ends| (ends[1] - ends[0]) * shape.elements() / size).collect();
        if self.is_apart {
            let tensors = pieces.into_iter().zip(sizes).enumerate();
            return tensors.fold(Layout::new(), |layout, (i, (piece, elements))| {
                layout.tensor(&i.to_string(), [self.changed(piece, shape.len(), elements)])
            });
        }
        let first = usize::from(self.first) % pieces.len();
        pieces.rotate_left(first);
        let joined = if self.is_by_rows { Part::stacked(pieces) } else { Part::beside(pieces) };
        Layout::new().tensor("joined", [self.changed(joined, shape.len(), shape.elements())])
    }

    fn changed<'m, T: Scalar>(
        &self,
        part: Part<'m, T>,
        rank: usize,
        elements: usize,
    ) -> Part<'m, T> {
        let change = |(part, rank): (Part<'m, T>, usize), change: &Change| match *change {
            Change::Transpose => (part.permuted(&(0..rank).rev().collect::<Vec<_>>()), rank),
            Change::Reshape(rows) => {
                let rows = usize::from(rows).max(1);
                let shape = if elements.is_multiple_of(rows) {
                    vec![rows, elements / rows]
                } else {
                    vec![elements]
                };
                let rank = shape.len();
                (part.reshaped(&shape), rank)
            }
        };
        self.changes.iter().take(8).fold((part, rank), change).0
    }
}

fuzz_target!(|expressions: Vec<Expression>| {
    let expressions: Vec<_> = expressions.into_iter().take(4).collect();
    let saved = Model::new(1.0, 1.0, expressions.clone());
    let archive = pytorch::archive(&saved);

    let elements = archive
        .names()
        .flat_map(|name| archive.tensor(name).expect("its name").as_slice().to_vec());
    let mut elements: Vec<f64> = elements.filter(|&element| element != 0.0).collect();
    elements.sort_by(f64::total_cmp);
    assert!(elements.into_iter().eq((1..=30).map(f64::from)), "each element is saved once");

    let mut loaded = Model::new(0.5, -1.0, expressions);
    pytorch::load(&mut loaded, &archive).expect("what was saved");
    assert_eq!(saved.values(), loaded.values());
});
