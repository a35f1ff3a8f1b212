//! Drawing a tape with Graphviz.

use std::collections::HashMap;
use std::fmt;

use bptt_tensor::Scalar;

use super::graph::Tape;
use super::operation::{Leaf, Op};
use super::param::{Param, ParamId};

/// The graph of a tape in Graphviz's language. [`Tape::dot`] creates it.
pub struct Dot<'t, T> {
    tape: &'t Tape<T>,
    names: HashMap<ParamId, String>,
}

impl<T: Scalar> Tape<T> {
    /// The graph in Graphviz's language. Each value is a node with its operation, shape and line, and with its time
    /// step within a loop. Each input is an arrow. Write the text to a file and run `dot -Tsvg`.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::scalar(2.0));
    /// let _ = x.tanh();
    /// let drawing = tape.dot().to_string();
    /// assert!(drawing.contains("n1 [label=\"tanh []"));
    /// assert!(drawing.contains("n0 -> n1;"));
    /// ```
    #[must_use]
    pub fn dot(&self) -> Dot<'_, T> {
        Dot { tape: self, names: HashMap::new() }
    }
}

impl<T: Scalar> Dot<'_, T> {
    /// Names parameters in the drawing, for instance by a model's `parameters()`.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w = Param::new(Tensor::scalar(2.0));
    /// let tape = Tape::new();
    /// let _ = tape.param(&w).tanh();
    /// let drawing = tape.dot().named([("layer.w", &w)]).to_string();
    /// assert!(drawing.contains("n0 [label=\"layer.w []"));
    /// ```
    #[must_use]
    pub fn named<'p, N: Into<String>>(
        mut self,
        parameters: impl IntoIterator<Item = (N, &'p Param<T>)>,
    ) -> Self {
        let parameters = parameters.into_iter().map(|(name, param)| (param.id(), name.into()));
        self.names.extend(parameters.filter(|(_, name)| !name.is_empty()));
        self
    }

    fn name<'a>(&'a self, op: &'a Op<T>) -> &'a str {
        match op {
            Op::Leaf(Leaf::Param(id)) => self.names.get(id).map_or(op.name(), String::as_str),
            _ => op.name(),
        }
    }
}

impl<T> fmt::Debug for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dot").field("tape", self.tape).field("names", &self.names).finish()
    }
}

impl<T: Scalar> fmt::Display for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph tape {{")?;
        for (id, node) in self.tape.nodes().iter().enumerate() {
            let (name, shape) = (escaped(self.name(&node.op)), node.value.shape());
            let outline = if matches!(node.op, Op::Leaf(_)) { "box" } else { "ellipse" };
            let (file, line) = (escaped(node.origin.location.file()), node.origin.location.line());
            let step = node.origin.step.map_or(String::new(), |step| format!("\\nstep {step}"));
            writeln!(
                f,
                "  n{id} [label=\"{name} {shape}\\n{file}:{line}{step}\", shape={outline}];"
            )?;
            for input in &node.inputs {
                writeln!(f, "  n{input} -> n{id};")?;
            }
        }
        writeln!(f, "}}")
    }
}

/// Escapes text for a quoted string.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
