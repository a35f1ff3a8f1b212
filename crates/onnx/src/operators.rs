//! The form of each operation in ONNX (operator set 18).

use bptt_autodiff::{GraphNode, Operator};
use bptt_tensor::{Binary, Transpose, Unary};

use crate::emitter::Emitter;
use crate::error::ExportError;
use crate::proto::{Attribute, BOOL, FLOAT};

impl Emitter<'_, '_> {
    /// Emits an operation on inputs of these names and shapes. Returns the name of its value.
    pub(crate) fn operator(
        &mut self,
        node: &GraphNode<f32>,
        inputs: &[String],
        shapes: &[&[usize]],
    ) -> Result<String, ExportError> {
        let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let x = names[0];
        Ok(match &node.operator {
            Operator::Unary(function) => return self.unary(*function, x),
            Operator::Binary(function) => return self.binary(*function, x, names[1]),
            Operator::Select if names[1] == names[2] => names[1].to_owned(),
            Operator::Select => {
                let condition = self.node("Cast", &[x], Attribute::to(BOOL));
                self.node("Where", &[&condition, names[1], names[2]], Vec::new())
            }
            Operator::MatMul(Transpose { left, right }) => {
                let left = self.transposed(x, shapes[0], *left);
                let right = self.transposed(names[1], shapes[1], *right);
                self.node("MatMul", &[&left, &right], Vec::new())
            }
            Operator::Sum { axes, keep } => self.reduce("ReduceSum", x, axes, *keep),
            Operator::Norm { axes, .. } if axes.is_empty() => self.node("Abs", &[x], Vec::new()),
            Operator::Norm { axes, keep } => self.reduce("ReduceL2", x, axes, *keep),
            Operator::Max(axes) => self.reduce("ReduceMax", x, axes, false),
            Operator::Min(axes) => self.reduce("ReduceMin", x, axes, false),
            Operator::LogSumExp(axis) => self.reduce("ReduceLogSumExp", x, &[*axis], false),
            Operator::Softmax(axis) => self.node("Softmax", &[x], axis_attribute(*axis)),
            Operator::LogSoftmax(axis) => self.node("LogSoftmax", &[x], axis_attribute(*axis)),
            Operator::Concat(axis) => self.node("Concat", &names, axis_attribute(*axis)),
            Operator::Reshape if shapes[0] == &node.shape[..] => x.to_owned(),
            Operator::Reshape => return self.reshape(x, &node.shape),
            Operator::Permute(order) => self.permute(x, order),
            Operator::Broadcast => {
                let shape = self.broadcast_operand(shapes[0], &node.shape)?;
                self.node("Expand", &[x, &shape], Vec::new())
            }
            Operator::SumTo => {
                let axes = stretched(&node.shape, shapes[0]);
                let sum = if axes.is_empty() {
                    x.to_owned()
                } else {
                    self.reduce("ReduceSum", x, &axes, true)
                };
                return self.reshape(&sum, &node.shape);
            }
            Operator::Slice { axis, start, end } => {
                let bounds = [*start, *end].map(|place| self.bound(place, shapes[0][*axis]));
                self.slice(x, *axis, bounds, 1)
            }
            Operator::GatherRows(indices) => return self.gather_rows(x, indices, shapes[0][0]),
            Operator::CumSum { axis, is_reversed } => {
                let axis = self.shared.integer(*axis as i64);
                let reverse = Attribute::int("reverse", i64::from(*is_reversed));
                self.node("CumSum", &[x, &axis], vec![reverse])
            }
            _ => return Err(self.unsupported()),
        })
    }

    fn unary(&mut self, function: Unary, x: &str) -> Result<String, ExportError> {
        let op_type = match function {
            Unary::Identity => return Ok(x.to_owned()),
            Unary::Neg => "Neg",
            Unary::Abs => "Abs",
            Unary::Sign => "Sign",
            Unary::Floor => "Floor",
            Unary::Ceil => "Ceil",
            Unary::Round => "Round",
            Unary::Sqrt => "Sqrt",
            Unary::Recip => "Reciprocal",
            Unary::Exp => "Exp",
            Unary::Ln => "Log",
            Unary::Sin => "Sin",
            Unary::Cos => "Cos",
            Unary::Tanh => "Tanh",
            Unary::Erf => "Erf",
            Unary::Sigmoid => "Sigmoid",
            Unary::Relu => "Relu",
            Unary::Softplus => "Softplus",
            Unary::Square => return Ok(self.node("Mul", &[x, x], Vec::new())),
            Unary::Clamp { low, high } => {
                let [low, high] = [low, high].map(|bound| self.literal(bound));
                return Ok(self.node("Clip", &[x, &low, &high], Vec::new()));
            }
            Unary::Expm1 => return Ok(self.expm1(x)),
            Unary::Log1p => return Ok(self.log1p(x)),
            Unary::LogSigmoid => {
                let minus = self.node("Neg", &[x], Vec::new());
                let softplus = self.node("Softplus", &[&minus], Vec::new());
                return Ok(self.node("Neg", &[&softplus], Vec::new()));
            }
            Unary::Powf(exponent) => {
                let exponent = self.literal(exponent);
                return Ok(self.node("Pow", &[x, &exponent], Vec::new()));
            }
            _ => return Err(self.unsupported()),
        };
        Ok(self.node(op_type, &[x], Vec::new()))
    }

