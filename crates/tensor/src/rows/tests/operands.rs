//! Every kind of operand in every position of every function.

use super::*;

const ROWS: usize = 3;

/// The kinds of operands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// All columns of a buffer.
    Whole,
    /// Columns of a wider buffer.
    Part,
    /// One row, shared by all rows.
    Row,
    /// A column of a wider buffer.
    Column,
    Number,
}

const KINDS: [Kind; 5] = [Kind::Whole, Kind::Part, Kind::Row, Kind::Column, Kind::Number];

const NUMBER: f64 = -0.75;

/// A program of one phase over operands of these kinds, and its inputs.
struct Case {
    width: usize,
    kinds: Vec<Kind>,
    /// The inputs for all operands but numbers, in order.
    inputs: Vec<Tensor<f64>>,
}

impl Case {
    fn new(width: usize, kinds: &[Kind]) -> Self {
        let input = |(place, kind): (usize, &Kind)| {
            let shape: &[usize] = match kind {
                Kind::Whole => &[1, ROWS, width],
                Kind::Part | Kind::Column => &[1, ROWS, width + 3],
                Kind::Row => &[width],
                Kind::Number => return None,
            };
            // some values are zero, for selections
            let value = |i: usize| ((7 * i + 3 * place) % 5) as f64 - 2.0;
            Some(Tensor::from_fn(shape, value))
        };
        let inputs = kinds.iter().enumerate().filter_map(input).collect();
        Self { width, kinds: kinds.to_vec(), inputs }
    }

    /// Replaces some inputs with infinities, and puts zeros opposite them. All infinities of a sum
    /// have one sign.
    fn with_infinities(self) -> Self {
        self.with_infinities_in(0)
    }

    /// [`with_infinities`](Self::with_infinities), in the input at this place.
    fn with_infinities_in(mut self, infinite: usize) -> Self {
        for (place, input) in self.inputs.iter_mut().enumerate() {
            let is_infinite = place == infinite;
            *input =
                input.map(move |x| if x == 2.0 && is_infinite { f64::INFINITY } else { x.abs() });
        }
        self
    }

    /// The element of operand `place` at a row and a column.
    fn at(&self, place: usize, row: usize, column: usize) -> f64 {
        let input = self.kinds[..place].iter().filter(|kind| **kind != Kind::Number).count();
        match self.kinds[place] {
            Kind::Whole => self.inputs[input].as_slice()[row * self.width + column],
            Kind::Part => self.inputs[input].as_slice()[row * (self.width + 3) + 1 + column],
            Kind::Row => self.inputs[input].as_slice()[column],
            Kind::Column => self.inputs[input].as_slice()[row * (self.width + 3) + 2],
            Kind::Number => NUMBER,
        }
    }

    /// Runs an operation that reads arrays 0, 1, .. and writes the next one, of shape `of`. A
    /// result of one row is a total of partial sums.
    fn run(&self, op: RowOp<f64>, of: [usize; 2]) -> Vec<f64> {
        let [rows, width] = of;
        let mut program = RowProgram::default();
        let mut arrays = Vec::new();
        for kind in &self.kinds {
            let (lifetime, role, column, own) = match kind {
                Kind::Whole => (Lifetime::Sequence, Role::Input, 0, self.width),
                Kind::Part => (Lifetime::Sequence, Role::Input, 1, self.width),
                Kind::Row => (Lifetime::Row, Role::Input, 0, self.width),
                Kind::Column => (Lifetime::Sequence, Role::Input, 2, 1),
                Kind::Number => (Lifetime::Row, Role::Constant(NUMBER), 0, 1),
            };
            let is_part = matches!(kind, Kind::Part | Kind::Column);
            let all = if is_part { self.width + 3 } else { own };
            arrays.push(View { buffer: program.buffers.len(), column, width: own, delay: None });
            program.buffers.push(Buffer { lifetime, width: all, role });
        }
        let output = View { buffer: program.buffers.len(), column: 0, width, delay: None };
        let phase = phase(self.width, arrays, vec![op]);
        let stage = |phase| vec![Instruction::Fused(vec![phase])];
        if rows == 1 {
            let partials = View { buffer: output.buffer + 1, ..output };
            let lifetime = Lifetime::Total;
            program.buffers.push(Buffer { lifetime, width, role: Role::Output });
            let lifetime = Lifetime::Partial;
            program.buffers.push(Buffer { lifetime, width, role: Role::Internal });
            program.sums = vec![Sum::Partials { partials: partials.buffer, total: output.buffer }];
            program.after = stage(with_target(phase, partials));
        } else {
            let lifetime = Lifetime::Sequence;
            program.buffers.push(Buffer { lifetime, width, role: Role::Output });
            program.step = stage(with_target(phase, output));
        }
        let mut found = vec![f64::NAN; rows * width];
        let sizes = Sizes { steps: 1, rows: ROWS, segment: 1, reversed: false };
        let inputs: Vec<&Tensor<f64>> = self.inputs.iter().collect();
        program.run(sizes, &[], &inputs, &mut [&mut found]);
        found
    }

