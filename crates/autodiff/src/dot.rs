//! Drawing a tape with Graphviz.

use std::fmt;

use bptt_tensor::Scalar;

use crate::Tape;
use crate::operation::Op;

/// The graph of a tape in Graphviz's language; made by [`Tape::dot`].
pub struct Dot<'t, T>(&'t Tape<T>);

impl<T: Scalar> Tape<T> {
    /// The graph in Graphviz's language: a node for each value, with operation, shape and line, and
    /// an arrow from each input. Write it to a file and run `dot -Tsvg`.
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
        Dot(self)
    }
}

impl<T> fmt::Debug for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dot").field(self.0).finish()
    }
}

impl<T: Scalar> fmt::Display for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph tape {{")?;
        for (id, node) in self.0.nodes().iter().enumerate() {
            let (name, shape) = (escaped(node.op.name()), node.value.shape());
            let outline = if matches!(node.op, Op::Leaf(_)) { "box" } else { "ellipse" };
            let (file, line) = (escaped(node.location.file()), node.location.line());
            writeln!(f, "  n{id} [label=\"{name} {shape}\\n{file}:{line}\", shape={outline}];")?;
            for input in &node.inputs {
                writeln!(f, "  n{input} -> n{id};")?;
            }
        }
        writeln!(f, "}}")
    }
}

/// As it stands between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
