//! A product of all blocks of columns at once, each with its own matrix, becomes one product for each
//! block. Heads are such blocks. The matrices are the same for all rows of the batch. Two forms are
//! known, with `x: [B, E, K]` and `w: [E, K, N]`: the blocks come first, `x.permute(&[1, 0,
//! 2]).matmul(w)`, or `w` is broadcast over the batch.

use bptt_tensor::{Scalar, Transpose};
use smallvec::SmallVec;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Program, op_node};
use crate::scan::lower::shapes::rows_of;
use crate::tape::Op;
use crate::tape::primitive::{BroadcastTo, Concat, MatMul, Permute, Slice};

/// The order of axes that exchanges the batch and the blocks. It is its own inverse.
const BLOCKS_FIRST: [usize; 3] = [1, 0, 2];

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let Some(rows) = rows_of(program) else { return program.clone() };
    let bindings = bindings(program);
    program.rebuild(|new, id, inputs| {
        let shape = program.shape(id);
        match (program.op(id), &inputs[..]) {
            (Some(Op::Permute(Permute(order))), &[permuted]) => {
                if let Some(x) = exchanged(new, permuted).filter(|_| **order == BLOCKS_FIRST) {
                    return x;
                }
            }
            (Some(Op::MatMul(MatMul(transpose))), &[a, b])
                if bindings[program.node(id).inputs[1] as usize] == Binding::Invariant =>
            {
                if let Some(x) = of_blocks(new, rows, *transpose, a, b) {
                    let by_blocks = by_blocks(new, transpose.right, x, b);
                    let product = new.reshape(by_blocks, &[shape[1], shape[0], shape[2]].into());
                    let order = Op::Permute(Permute(BLOCKS_FIRST.into()));
                    return new.push(op_node(order, [product], shape.clone()));
                }
                if let Some(w) = shared(new, rows, *transpose, a, b) {
                    let by_blocks = by_blocks(new, transpose.right, a, w);
                    return new.reshape(by_blocks, shape);
                }
            }
            _ => {}
        }
        new.copy(program, id, inputs)
    })
}

/// The value `[B, E, K]` whose first two axes were exchanged, if they were.
fn exchanged<T>(program: &Program<T>, id: u32) -> Option<u32> {
    match program.op(id) {
        Some(Op::Permute(Permute(order))) if **order == BLOCKS_FIRST => {
            Some(program.node(id).inputs[0])
        }
        _ => None,
    }
}

/// The value `x: [B, E, K]` of a product in which the blocks come first, with `b: [E, K, N]`.
fn of_blocks<T>(
    new: &Program<T>,
    rows: usize,
    transpose: Transpose,
    a: u32,
    b: u32,
) -> Option<u32> {
    let x = exchanged(new, a)?;
    let has_blocks = new.shape(b).len() == 3 && new.shape(b)[0] > 0;
    (has_blocks && !transpose.left && new.shape(x)[0] == rows).then_some(x)
}

/// The matrices `w: [E, K, N]` of a product of vectors with `b: [B, .., K, N]`, if `b` is `w`
/// broadcast over the batch alone.
fn shared<T: Scalar>(
    new: &mut Program<T>,
    rows: usize,
    transpose: Transpose,
    a: u32,
    b: u32,
) -> Option<u32> {
    let shape = new.shape(b).clone();
    let Some(Op::BroadcastTo(BroadcastTo(_))) = new.op(b) else { return None };
    let (w, last) = (new.node(b).inputs[0], shape.len() - 1);
    if last < 2 || shape[0] != rows {
        return None;
    }
    let blocks: usize = shape[1..last - 1].iter().product();
    let is_vector = new.shape(a)[if transpose.left { last } else { last - 1 }] == 1;
    if !is_vector || blocks == 0 || without_ones(new.shape(w)) != without_ones(&shape[1..]) {
        return None;
    }
    Some(new.reshape(w, &[blocks, shape[last - 1], shape[last]].into()))
}

/// A shape without leading extents of 1.
fn without_ones(shape: &[usize]) -> &[usize] {
    let ones = shape.iter().take_while(|&&extent| extent == 1).count();
    &shape[ones..]
}

/// The products `[B, E·N]` of the blocks of `x`, with `E·K` elements for each row, and the matrices
/// `w: [E, K, N]`, or `[E, N, K]` if they are read transposed.
fn by_blocks<T: Scalar>(new: &mut Program<T>, transposed: bool, x: u32, w: u32) -> u32 {
    let (rows, shape) = (new.shape(x)[0], new.shape(w).clone());
    let (inner, columns) = if transposed { (shape[2], shape[1]) } else { (shape[1], shape[2]) };
    let x = new.reshape(x, &[rows, shape[0] * inner].into());
    let mut parts = SmallVec::<[u32; 3]>::new();
    for block in 0..shape[0] {
        let range = block * inner..(block + 1) * inner;
        let part = op_node(Op::Slice(Slice { axis: 1, range }), [x], [rows, inner]);
        let matrix = Op::Slice(Slice { axis: 0, range: block..block + 1 });
        let matrix = op_node(matrix, [w], shape.with(0, 1));
        let (part, matrix) = (new.push(part), new.push(matrix));
        let matrix = new.reshape(matrix, &[shape[1], shape[2]].into());
        let product = Op::MatMul(MatMul(Transpose { left: false, right: transposed }));
        parts.push(new.push(op_node(product, [part, matrix], [rows, columns])));
    }
    let join = op_node(Op::Concat(Concat { axis: 1 }), parts, [rows, shape[0] * columns]);
    new.push(join)
}
