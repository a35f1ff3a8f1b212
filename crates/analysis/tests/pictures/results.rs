//! Pictures of results of runs.

use bptt_analysis::dynamics::{Dynamics, Lipschitz, Saturation, Thresholds};
use bptt_analysis::gradients::GradientsOverTime;
use bptt_analysis::plot::HeatMap;
use bptt_autodiff::Tape;
use bptt_layers::{Elman, Layer, Lstm, Truncation};
use bptt_tensor::Tensor;

use crate::support::{Svg, points};

const BLUE: &str = "0072B2";
const BLACK: &str = "000000";
/// The slices of a colour bar.
const BAR: usize = 64;

fn noise<const N: usize>(shape: [usize; N]) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut bptt_layers::rng(1))
}

fn elman(input_size: usize, hidden_size: usize) -> Elman<f64> {
    Elman::new(&mut bptt_layers::rng(0), input_size, hidden_size)
}

#[test]
fn gradients_over_time_are_drawn() {
    let lstm = Lstm::<f64>::new(&mut bptt_layers::rng(0), 3, 4);
    let xs = noise([9, 2, 3]);
    let gradients = GradientsOverTime::new(&lstm, &xs, |ys| ys.index_first(8).square().sum_all());
    let states = Svg::of(&gradients.states().picture());
    states.says(&["state.0: total", "state.0: direct", "state.1: total", "step t"]);
    assert!(!states.texts().contains(&"state.1: direct"), "the loss does not read c");
    // the direct gradient is a dot at the last step, and one in the legend
    assert_eq!(states.elements("circle", "D55E00").len(), 2);

    let by_lag = gradients.by_lag();
    let svg = Svg::of(&by_lag.picture());
    svg.says(&["w_ih", "w_hh", "b", "all together", "lag ℓ (steps)", "10⁻¹"]);
    let of_b = by_lag.get("b").expect("a bias").picture();
    assert_eq!(points(Svg::of(&of_b).elements("polyline", BLUE)[0]).len(), 9, "one point per lag");

    let bias = Svg::of(&gradients.bias(Truncation::window(9)).picture());
    bias.says(&["all", "w_hh", "cosine", "relative error", "1.00", "0.00"]);

    let flow = Svg::of(&gradients.error_flow().picture());
    flow.says(&["loss of step t", "state after step k", "‖∂L_t/∂s_k‖"]);
    // the loss is that of the last step: one row of norms below rows of zeros
    let fills = flow.fills();
    let (above, below) = fills[BAR..].split_at(8);
    assert!(above.iter().all(|fill| *fill == "#FFFFFF") && !below.contains(&"#FFFFFF"));
}

#[test]
fn many_parameters_are_drawn_by_the_largest_gradients() {
    let mut rng = bptt_layers::rng(0);
    let layers = (0..3).map(|_| Lstm::<f64>::new(&mut rng, 4, 4)).collect();
    let stack = bptt_layers::Stack::new(layers);
    let xs = noise([4, 1, 4]);
    let gradients = GradientsOverTime::new(&stack, &xs, |ys| ys.square().sum_all());
    let svg = Svg::of(&gradients.by_lag().picture());
    let names =
        svg.texts().iter().filter(|text| text.contains(".w_") || text.ends_with(".b")).count();
    assert_eq!(names, 6, "{:?}", svg.texts());
}

#[test]
fn a_chain_is_drawn_below_its_bound() {
    let cell = elman(3, 6);
    let jacobians = Dynamics::new(&cell).jacobians(&noise([12, 1, 3]), 0).expect("finite");
    let chain = jacobians.chain().expect("finite");
    let chain = chain.bounded_by(1.2 * cell.lipschitz().expect("a bound"));
    let svg = Svg::of(&chain.picture());
    svg.says(&["lag t − k (steps)", "‖∂s_t/∂s_k‖₂", "norm", "bound"]);
    let norms = points(svg.elements("polyline", BLUE)[1]);
    let bound: Vec<_> = svg.elements("polyline", BLACK).into_iter().flat_map(points).collect();
    let end = bound.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0)).expect("a bound");
    assert!(end.1 < norms[11].1, "the bound ends above the norm");
    Svg::of(&chain.picture_by_step()).says(&["state after step t", "state after step k", "10⁰"]);
    let spectrum = Svg::of(&jacobians.picture().expect("eigenvalues"));
    spectrum.says(&["72 within the unit circle", "0 outside"]);
}

/// Two units that each hold a sign, with connections from the first to the second.
fn flip_flops() -> Elman<f64> {
    let mut cell = elman(2, 2);
    cell.w_hh.set(Tensor::from([[2.0, 0.3], [0.0, 1.6]]));
    cell
}