    fn assert_pointwise(&self, op: &RowOp<f64>, f: impl Fn(&[f64]) -> f64) {
        let found = self.run(op.clone(), [ROWS, self.width]);
        for (i, found) in found.into_iter().enumerate() {
            let (row, column) = (i / self.width, i % self.width);
            let operands: Vec<f64> =
                (0..self.kinds.len()).map(|place| self.at(place, row, column)).collect();
            let expected = f(&operands);
            assert!(found == expected, "{op:?} of {:?}: {found}, not {expected}", self.kinds);
        }
    }
}

fn with_target(mut phase: Phase<f64>, target: View) -> Phase<f64> {
    let columns = phase.width();
    phase.arrays.push(Array::of_columns(target, columns));
    phase
}

/// The product of the chain rule.
fn chained(x: f64, y: f64) -> f64 {
    if x == 0.0 || y == 0.0 { 0.0 } else { x * y }
}

#[test]
fn functions_read_every_kind_of_operand() {
    let widths: &[usize] = if cfg!(miri) { &[5] } else { &[1, 5, 21] }; // Miri takes minutes
    for &width in widths {
        for a in KINDS {
            let case = Case::new(width, &[a]);
            case.assert_pointwise(&RowOp::Unary(Unary::Neg, 0, 1), |x| -x[0]);
            for b in KINDS {
                let case = Case::new(width, &[a, b]);
                case.assert_pointwise(&RowOp::Binary(Binary::Sub, [0, 1], 2), |x| x[0] - x[1]);
                for c in KINDS {
                    let case = Case::new(width, &[a, b, c]);
                    case.assert_pointwise(&RowOp::MulAdd(MulKind::Plain, [0, 1, 2], 3), |x| {
                        x[0] * x[1] + x[2]
                    });
                    case.assert_pointwise(&RowOp::Select([0, 1, 2], 3), |x| {
                        if x[0] == 0.0 { x[2] } else { x[1] }
                    });
                    let case = case.with_infinities();
                    case.assert_pointwise(&RowOp::MulAdd(MulKind::Chain, [0, 1, 2], 3), |x| {
                        chained(x[0], x[1]) + x[2]
                    });
                    for d in KINDS {
                        let case = Case::new(width, &[a, b, c, d]);
                        let op = |kind| RowOp::MulMulAdd(kind, [0, 1, 2, 3], 4);
                        case.assert_pointwise(&op(MulKind::Plain), |x| x[0] * x[1] + x[2] * x[3]);
                        for infinite in [0, 2] {
                            let case = Case::new(width, &[a, b, c, d]).with_infinities_in(infinite);
                            case.assert_pointwise(&op(MulKind::Chain), |x| {
                                chained(x[0], x[1]) + chained(x[2], x[3])
                            });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn kernels_read_every_kind_of_operand() {
    let kernel = Kernel::new(|x: &[&[f64]], y: &mut [f64]| {
        for ((y, a), b) in y.iter_mut().zip(x[0]).zip(x[1]) {
            *y = a - b;
        }
    });
    let widths: &[usize] = if cfg!(miri) { &[1, 21] } else { &[1, 5, 21, 1500] };
    for &width in widths {
        for (a, b) in KINDS.into_iter().flat_map(|a| KINDS.map(|b| (a, b))) {
            let call = RowOp::Call("sub", kernel.clone(), [0, 1].into(), 2);
            Case::new(width, &[a, b]).assert_pointwise(&call, |x| x[0] - x[1]);
        }
    }
}

#[test]
fn rows_of_every_kind_are_summed() {
    let wide = [Kind::Whole, Kind::Part, Kind::Row];
    let widths: &[usize] = if cfg!(miri) { &[21] } else { &[2, 21, 90] };
    for &width in widths {
        for (a, b) in wide.into_iter().flat_map(|a| wide.map(|b| (a, b))) {
            let plain = Case::new(width, &[a, b]);
            let chain = Case::new(width, &[a, b]).with_infinities();
            for (case, kind) in [(plain, MulKind::Plain), (chain, MulKind::Chain)] {
                let product = |row: usize, column: usize| {
                    let [x, y] = [0, 1].map(|place| case.at(place, row, column));
                    if kind == MulKind::Plain { x * y } else { chained(x, y) }
                };
                let of_row: Vec<f64> = (0..ROWS)
                    .map(|row| (0..width).map(|column| product(row, column)).sum())
                    .collect();
                assert_eq!(case.run(RowOp::Dot(kind, [0, 1], 2), [ROWS, 1]), of_row);
                let of_rows: Vec<f64> = (0..width)
                    .map(|column| (0..ROWS).map(|row| product(row, column)).sum())
                    .collect();
                assert_eq!(case.run(RowOp::AddProducts(kind, [0, 1], 2), [1, width]), of_rows);
            }
        }
    }
}
