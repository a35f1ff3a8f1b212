//! A lowered step as text: its instructions by stages, with the names of buffers.

use std::fmt;

use bptt_tensor::Scalar;
use bptt_tensor::rows::{
    Accumulate, Array, Instruction, Lifetime, MulKind, Phase, Role, RowOp, Sum, View,
};

use crate::scan::lower::lowered::{InputSlot, Lowered, OutputSlot};

impl<T: Scalar> fmt::Display for Lowered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::of(self);
        let program = &self.program;
        let stages = [
            ("before the loop, all steps at once", &program.before),
            ("each step", &program.step),
            ("after the loop, all steps at once", &program.after),
        ];
        for (title, instructions) in stages {
            if instructions.is_empty() {
                continue;
            }
            writeln!(f, "{title}:")?;
            for instruction in instructions {
                names.instruction(f, instruction)?;
            }
        }
        let mut titled = false;
        for sum in &program.sums {
            if let Sum::Products { left, right, total, inner_rows } = *sum {
                if !titled {
                    writeln!(f, "summed over all steps:")?;
                    titled = true;
                }
                let (left, right) = (names.view(left), names.view(right));
                let matrices = of_inner_rows(inner_rows);
                writeln!(f, "  {} += {left}ᵀ · {right}{matrices}", names.buffers[total])?;
            }
        }
        Ok(())
    }
}

/// What a product says of the matrices that rows hold.
fn of_inner_rows(inner_rows: usize) -> String {
    if inner_rows == 1 { String::new() } else { format!(", {inner_rows} rows each") }
}

/// The names of buffers and packed matrices.
struct Names {
    buffers: Vec<String>,
    widths: Vec<usize>,
    packs: Vec<String>,
}

impl Names {
    fn of<T>(lowered: &Lowered<T>) -> Self {
        let (mut inputs, mut outputs) = (lowered.inputs.iter(), lowered.outputs.iter());
        let mut counts = [0; 4];
        let mut internal = |letter: char, kind: usize| {
            counts[kind] += 1;
            format!("{letter}{}", counts[kind] - 1)
        };
        let buffers = &lowered.program.buffers;
        let name = |buffer: &bptt_tensor::rows::Buffer| match (buffer.role, buffer.lifetime) {
            (Role::Input, _) => match inputs.next() {
                Some(InputSlot::Sequence(i)) => format!("x{i}"),
                Some(InputSlot::Initial(j)) => format!("s{j}"),
                Some(InputSlot::Invariant(i)) => format!("w{i}"),
                None => unreachable!("an input slot for each input"),
            },
            (Role::Output, _) => match outputs.next() {
                Some(OutputSlot::Stacked(k)) => format!("y{k}"),
                Some(OutputSlot::Final(j)) => format!("last{j}"),
                Some(OutputSlot::Sum(k)) => format!("sum{k}"),
                None => unreachable!("an output slot for each output"),
            },
            (Role::Internal, Lifetime::Step | Lifetime::Piece) => internal('t', 0),
            (Role::Internal, Lifetime::Pair) => internal('c', 1),
            (Role::Internal, Lifetime::Block | Lifetime::Chunk) => internal('r', 3),
            (Role::Internal, Lifetime::Partial) => String::new(), // named after the sum
            (Role::Internal, _) => internal('z', 2),
            (Role::Constant(value), _) => format!("{value}"),
        };
        let transposed = |&(weight, transposed): &(usize, bool)| {
            format!("w{weight}{}", if transposed { "ᵀ" } else { "" })
        };
        let mut names: Vec<String> = buffers.iter().map(name).collect();
        for sum in &lowered.program.sums {
            if let Sum::Partials { partials, total } = *sum {
                names[partials] = names[total].clone();
            }
        }
        Self {
            buffers: names,
            widths: buffers.iter().map(|buffer| buffer.width).collect(),
            packs: lowered.packs.iter().map(transposed).collect(),
        }
    }

    fn view(&self, view: View) -> String {
        let mut text = self.buffers[view.buffer].clone();
        match view.delay {
            Some(delay) if delay.ahead => text.push_str("(next)"),
            Some(_) => text.push_str("(before)"),
            None => {}
        }
        if view.width != self.widths[view.buffer] {
            text.push_str(&format!("[{}..{}]", view.column, view.column + view.width));
        }
        text
    }