#[test]
fn fixed_points_are_drawn_by_their_stability() {
    let cell = flip_flops();
    let dynamics = Dynamics::new(&cell);
    let runs = dynamics.states(&Tensor::zeros([20, 2, 2])).expect("finite");
    let starts = Tensor::normal([200, 2], 0.0, 0.7, &mut bptt_layers::rng(0));
    let found = dynamics.fixed_points(&Tensor::zeros([2])).run(&starts).expect("points");
    let svg = Svg::of(&found.picture(&runs));
    svg.says(&["2 stable fixed points", "2 saddles", "1 unstable fixed point", "sequence 1"]);
    svg.says(&["state element 0", "state element 1"]);
    let origin = found
        .points()
        .iter()
        .find(|it| it.state.as_slice()[0].abs() < 0.1 && it.state.as_slice()[1].abs() < 0.1);
    Svg::of(&origin.expect("the unstable point").picture()).says(&[
        "0 within the unit circle",
        "2 outside",
        "eigenvalues at a fixed point",
    ]);
}

#[test]
fn larger_states_are_drawn_by_their_principal_components() {
    let cell = elman(3, 5);
    let dynamics = Dynamics::new(&cell);
    let points = dynamics.fixed_points(&Tensor::zeros([3])).run(&noise([20, 5])).expect("points");
    // all states lie on a line, and on one with a little noise
    let line = Tensor::from_fn([30, 1, 5], |i| (i / 5) as f64 * [1.0, 2.0, 0.0, 0.0, -1.0][i % 5]);
    let svg = Svg::of(&points.picture(&line));
    svg.says(&[
        "principal component 1 (100 % of variance)",
        "principal component 2 (0 % of variance)",
    ]);
    let trajectory = super::support::points(svg.elements("polyline", BLUE)[1]);
    assert_eq!(trajectory.len(), 30);
    let steps: Vec<_> = trajectory.windows(2).map(|ends| ends[1].0 - ends[0].0).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1.0), "{steps:?}");
}

#[test]
#[should_panic(
    expected = "fixed points: states [4, 5] and points of 2 elements; give states [T, B, 2]"
)]
fn states_of_another_shape_are_refused() {
    let cell = flip_flops();
    let found = Dynamics::new(&cell).fixed_points(&Tensor::zeros([2])).run(&Tensor::zeros([1, 2]));
    let _ = found.expect("a point").picture(&Tensor::<f64>::zeros([4, 5]));
}

#[test]
fn spectra_capacities_and_saturation_are_drawn() {
    let cell = elman(1, 4);
    let dynamics = Dynamics::new(&cell);
    let spectrum = dynamics.lyapunov().run(&noise([300, 1, 1])).expect("finite");
    let svg = Svg::of(&spectrum.picture());
    svg.says(&["index i", "λᵢ (nats per step)", "exponent"]);
    assert_eq!(svg.elements("circle", BLUE).len(), 5, "four, and one in the legend");

    let one = Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    let alone = Dynamics::new(&one).lyapunov().run(&noise([300, 1, 1])).expect("finite");
    let svg = Svg::of(&alone.picture());
    assert_eq!(svg.elements("circle", "000000").len(), 0, "the border is a line, not a dot");

    let capacity = dynamics.memory_capacity().lags(6).run(&noise([300])).expect("capacity");
    let svg = Svg::of(&capacity.picture());
    svg.says(&[&format!("memory capacity {:.1}", capacity.total()), "lag k (steps)"]);
    assert_eq!(points(svg.elements("polyline", BLUE)[0]).len(), 7);

    let gates = Tensor::from_vec([2, 1, 3], vec![0.0, 0.5, 1.0, 0.95, 0.5, 1.0]);
    let svg = Svg::of(&Saturation::of(&gates, Thresholds::SIGMOID).picture());
    svg.says(&["share of values below 0.1", "share of values above 0.9", "always saturated"]);
    assert_eq!(svg.elements("circle", BLUE).len(), 4);
}

#[test]
fn a_probe_is_drawn_for_one_sequence() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let tape = Tape::inference();
    let probes = tape.probes();
    let xs = Tensor::<f32>::normal([5, 2, 3], 0.0, 1.0, &mut bptt_layers::rng(1));
    let _ = lstm.forward(tape.constant(xs));
    let map = |name, sequence| HeatMap::of_probe(&probes, name, sequence).picture();
    let svg = Svg::of(&map("f", 1));
    svg.says(&["f", "activation", "0.0", "1.0"]);
    Svg::of(&map("h", 0)).says(&["h", "−1.0", "1.0"]);
    let values = probes.get("f").value().slice(1, 1..2).reshape([5, 4]);
    let plain = HeatMap::over_time("f", &values).between(0.0, 1.0).quantity("activation").picture();
    assert_eq!(svg.texts(), Svg::of(&plain).texts());
    assert_eq!(svg.fills(), Svg::of(&plain).fills());
}

#[test]
#[should_panic(expected = "heat map: no sequence 2 in `f` of [5, 2, 4]")]
fn a_sequence_beyond_the_batch_is_refused() {
    let lstm = Lstm::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let tape = Tape::inference();
    let probes = tape.probes();
    let _ = lstm.forward(tape.constant(Tensor::zeros([5, 2, 3])));
    let _ = HeatMap::of_probe(&probes, "f", 2);
}
