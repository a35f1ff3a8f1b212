//! Drawings of cells: the graph of a step, folded and unfolded.

mod layers;
mod parse;
mod sketch;
mod unfolded;

use bptt_autodiff::{Tape, Var};
use bptt_layers::{Cell, Module, StateSizes};
use bptt_tensor::{Scalar, Tensor};

use super::Picture;
use layers::layered;
use parse::Graph;
use unfolded::unfolded;

/// A drawing of a cell: of one step with its state led back, or of several steps.
///
/// Parameters and probes stand in it by their names. [`picture`](Self::picture) needs no other program;
/// [`dot`](Self::dot) is text for Graphviz.
///
/// ```
/// use bptt_analysis::plot::CellGraph;
/// use bptt_layers::Lstm;
///
/// let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
/// let folded = CellGraph::folded(&lstm, 3);
/// assert!(folded.dot().contains("f = sigmoid [1, 4]"));
/// let picture = folded.picture();
/// assert!(picture.svg().contains("w_hh [4, 16]"));
/// let unfolded = CellGraph::unfolded(&lstm, 3, 4).picture();
/// # assert!(unfolded.svg().contains("step 3"));
/// ```
#[derive(Clone, Debug)]
pub struct CellGraph {
    dot: String,
    picture: Picture,
}

impl CellGraph {
    /// Draws one step, for one input of `input_size` features. A dashed arrow, marked `t − 1`, leads from each variable of
    /// the state back to the next step.
    ///
    /// # Panics
    ///
    /// If the cell does not take such an input.
    #[must_use]
    #[track_caller]
    pub fn folded<T: Scalar, C>(cell: &C, input_size: usize) -> Self
    where
        C: Cell<T> + StateSizes + Module<T>,
    {
        let dot = folded(cell, input_size);
        let picture = Picture::new(layered(&Graph::parse(&dot)));
        Self { dot, picture }
    }

    /// Draws `steps` steps. In the picture, each is a box with the names of its probes. The text for Graphviz has every
    /// operation, with a frame around each step. More than 50 steps are drawn smaller, as no picture is wider than 10 000
    /// pixels.
    ///
    /// # Panics
    ///
    /// If the cell does not take such an input, or if `steps` is 0.
    #[must_use]
    #[track_caller]
    pub fn unfolded<T: Scalar, C>(cell: &C, input_size: usize, steps: usize) -> Self
    where
        C: Cell<T> + StateSizes + Module<T>,
    {
        assert!(steps > 0, "cell graph: no steps; unfold the cell over 1 or more");
        let step = Graph::parse(&folded(cell, input_size));
        let picture = Picture::new(unfolded(&step, steps));
        let tape = Tape::new();
        let _probes = tape.probes();
        let mut state = cell.zero_state(&tape, 1);
        let mut values = Vec::new();
        for step in 0..steps {
            tape.set_step(Some(step));
            let named;
            (state, named) = record(&tape, cell, input_size, state);
            values.extend(named);
        }
        let dot = tape.dot().named(cell.parameters()).values(values).without_lines();
        Self { dot: dot.to_string(), picture }
    }

    /// Returns the drawing in Graphviz's language. Write it to a file and run `dot -Tsvg`.
    #[must_use]
    pub fn dot(&self) -> &str {
        &self.dot
    }

    /// Returns the drawing as a picture.
    pub fn picture(&self) -> Picture {
        self.picture.clone()
    }
}

/// Returns the graph of one step in Graphviz's language.
#[track_caller]
fn folded<T: Scalar, C>(cell: &C, input_size: usize) -> String
where
    C: Cell<T> + StateSizes + Module<T>,
{
    let tape = Tape::new();
    let _probes = tape.probes();
    let before = cell.zero_state(&tape, 1);
    let (after, values) = record(&tape, cell, input_size, before.clone());
    let dot = tape.dot().named(cell.parameters()).values(values).folded(&before, &after);
    dot.without_lines().to_string()
}

/// Records a step for an input of zeros. Returns the state after it, and the values that have names.
#[track_caller]
fn record<'t, T: Scalar, C: Cell<T>>(
    tape: &'t Tape<T>,
    cell: &C,
    input_size: usize,
    state: C::State<'t>,
) -> (C::State<'t>, Vec<(String, Var<'t, T>)>) {
    let x = tape.constant(Tensor::zeros([1, input_size]));
    let ((y, state), mut values) = tape.probed_step(|| cell.step(x, state));
    values.insert(0, ("y".into(), y)); // a probe of the output has precedence
    values.insert(0, ("x".into(), x));
    (state, values)
}