    fn binary(&mut self, function: Binary, x: &str, y: &str) -> Result<String, ExportError> {
        let op_type = match function {
            Binary::Add => "Add",
            Binary::Sub => "Sub",
            Binary::Mul => "Mul",
            Binary::Div => "Div",
            Binary::Pow => "Pow",
            Binary::Maximum => "Max",
            Binary::Minimum => "Min",
            Binary::Greater => return Ok(self.compare("Greater", x, y, false)),
            Binary::GreaterEqual => return Ok(self.compare("GreaterOrEqual", x, y, false)),
            Binary::Less => return Ok(self.compare("Less", x, y, false)),
            Binary::LessEqual => return Ok(self.compare("LessOrEqual", x, y, false)),
            Binary::Equal => return Ok(self.compare("Equal", x, y, false)),
            Binary::NotEqual => return Ok(self.compare("Equal", x, y, true)),
            Binary::Rem => return Ok(self.remainder(x, y)),
            Binary::ChainMul => {
                let is_zero = self.either_is_zero(x, y);
                let product = self.node("Mul", &[x, y], Vec::new());
                return Ok(self.zero_where(&is_zero, &product));
            }
            Binary::ChainDiv => {
                let zero = self.literal(0.0);
                let is_zero = self.node("Equal", &[x, &zero], Vec::new());
                let is_infinite = self.node("IsInf", &[y], Vec::new());
                let is_zero = self.node("Or", &[&is_zero, &is_infinite], Vec::new());
                let quotient = self.node("Div", &[x, y], Vec::new());
                return Ok(self.zero_where(&is_zero, &quotient));
            }
            Binary::TanhVjp => {
                let one = self.literal(1.0);
                let square = self.node("Mul", &[y, y], Vec::new());
                let slope = self.node("Sub", &[&one, &square], Vec::new());
                return self.binary(Binary::ChainMul, x, &slope);
            }
            _ => return Err(self.unsupported()),
        };
        Ok(self.node(op_type, &[x, y], Vec::new()))
    }

    /// `eˣ − 1 = tanh(x/2) · (eˣ + 1)`, which loses no digits near 0.
    fn expm1(&mut self, x: &str) -> String {
        let [half, one] = [0.5, 1.0].map(|number| self.literal(number));
        let halved = self.node("Mul", &[x, &half], Vec::new());
        let tanh = self.node("Tanh", &[&halved], Vec::new());
        let exp = self.node("Exp", &[x], Vec::new());
        let sum = self.node("Add", &[&exp, &one], Vec::new());
        self.node("Mul", &[&tanh, &sum], Vec::new())
    }

    /// `ln(1 + x) = x ln(u) / (u − 1)` with the rounded sum `u = 1 + x`; `x` if `u = 1`, and `ln x` if `u = x`.
    fn log1p(&mut self, x: &str) -> String {
        let one = self.literal(1.0);
        let u = self.node("Add", &[x, &one], Vec::new());
        let log = self.node("Log", &[&u], Vec::new());
        let less = self.node("Sub", &[&u, &one], Vec::new());
        let factor = self.node("Div", &[x, &less], Vec::new());
        let scaled = self.node("Mul", &[&log, &factor], Vec::new());
        let is_small = self.node("Equal", &[&u, &one], Vec::new());
        let is_large = self.node("Equal", &[&u, x], Vec::new());
        let large = self.node("Where", &[&is_large, &log, &scaled], Vec::new());
        self.node("Where", &[&is_small, x, &large], Vec::new())
    }

