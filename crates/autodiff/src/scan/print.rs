//! A plan as text: what leaves the loop, what stays in it, and where every value lies.

use std::fmt;

use bptt_tensor::Scalar;
use bptt_tensor::rows::{Code, Instruction, Onto, Pointwise, Role, Source, Span, Target, View};

use super::compiled::{Compiled, Plan};
use super::lower::{Feed, Lowered, Sink};
use super::reverse::StateBefore;

impl<T: Scalar> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lowered() {
            Ok(lowered) => lowered.fmt(f),
            Err(reason) => writeln!(f, "operation by operation, because of {}", reason.0),
        }
    }
}

impl<T: Scalar> fmt::Display for Compiled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "forward\n{}", self.saving())?;
        let all = self.all_wanted();
        write!(f, "reverse\n{}", self.reverse(&all, StateBefore::Shifted).step.plain())
    }
}

impl fmt::Display for Lowered {
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
        if !program.sums.is_empty() {
            writeln!(f, "summed over all steps:")?;
        }
        for sum in &program.sums {
            let (total, right) = (&names.buffers[sum.total], names.view(sum.right));
            match sum.left {
                Some(left) => writeln!(f, "  {total} += {}ᵀ · {right}", names.view(left))?,
                None => writeln!(f, "  {total} += {right}")?,
            }
        }
        Ok(())
    }
}

/// What buffers and packed matrices are called.
struct Names {
    buffers: Vec<String>,
    widths: Vec<usize>,
    packs: Vec<String>,
}

impl Names {
    fn of(lowered: &Lowered) -> Self {
        let (mut inputs, mut outputs) = (lowered.inputs.iter(), lowered.outputs.iter());
        let mut counts = [0; 3];
        let mut internal = |letter: char, kind: usize| {
            counts[kind] += 1;
            format!("{letter}{}", counts[kind] - 1)
        };
        let buffers = &lowered.program.buffers;
        let name = |buffer: &bptt_tensor::rows::Buffer| match (buffer.role, buffer.span) {
            (Role::Input, _) => match inputs.next() {
                Some(Feed::Sequence(i)) => format!("x{i}"),
                Some(Feed::Initial(j)) => format!("s{j}"),
                Some(Feed::Invariant(i)) => format!("w{i}"),
                None => unreachable!("a feed for each input"),
            },
            (Role::Output, _) => match outputs.next() {
                Some(Sink::Stacked(k)) => format!("y{k}"),
                Some(Sink::Final(j)) => format!("last{j}"),
                Some(Sink::Sum(k)) => format!("sum{k}"),
                None => unreachable!("a sink for each output"),
            },
            (Role::Internal, Span::Step | Span::Piece) => internal('t', 0),
            (Role::Internal, Span::Pair) => internal('c', 1),
            (Role::Internal, _) => internal('z', 2),
        };
        let transposed = |&(weight, transposed): &(usize, bool)| {
            format!("w{weight}{}", if transposed { "ᵀ" } else { "" })
        };
        Self {
            buffers: buffers.iter().map(name).collect(),
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

    fn instruction(&self, f: &mut fmt::Formatter<'_>, instruction: &Instruction) -> fmt::Result {
        match instruction {
            Instruction::Product { left, right, onto, output } => {
                let (output, left) = (self.view(*output), self.view(*left));
                let right = &self.packs[*right];
                match onto {
                    Onto::Zero => writeln!(f, "  {output} = {left} · {right}"),
                    Onto::Rows(rows) => {
                        writeln!(f, "  {output} = {} + {left} · {right}", self.view(*rows))
                    }
                }
            }
            Instruction::SumRow { input, output } => {
                writeln!(f, "  {} = sum {}", self.view(*output), self.view(*input))
            }
            Instruction::Pointwise(pointwise) => {
                writeln!(f, "  fused, {} columns:", pointwise.width)?;
                for code in &pointwise.code {
                    writeln!(f, "    {}", self.code(pointwise, code))?;
                }
                Ok(())
            }
        }
    }

    fn code(&self, pointwise: &Pointwise, code: &Code) -> String {
        let source = |source: Source| match source {
            Source::Register(register) => format!("r{register}"),
            Source::Array(array) => self.view(pointwise.arrays[array]),
            Source::Literal(value) => format!("{value}"),
        };
        let target = |target: Target| match target {
            Target::Register(register) => format!("r{register}"),
            Target::Array(array) => self.view(pointwise.arrays[array]),
        };
        match *code {
            Code::Unary(function, x, y) => {
                format!("{} = {} {}", target(y), function.name(), source(x))
            }
            Code::Binary(function, [a, b], y) => {
                format!("{} = {} {} {}", target(y), function.name(), source(a), source(b))
            }
            Code::Select([c, a, b], y) => {
                format!("{} = select {} {} {}", target(y), source(c), source(a), source(b))
            }
        }
    }
}
