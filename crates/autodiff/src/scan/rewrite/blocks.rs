//! A product with a matrix for each block of columns, as of heads, becomes a product for each block.
//! The matrices are the same for all rows of the batch. Two forms are known, with `x: [B, E, K]` and
//! `w: [E, K, N]`: the blocks come first, `x.permute(&[1, 0, 2]).matmul(w)`, or the matrices are
//! broadcast over the batch.

use bptt_tensor::{Scalar, Transpose};
use smallvec::SmallVec;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Program, op_node};
use crate::tape::Op;
use crate::tape::primitive::{BroadcastTo, Concat, MatMul, Permute, Slice};

/// The order of axes that exchanges the batch and the blocks. It is its own inverse.
const BLOCKS_FIRST: [usize; 3] = [1, 0, 2];

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
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
                if let Some(x) = exchanged(new, a).filter(|_| !transpose.left) {
                    let by_blocks = by_blocks(new, transpose.right, x, b);
                    let product = new.reshape(by_blocks, &[shape[1], shape[0], shape[2]].into());
                    let order = Op::Permute(Permute(BLOCKS_FIRST.into()));
                    return new.push(op_node(order, [product], shape.clone()));
                }
                if let Some(w) = shared(new, *transpose, a, b) {
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

/// The matrices `w: [E, K, N]` of a product of vectors with `b: [B, .., K, N]`, if `b` is `w`
/// broadcast over the batch.
fn shared<T: Scalar>(new: &mut Program<T>, transpose: Transpose, a: u32, b: u32) -> Option<u32> {
    let (shape, last) = (new.shape(b).clone(), new.shape(b).len() - 1);
    let is_vector = new.shape(a)[if transpose.left { last } else { last - 1 }] == 1;
    let Some(Op::BroadcastTo(BroadcastTo(_))) = new.op(b) else { return None };
    let w = new.node(b).inputs[0];
    let blocks: usize = shape[1..last - 1].iter().product();
    let is_shared = new.shape(w).elements() == blocks * shape[last - 1] * shape[last];
    if !(is_vector && is_shared) {
        return None;
    }
    Some(new.reshape(w, &[blocks, shape[last - 1], shape[last]].into()))
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
