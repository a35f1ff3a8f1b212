//! Drawing a tape with Graphviz.

use std::collections::HashMap;
use std::fmt;

use bptt_tensor::Scalar;

use super::graph::{Node, Tape, Var};
use super::operation::{Leaf, Op};
use super::param::{Param, ParamId};
use crate::tree::Tree;

/// The graph of a tape in Graphviz's language. [`Tape::dot`] creates it.
pub struct Dot<'t, T> {
    tape: &'t Tape<T>,
    parameters: HashMap<ParamId, String>,
    values: HashMap<u32, String>,
    /// The pairs of a state's values after a step and before it.
    delayed: Vec<(u32, u32)>,
    has_lines: bool,
}

impl<T: Scalar> Tape<T> {
    /// Returns the graph in Graphviz's language. Each value is a node with its operation, shape and line, and each input is an
    /// arrow. The values of a time step stand in a frame; parameters and literals, which all steps share, stand outside.
    /// Write the text to a file and run `dot -Tsvg`.
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
        Dot {
            tape: self,
            parameters: HashMap::new(),
            values: HashMap::new(),
            delayed: Vec::new(),
            has_lines: true,
        }
    }
}

impl<'t, T: Scalar> Dot<'t, T> {
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
        self.parameters.extend(parameters.filter(|(_, name)| !name.is_empty()));
        self
    }

    /// Names values in the drawing: as `f = sigmoid [1, 4]`, and inputs by the name alone.
    #[must_use]
    pub fn values<N: Into<String>>(
        mut self,
        values: impl IntoIterator<Item = (N, Var<'t, T>)>,
    ) -> Self {
        self.values.extend(values.into_iter().map(|(name, value)| (value.id, name.into())));
        self
    }

    /// Folds a recurrence: a dashed arrow, marked `t − 1`, leads from each variable of the state after a step back to
    /// the same variable before it. A variable without a name before the step is named after the one that follows it: `h₋`
    /// for `h`.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let before = tape.constant(Tensor::scalar(2.0));
    /// let after = before.tanh();
    /// let drawing = tape.dot().folded(&before, &after).to_string();
    /// assert!(drawing.contains("n1 -> n0 [label=\"t − 1\", style=dashed"));
    /// ```
    #[must_use]
    pub fn folded<S: Tree<'t, T>>(mut self, before: &S, after: &S) -> Self {
        let pairs = after.leaves().into_iter().zip(before.leaves());
        self.delayed.extend(pairs.map(|(after, before)| (after.id, before.id)));
        self
    }

    /// Leaves out the file and line of each value.
    #[must_use]
    pub fn without_lines(self) -> Self {
        Self { has_lines: false, ..self }
    }

    /// Returns the name of a value. A state before a step has the name of the state after it with a minus: `h₋` for `h`.
    fn value_name(&self, id: u32) -> Option<String> {
        let given = |id: &u32| self.values.get(id).cloned();
        let after =
            || self.delayed.iter().find(|(_, before)| *before == id).map(|(after, _)| after);
        given(&id).or_else(|| given(after()?).map(|name| format!("{name}₋")))
    }

    /// Returns the text of a node, with line breaks.
    fn label(&self, id: u32, node: &Node<T>) -> String {
        let shape = node.value.shape();
        let name = match (&node.op, self.value_name(id)) {
            (Op::Leaf(Leaf::Param(param)), _) if self.parameters.contains_key(param) => {
                self.parameters[param].clone()
            }
            (Op::Leaf(Leaf::Scalar), _) => return node.value.item().to_string(),
            (Op::Leaf(_) | Op::Entry | Op::StepIndex, Some(name)) => name,
            (op, Some(name)) => format!("{name} = {}", op.name()),
            (op, None) => op.name().to_owned(),
        };
        let location = node.origin.location;
        if self.has_lines {
            format!("{name} {shape}\n{}:{}", location.file(), location.line())
        } else {
            format!("{name} {shape}")
        }
    }
}

impl<T> fmt::Debug for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dot")
            .field("tape", self.tape)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl<T: Scalar> fmt::Display for Dot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph tape {{")?;
        for (id, node) in (0..).zip(&*self.tape.nodes()) {
            let label = escaped(&self.label(id, node));
            let outline = match node.op {
                Op::Leaf(Leaf::Param(_)) => "box, style=filled, fillcolor=lightgrey",
                Op::Leaf(_) | Op::Entry | Op::StepIndex => "box",
                _ => "ellipse",
            };
            let declared = format!("n{id} [label=\"{label}\", shape={outline}];");
            match step_of(node) {
                // Graphviz joins frames of one name
                Some(step) => writeln!(
                    f,
                    "  subgraph cluster_{step} {{ label=\"step {step}\"; {declared} }}"
                )?,
                None => writeln!(f, "  {declared}")?,
            }
            for input in &node.inputs {
                writeln!(f, "  n{input} -> n{id};")?;
            }
        }
        for (after, before) in &self.delayed {
            writeln!(
                f,
                "  n{after} -> n{before} [label=\"t − 1\", style=dashed, constraint=false];"
            )?;
        }
        writeln!(f, "}}")
    }
}

/// Returns the step in whose frame a node stands.
fn step_of<T>(node: &Node<T>) -> Option<u32> {
    match node.op {
        Op::Leaf(Leaf::Param(_) | Leaf::Scalar) => None,
        _ => node.origin.step,
    }
}

/// Returns text with the escapes of a quoted string.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