    /// The remainder with the sign of the divisor, from the exact one with the sign of the dividend.
    fn remainder(&mut self, x: &str, y: &str) -> String {
        let zero = self.literal(0.0);
        let rest = self.node("Mod", &[x, y], vec![Attribute::int("fmod", 1)]);
        let [rest_is_below, y_is_below] =
            [&rest, y].map(|value| self.node("Less", &[value, &zero], Vec::new()));
        let differ = self.node("Xor", &[&rest_is_below, &y_is_below], Vec::new());
        let is_exact = self.node("Equal", &[&rest, &zero], Vec::new());
        let is_wrong = self.node("Not", &[&is_exact], Vec::new());
        let is_wrong = self.node("And", &[&differ, &is_wrong], Vec::new());
        let sum = self.node("Add", &[&rest, y], Vec::new());
        self.node("Where", &[&is_wrong, &sum, &rest], Vec::new())
    }

    fn either_is_zero(&mut self, x: &str, y: &str) -> String {
        let zero = self.literal(0.0);
        let [x, y] = [x, y].map(|operand| self.node("Equal", &[operand, &zero], Vec::new()));
        self.node("Or", &[&x, &y], Vec::new())
    }

    fn zero_where(&mut self, condition: &str, value: &str) -> String {
        let zero = self.literal(0.0);
        self.node("Where", &[condition, &zero, value], Vec::new())
    }

    /// A comparison as 0 or 1.
    fn compare(&mut self, op_type: &str, x: &str, y: &str, is_negated: bool) -> String {
        let mut holds = self.node(op_type, &[x, y], Vec::new());
        if is_negated {
            holds = self.node("Not", &[&holds], Vec::new());
        }
        self.node("Cast", &[&holds], Attribute::to(FLOAT))
    }

    fn reduce(&mut self, op_type: &str, x: &str, axes: &[usize], keep: bool) -> String {
        if axes.is_empty() {
            return x.to_owned(); // no axes would mean all of them
        }
        let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes = self.shared.integers(&axes);
        self.node(op_type, &[x, &axes], vec![Attribute::int("keepdims", i64::from(keep))])
    }

    fn permute(&mut self, x: &str, order: &[usize]) -> String {
        let order = order.iter().map(|&axis| axis as i64).collect();
        self.node("Transpose", &[x], vec![Attribute::ints("perm", order)])
    }

    /// Swaps the last two axes, if asked to.
    fn transposed(&mut self, x: &str, shape: &[usize], is_transposed: bool) -> String {
        if !is_transposed {
            return x.to_owned();
        }
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.swap(shape.len() - 1, shape.len() - 2);
        self.permute(x, &order)
    }

    fn slice(&mut self, x: &str, axis: usize, [start, end]: [i64; 2], step: i64) -> String {
        let operands = [start, end, axis as i64, step].map(|value| self.shared.integers(&[value]));
        let [start, end, axis, step] = operands.each_ref().map(String::as_str);
        self.node("Slice", &[x, start, end, axis, step], Vec::new())
    }

    /// A bound of a slice. On an open axis it is counted from the nearer end.
    fn bound(&self, place: usize, extent: usize) -> i64 {
        if place == extent {
            i64::MAX
        } else if self.product(extent).is_open() && place > extent / 2 {
            place as i64 - extent as i64
        } else {
            place as i64
        }
    }

    fn gather_rows(
        &mut self,
        x: &str,
        indices: &[usize],
        rows: usize,
    ) -> Result<String, ExportError> {
        let indices = if let Some(symbols) = self.shared.lookup(indices) {
            symbols
        } else if self.product(rows).is_open() || self.product(indices.len()).is_open() {
            let is_reversal = indices.len() == rows && indices.iter().rev().copied().eq(0..rows);
            return is_reversal
                .then(|| self.slice(x, 0, [-1, i64::MIN], -1))
                .ok_or_else(|| self.open_extent());
        } else {
            let indices: Vec<i64> = indices.iter().map(|&row| row as i64).collect();
            self.shared.integers(&indices)
        };
        Ok(self.node("Gather", &[x, &indices], axis_attribute(0)))
    }

    /// The operand of an expansion from one shape to another: 1 for axes that stay.
    fn broadcast_operand(&mut self, from: &[usize], to: &[usize]) -> Result<String, ExportError> {
        let added = to.len() - from.len();
        let stays = |axis: usize| axis >= added && from[axis - added] == to[axis];
        let shape: Vec<usize> =
            (0..to.len()).map(|axis| if stays(axis) { 1 } else { to[axis] }).collect();
        self.extents(&shape)
    }
}

/// The axes along which a broadcast stretches one shape to another.
fn stretched(from: &[usize], to: &[usize]) -> Vec<usize> {
    let added = to.len() - from.len();
    (0..to.len()).filter(|&axis| axis < added || from[axis - added] != to[axis]).collect()
}

fn axis_attribute(axis: usize) -> Vec<Attribute> {
    vec![Attribute::int("axis", axis as i64)]
}