    /// The name of an array. In a phase of several axes, the letters of those along which it is not broadcast follow,
    /// in the order in which they lie in memory.
    fn array<T>(&self, phase: &Phase<T>, Array { view, strides }: &Array) -> String {
        let name = self.view(*view);
        let mut axes: Vec<usize> = (0..strides.len()).filter(|&axis| strides[axis] > 0).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
        if axes.is_empty() || phase.axes.len() == 1 || axes.iter().copied().eq(0..strides.len()) {
            return name;
        }
        let letters: String = axes.into_iter().map(|axis| char::from(b'i' + axis as u8)).collect();
        format!("{name}({letters})")
    }

    fn instruction<T>(
        &self,
        f: &mut fmt::Formatter<'_>,
        instruction: &Instruction<T>,
    ) -> fmt::Result {
        match instruction {
            Instruction::MatMul { left, right, accumulate, output, inner_rows } => {
                let (output, left) = (self.view(*output), self.view(*left));
                let right = &self.packs[*right];
                let added = match accumulate {
                    Accumulate::Zero => String::new(),
                    Accumulate::Rows(rows) => format!("{} + ", self.view(*rows)),
                };
                let matrices = of_inner_rows(*inner_rows);
                writeln!(f, "  {output} = {added}{left} · {right}{matrices}")
            }
            Instruction::Apply { name, inputs, output, .. } => {
                let inputs: Vec<String> = inputs.iter().map(|&input| self.view(input)).collect();
                writeln!(f, "  {} = {name} {}", self.view(*output), inputs.join(" "))
            }
            Instruction::Fused(phases) => {
                for (place, phase) in phases.iter().enumerate() {
                    let title = if place == 0 { "fused" } else { "then" };
                    let axes: Vec<String> = phase.axes.iter().map(usize::to_string).collect();
                    writeln!(f, "  {title}, {} columns:", axes.join(" × "))?;
                    for op in &phase.ops {
                        writeln!(f, "    {}", self.op(phase, op))?;
                    }
                }
                Ok(())
            }
        }
    }

    fn op<T>(&self, phase: &Phase<T>, op: &RowOp<T>) -> String {
        let array = |array: usize| self.array(phase, &phase.arrays[array]);
        let times = |product: MulKind, [a, b]: [usize; 2]| match product {
            MulKind::Plain => format!("{} · {}", array(a), array(b)),
            MulKind::Chain => format!("{} ⊗ {}", array(a), array(b)),
        };
        match *op {
            RowOp::Unary(function, x, y) => {
                format!("{} = {function} {}", array(y), array(x))
            }
            RowOp::Binary(function, [a, b], y) => {
                format!("{} = {} {} {}", array(y), function.name(), array(a), array(b))
            }
            RowOp::MulAdd(product, [a, b, c], y) => {
                format!("{} = {} + {}", array(y), times(product, [a, b]), array(c))
            }
            RowOp::MulMulAdd(product, [a, b, c, d], y) => {
                let (first, second) = (times(product, [a, b]), times(product, [c, d]));
                format!("{} = {first} + {second}", array(y))
            }
            RowOp::Select([c, a, b], y) => {
                format!("{} = select {} {} {}", array(y), array(c), array(a), array(b))
            }
            RowOp::Call(name, _, ref sources, y) => {
                let sources: Vec<String> = sources.iter().map(|&x| array(x)).collect();
                format!("{} = {name} {}", array(y), sources.join(" "))
            }
            RowOp::Reduce(reduction, x, y) => {
                format!("{} = {} {}", array(y), reduction.name(), array(x))
            }
            RowOp::Dot(product, factors, y) => {
                format!("{} = sum of {}", array(y), times(product, factors))
            }
            RowOp::AddRows(x, y) => format!("{} += {}", array(y), array(x)),
            RowOp::AddProducts(product, factors, y) => {
                format!("{} += {}", array(y), times(product, factors))
            }
        }
    }
}
