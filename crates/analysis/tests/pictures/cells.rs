//! Drawings of cells, folded and unfolded.

use bptt_analysis::plot::CellGraph;
use bptt_autodiff::{Param, Var};
use bptt_layers::{Cell, Elman, Gru, Linear, Lstm, Module, ParameterPath, StateSizes};
use bptt_tensor::{Scalar, Tensor};

use crate::support::Svg;

fn lstm() -> Lstm<f64> {
    Lstm::new(&mut bptt_layers::rng(0), 3, 4)
}

#[test]
fn a_folded_cell_has_parameters_gates_and_delays() {
    let folded = CellGraph::folded(&lstm(), 3);
    let svg = Svg::of(&folded.picture());
    svg.says(&["w_ih [3, 16]", "w_hh [4, 16]", "b [16]", "x [1, 3]", "h₋ [1, 4]", "c₋ [1, 4]"]);
    svg.says(&["f = sigmoid", "g = tanh", "c = add", "h = mul"]);
    let delays = svg.texts().iter().filter(|text| **text == "t − 1").count();
    assert_eq!(delays, 2, "of h and of c");
    let dot = folded.dot();
    assert_eq!(dot.matches("style=dashed").count(), 2, "{dot}");
    assert!(dot.contains("f = sigmoid [1, 4]") && !dot.contains("cluster"), "{dot}");
}

#[test]
fn an_unfolded_cell_has_steps_and_shares_its_parameters() {
    let unfolded = CellGraph::unfolded(&lstm(), 3, 4);
    let svg = Svg::of(&unfolded.picture());
    svg.says(&["step 0", "step 1", "step 2", "step 3", "f, i, g, c, o, h"]);
    let said = svg.texts();
    let count = |wanted: &str| said.iter().filter(|text| **text == wanted).count();
    assert_eq!((count("x [1, 3]"), count("y"), count("h"), count("c")), (4, 4, 5, 5));
    assert_eq!(said.iter().filter(|text| text.contains("w_hh [4, 16]")).count(), 1);

    let dot = unfolded.dot();
    assert_eq!(dot.matches("label=\"w_hh [4, 16]\"").count(), 1, "{dot}");
    for step in 0..4 {
        let gate = format!("cluster_{step} {{ label=\"step {step}\"; n");
        let gates = dot.lines().filter(|line| line.contains(&gate) && line.contains("f = sigmoid"));
        assert_eq!(gates.count(), 1, "{dot}");
    }
    assert!(!dot.contains("style=dashed"), "{dot}");
}

#[test]
fn drawings_are_the_same_each_time() {
    let gru = Gru::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let svg = || CellGraph::folded(&gru, 3).picture().svg();
    assert_eq!(svg(), svg());
}

#[test]
fn a_long_unfolded_cell_grows_to_the_right() {
    let elman = Elman::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let size = |steps| CellGraph::unfolded(&elman, 3, steps).picture().size();
    assert!(size(3).0 <= 610, "three steps are legible at 600 pixels: {:?}", size(3));
    assert_eq!(size(6).1, size(3).1);
    assert!(size(6).0 > 1000);
}

#[test]
fn a_cell_without_state_is_drawn() {
    let linear = Linear::<f64>::new(&mut bptt_layers::rng(0), 3, 2);
    Svg::of(&CellGraph::folded(&linear, 3).picture()).says(&["x [1, 3]", "y = add"]);
    Svg::of(&CellGraph::unfolded(&linear, 3, 2).picture()).says(&["step 1", "y"]);
}

/// A cell with a square, a value that is not used, a literal, and a state that steps do not change.
struct Odd<T>(Param<T>);

impl<T: Scalar> Module<T> for Odd<T> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        self.0.visit(path, visitor);
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        self.0.visit_mut(path, visitor);
    }
}

impl<T: Scalar> Cell<T> for Odd<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, kept): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let _ = x.tanh();
        let h = (h * h + x.matmul(&self.0)) * 0.5;
        (h, (h, kept))
    }
}

impl<T> StateSizes for Odd<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![2, 2]
    }
}

#[test]
fn any_cell_is_drawn() {
    let odd = Odd(Param::<f64>::new(Tensor::ones([3, 2])));
    let folded = CellGraph::folded(&odd, 3);
    let svg = Svg::of(&folded.picture());
    svg.says(&["0.5", "parameter [3, 2]", "y = mul", "y₋ [1, 2]", "constant [1, 2]", "tanh"]);
    assert!(!folded.picture().png().is_empty());
    Svg::of(&CellGraph::unfolded(&odd, 3, 2).picture()).says(&["y", "state"]);
}

#[test]
#[should_panic(expected = "cell graph: no steps; unfold the cell over 1 or more")]
fn no_steps_are_refused() {
    let _ = CellGraph::unfolded(&lstm(), 3, 0);
}
