//! Data that follow from symbols and lengths: masks of steps, positions of the last step, equality with a symbol.

use bptt_tensor::Tensor;

use crate::dims::Dim;
use crate::inputs::{Kind, Placeholder};
use crate::proto::{Attribute, FLOAT};
use crate::shared::Shared;

/// How rows that are looked up follow from symbols.
enum Lookup {
    /// They are the symbols.
    Same,
    /// They are the symbols of `[T, B]` one step late, after a constant.
    Late { batch: usize, first: usize },
}

impl Shared<'_> {
    /// The indices of a lookup, a vector, if they follow from symbols.
    pub(crate) fn lookup(&mut self, indices: &[usize]) -> Option<String> {
        let all: &[Placeholder] = self.placeholders;
        let (symbols, lookup) = all.iter().find_map(|it| Some((it, lookup(it, indices)?)))?;
        let flat = self.integers(&[-1]);
        let name = match lookup {
            Lookup::Same => symbols.name.clone(),
            Lookup::Late { batch, first } => {
                let bounds = [0, -1, 0].map(|bound| self.integers(&[bound]));
                let [start, end, axis] = bounds.each_ref().map(String::as_str);
                let earlier = self.compute("Slice", &[&symbols.name, start, end, axis], Vec::new());
                let batch = match self.traced.product(batch).single() {
                    Some(place) => self.extent(place)?,
                    None => self.integers(&[batch as i64]),
                };
                let one = self.integers(&[1]);
                let concat = |axis| vec![Attribute::int("axis", axis)];
                let shape = self.compute("Concat", &[&one, &batch], concat(0));
                let first = self.integer(first as i64);
                let first = self.compute("Expand", &[&first, &shape], Vec::new());
                self.compute("Concat", &[&first, &earlier], concat(0))
            }
        };
        Some(self.compute("Reshape", &[&name, &flat], Vec::new()))
    }

    /// A tensor as a value of as many elements, if it follows from the inputs.
    pub(crate) fn derived(&mut self, tensor: &Tensor<f32>) -> Option<String> {
        let extents: Vec<usize> = tensor.shape().iter().copied().filter(|&it| it != 1).collect();
        let values = tensor.to_vec();
        self.one_step(&extents, &values).or_else(|| {
            let all: &[Placeholder] = self.placeholders;
            all.iter().enumerate().find_map(|(which, it)| match it.kind {
                Kind::Symbols { .. } => self.is_symbol(it, &values),
                Kind::Lengths { steps } => self.of_lengths(which, steps, &extents, &values),
                Kind::Numbers => None,
            })
        })
    }

    /// 1 at the first or the last of the open steps `[T]`, else 0.
    fn one_step(&mut self, extents: &[usize], values: &[f32]) -> Option<String> {
        let &[steps] = extents else { return None };
        let place = self.traced.product(steps).single()?;
        let is_at = |step: usize| holds(values, |i| i == step);
        let positions = self.positions(place)?;
        if is_at(0) {
            let zero = self.integers(&[0]);
            Some(self.is_equal(&positions, &zero))
        } else if is_at(steps - 1) {
            let last = self.before(place)?;
            Some(self.is_equal(&positions, &last))
        } else {
            None
        }
    }

    /// An open extent less 1.
    fn before(&mut self, place: usize) -> Option<String> {
        let (extent, one) = (self.extent(place)?, self.integers(&[1]));
        Some(self.compute("Sub", &[&extent, &one], Vec::new()))
    }

    /// 1 where the symbols are one symbol, else 0.
    fn is_symbol(&mut self, symbols: &Placeholder, values: &[f32]) -> Option<String> {
        if values.len() != symbols.values.len() {
            return None;
        }
        let symbol = symbols.values[values.iter().position(|&value| value == 1.0)?];
        if !holds(values, |i| symbols.values[i] == symbol) {
            return None;
        }
        let symbol = self.integer(symbol as i64);
        Some(self.is_equal(&symbols.name, &symbol))
    }

    /// The mask of lengths `[T, B]`, transposed or not, the last steps of the sequences, or the lengths `[B]` themselves.
    fn of_lengths(
        &mut self,
        which: usize,
        steps: Dim,
        extents: &[usize],
        values: &[f32],
    ) -> Option<String> {
        let lengths = &self.placeholders[which];
        let (all, batch) = (lengths.steps, lengths.values.len());
        let length = |b: usize| lengths.values[b];
        if extents == [batch] && (0..batch).all(|b| values[b] == length(b) as f32) {
            return Some(self.as_numbers(&lengths.name));
        }
        let is_mask = extents == [all, batch] && holds(values, |i| i / batch < length(i % batch));
        let is_transposed = extents == [batch, all] && holds(values, |i| i % all < length(i / all));
        let is_last =
            extents == [all, batch] && holds(values, |i| i / batch + 1 == length(i % batch));
        if !(is_mask || is_transposed || is_last) {
            return None;
        }
        let place = self.traced.place(steps)?;
        let (positions, axis) = (self.positions(place)?, self.integers(&[1]));
        let column = self.compute("Unsqueeze", &[&positions, &axis], Vec::new());
        if !is_mask && !is_transposed {
            let one = self.integers(&[1]);
            let last = self.compute("Sub", &[&lengths.name, &one], Vec::new());
            return Some(self.is_equal(&column, &last));
        }
        let is_there = self.compute("Less", &[&column, &lengths.name], Vec::new());
        let mask = self.as_numbers(&is_there);
        if is_mask {
            self.masks.insert(mask.clone(), which);
            return Some(mask);
        }
        Some(self.compute("Transpose", &[&mask], vec![Attribute::ints("perm", vec![1, 0])]))
    }

    fn is_equal(&mut self, left: &str, right: &str) -> String {
        let is_equal = self.compute("Equal", &[left, right], Vec::new());
        self.as_numbers(&is_equal)
    }

    fn as_numbers(&mut self, value: &str) -> String {
        self.compute("Cast", &[value], Attribute::to(FLOAT))
    }
}

fn lookup(symbols: &Placeholder, indices: &[usize]) -> Option<Lookup> {
    let is_symbols = matches!(symbols.kind, Kind::Symbols { .. });
    if !is_symbols || indices.len() != symbols.values.len() {
        return None;
    }
    if indices == symbols.values {
        return Some(Lookup::Same);
    }
    let &[_, batch] = &symbols.shape[..] else { return None };
    let (first, later) = indices.split_at(batch);
    let is_late = symbols.values.starts_with(later) && first.iter().all(|it| *it == first[0]);
    is_late.then(|| Lookup::Late { batch, first: first[0] })
}

/// Whether the values are 1 where a condition holds, and 0 elsewhere.
fn holds(values: &[f32], condition: impl Fn(usize) -> bool) -> bool {
    values.iter().enumerate().all(|(i, &value)| value == f32::from(u8::from(condition(i))))
}
