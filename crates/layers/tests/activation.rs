//! Activations: values and gradients of PyTorch, kinks, and tables.

mod common;

use std::f64::consts::{FRAC_2_PI, FRAC_2_SQRT_PI, FRAC_PI_2, PI, SQRT_2};

use bptt_autodiff::{Elementwise, Tape, Var};
use bptt_layers::{Activation, Elman, Recurrence, StateSizes, Surrogate, Table};
use bptt_tensor::Tensor;
use common::golden::{Golden, assert_close};

const SIXTH: Activation<f64> = Activation::HardSigmoid { slope: 1.0 / 6.0 };
const FIFTH: Activation<f64> = Activation::HardSigmoid { slope: 1.0 / 5.0 };

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `2/√π e^−x² Σ 2ᵏ x²ᵏ⁺¹ / (2k+1)!!`
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for k in 1..100 {
        term *= x * x / (f64::from(k) + 0.5);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// An activation of single elements, and what it stands for.
type Function = (Activation<f64>, fn(f64) -> f64);

fn softsign() -> Elementwise<f64, 1> {
    let value = |[z]: [f64; 1]| z / (1.0 + z.abs());
    Elementwise::new("softsign", value, |[z], _| [(1.0 + z.abs()).square().recip()])
}

fn functions() -> Vec<Function> {
    vec![
        (Activation::Identity, |z| z),
        (Activation::Tanh, f64::tanh),
        (Activation::Sigmoid, sigmoid),
        (Activation::Relu, |z| z.max(0.0)),
        (Activation::Softplus, |z| z.exp().ln_1p()),
        (Activation::Elu, |z| if z > 0.0 { z } else { z.exp_m1() }),
        (Activation::Silu, |z| z * sigmoid(z)),
        (Activation::Gelu, |z| 0.5 * z * (1.0 + erf(z / SQRT_2))),
        (Activation::GeluTanh, |z| {
            0.5 * z * (1.0 + (FRAC_2_PI.sqrt() * (z + 0.044_715 * z.powi(3))).tanh())
        }),
        (Activation::HardTanh, |z| z.clamp(-1.0, 1.0)),
        (SIXTH, |z| (z / 6.0 + 0.5).clamp(0.0, 1.0)),
        (FIFTH, |z| (z / 5.0 + 0.5).clamp(0.0, 1.0)),
        (Activation::Elementwise(softsign()), |z| z / (1.0 + z.abs())),
        (Activation::Custom(|z| z.maximum(z * 0.01)), |z| if z > 0.0 { z } else { 0.01 * z }),
    ]
}

/// Value, first and second derivative.
fn orders(activation: &Activation<f64>, at: f64) -> [f64; 3] {
    let tape = Tape::new();
    let z = tape.variable(Tensor::scalar(at));
    let y = activation.apply(z);
    let [first] = tape.grad(y, [z]);
    let [second] = tape.grad(first, [z]);
    [y, first, second].map(Var::item)
}

#[test]
fn values_of_the_functions() {
    for (activation, function) in functions() {
        for at in [-3.3, -2.7, -2.0, -0.9, -0.4, -0.02, 0.02, 0.3, 0.8, 1.2, 2.4, 2.8, 4.1] {
            let [value, ..] = orders(&activation, at);
            assert!((value - function(at)).abs() < 1e-14, "{activation:?} at {at}: {value}");
        }
    }
}

#[test]
fn values_and_gradients_of_pytorch() {
    for (case, activation) in [
        ("relu", Activation::Relu),
        ("sigmoid", Activation::Sigmoid),
        ("softplus", Activation::Softplus),
        ("tanh", Activation::Tanh),
        ("elu", Activation::Elu),
        ("silu", Activation::Silu),
        ("gelu_erf", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
    ] {
        let golden = Golden::load(&format!("activation_{case}"));
        let tape = Tape::new();
        let x = tape.variable(golden.tensor("input.x"));
        let y = activation.apply(x);
        assert_close(case, &y.value(), &golden.tensor("output"));
        let gradients = tape.backward((y * &golden.tensor("cotangent")).sum_all());
        assert_close(case, gradients.wrt(x), &golden.tensor("grad.x"));
    }
}

#[test]
fn softmax_is_over_the_last_axis() {
    let at: [[f64; 3]; 2] = [[-2.0, -0.5, 0.0], [0.25, 3.0, 1.0]];
    let tape = Tape::new();
    let z = tape.constant(Tensor::from_slice([2, 3], at.as_flattened()));
    let y = Activation::Softmax.apply(z).value();
    for (y, z) in y.as_slice().chunks(3).zip(at) {
        let sum: f64 = z.iter().map(|z| z.exp()).sum();
        y.iter().zip(z).for_each(|(y, z)| assert!((y - z.exp() / sum).abs() < 1e-15));
    }
}

#[test]
fn the_default_is_tanh() {
    assert_eq!(format!("{:?}", Activation::<f64>::default()), "Tanh");
}

/// The slope at a kink is the mean of the slopes on both sides. The slope of the rectifier is 0.
#[test]
fn kinks_have_slopes() {
    let slope = |activation: &Activation<f64>, at| orders(activation, at)[1];
    assert_eq!(slope(&Activation::Relu, 0.0), 0.0);
    assert_eq!(slope(&Activation::Elu, 0.0), 1.0); // no kink
    for at in [-1.0, 1.0] {
        assert_eq!(slope(&Activation::HardTanh, at), 0.5);
    }
    for (activation, end) in [(SIXTH, 3.0), (FIFTH, 2.5)] {
        for at in [-end, end] {
            assert_eq!(slope(&activation, at), 0.5 / (2.0 * end));
        }
    }
}

#[test]
fn extreme_inputs_have_finite_derivatives() {
    for (activation, _) in functions() {
        for at in [-1e4, -800.0, 800.0, 1e4] {
            assert!(
                orders(&activation, at).iter().all(|x| x.is_finite()),
                "{activation:?} at {at}"
            );
        }
    }
}

/// Every function is fused into the step, forward and in reverse.
#[test]
fn a_scan_compiles_every_function_of_single_elements() {
    let mut rng = bptt_layers::rng(1);
    let tables = sigmoid_tables(16).map(Activation::Table);
    let spikes = surrogates().map(|(surrogate, _)| Activation::Spike(surrogate));
    let functions = functions().into_iter().map(|(activation, _)| activation);
    for activation in functions.chain(tables).chain(spikes) {
        let cell = Elman::<f64>::new(&mut rng, 2, 3).activation(activation.clone());
        let tape = Tape::new();
        let xs = tape.constant(Tensor::zeros([5, 4, 2]));
        let plan = Recurrence::new(&cell).plan(xs, cell.zero_state(&tape, 4));
        assert!(!plan.contains("operation by operation"), "{activation:?}: {plan}");
    }
}

/// The function whose slope a surrogate is.
type Smooth = fn(f64) -> f64;

fn surrogates() -> [(Surrogate, Smooth); 3] {
    [
        (Surrogate::FastSigmoid { beta: 3.0 }, |v| v / (1.0 + 3.0 * v.abs())),
        (Surrogate::Arctangent { alpha: 2.0 }, |v| (FRAC_PI_2 * 2.0 * v).atan() / PI),
        (Surrogate::Triangle { gamma: 0.3 }, |v| {
            let v = v.clamp(-1.0, 1.0);
            0.3 * v * (1.0 - 0.5 * v.abs())
        }),
    ]
}

#[test]
fn spikes_have_the_slope_of_a_smooth_function() {
    for (surrogate, smooth) in surrogates() {
        let spike = Activation::Spike(surrogate);
        for at in [-1.5, -0.8, -0.2, 0.01, 0.3, 0.9, 1.1, 4.0] {
            let [value, slope, curvature] = orders(&spike, at);
            assert_eq!(value, f64::from(at > 0.0), "{surrogate:?} at {at}");
            let difference = |h: f64| (smooth(at + h) - smooth(at - h)) / (2.0 * h);
            assert!((slope - difference(1e-5)).abs() < 1e-8, "{surrogate:?} at {at}: {slope}");
            let bend = (smooth(at + 1e-4) - 2.0 * smooth(at) + smooth(at - 1e-4)) / 1e-8;
            assert!((curvature - bend).abs() < 1e-6, "{surrogate:?} at {at}: {curvature}");
        }
        assert_eq!(orders(&spike, 0.0)[0], 0.0);
        assert!(orders(&spike, f64::NAN)[0].is_nan());
    }
}

fn sigmoid_tables(entries: usize) -> [Table; 2] {
    [Table::nearest, Table::linear].map(|table| table(sigmoid, -8.0..=8.0, entries))
}

fn tanh_tables(entries: usize) -> [Table; 2] {
    [Table::nearest, Table::linear].map(|table| table(f64::tanh, -4.0..=4.0, entries))
}

/// The mean of the values at the ends of a range. With one entry, this is the mean of both ends.
#[test]
fn a_range_has_one_value() {
    let table = Table::range_addressable(|x| x * x, 0.0..=2.0, 4); // the ranges end at 1, √2, √3 and 2
    for (x, y) in
        [(-1.0, 0.5), (0.0, 0.5), (0.99, 0.5), (1.01, 1.5), (1.5, 2.5), (1.8, 3.5), (3.0, 3.5)]
    {
        assert!((table.at(x) - y).abs() < 1e-8, "{x}: {}", table.at(x));
    }
    assert!(table.at(f64::NAN).is_nan());
    assert!((table.error(1.5) - 0.25).abs() < 1e-8);
    assert_eq!(
        Table::range_addressable(f64::tanh, -1.0..=3.0, 1).at(0.0),
        0.5 * (3_f64.tanh() - 1_f64.tanh())
    );
}

/// All ranges have the same largest error: `1/(2n)` of the variation, which is 2 · 4 for two periods of a sine.
#[test]
fn errors_of_ranges_are_equal() {
    let total = 2.0 * 4_f64.tanh();
    for entries in [1, 2, 7, 64, 1000] {
        let table = Table::range_addressable(f64::tanh, -4.0..=4.0, entries);
        let bound = total / (2 * entries) as f64;
        assert!((table.max_error() / bound - 1.0).abs() < 1e-4, "{entries}: {}", table.max_error());
    }
    for entries in [9, 64] {
        let table = Table::range_addressable(f64::sin, 0.0..=4.0 * std::f64::consts::PI, entries);
        let bound = 8.0 / (2 * entries) as f64;
        assert!(table.max_error() < bound * (1.0 + 1e-4), "{entries}: {}", table.max_error());
        assert!(table.max_error() > bound * 0.9, "{entries}: {}", table.max_error());
    }
}

#[test]
fn a_table_is_exact_at_its_entries_and_constant_beyond() {
    for table in tanh_tables(17) {
        for place in -8..=8 {
            let x = 0.5 * f64::from(place);
            assert_eq!(table.at(x), x.tanh(), "{table:?}");
        }
        assert_eq!(table.at(-5.0), (-4_f64).tanh());
        assert_eq!(table.at(f64::INFINITY), 4_f64.tanh());
        assert!(table.at(f64::NAN).is_nan());
    }
    let [nearest, linear] = tanh_tables(17);
    assert_eq!([0.24, 0.26].map(|x| nearest.at(x)), [0.0, 0.5_f64.tanh()]);
    assert!((linear.at(0.125) - 0.25 * 0.5_f64.tanh()).abs() < 1e-16);
}

/// The bounds are `h/2 · max |f′|` and `h²/8 · max |f″|`, and the errors come close to them.
#[test]
fn errors_of_tables_are_within_their_bounds() {
    let greatest_curvature_of_tanh = 4.0 / (3.0 * 3_f64.sqrt());
    for entries in [65, 256, 1000] {
        for (tables, extent, slope, curvature) in [
            (sigmoid_tables(entries), 16.0, 0.25, greatest_curvature_of_tanh / 8.0),
            (tanh_tables(entries), 8.0, 1.0, greatest_curvature_of_tanh),
        ] {
            let h = extent / (entries - 1) as f64;
            let bounds = [h / 2.0 * slope, h * h / 8.0 * curvature];
            for (table, bound) in tables.iter().zip(bounds) {
                let error = table.max_error();
                assert!(error <= bound * (1.0 + 1e-9), "{table:?}: {error} is above {bound}");
                assert!(error >= 0.95 * bound, "{table:?}: {error} is far below {bound}");
            }
        }
    }
}

/// The documentation shows the measured errors.
#[test]
fn documented_errors_are_measured_ones() {
    let source = include_str!("../src/activation/table.rs");
    let mut rows = 0;
    for row in source.lines().filter_map(|line| line.strip_prefix("/// |")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Ok(entries) = cells[0].parse() else { continue }; // a heading
        let errors = [sigmoid as fn(f64) -> f64, f64::tanh].into_iter().zip([8.0, 4.0]).flat_map(
            |(f, end)| {
                [Table::nearest, Table::range_addressable, Table::linear]
                    .map(|table| format!("{:.1e}", table(f, -end..=end, entries).max_error()))
            },
        );
        assert_eq!(cells[1..7], errors.collect::<Vec<_>>(), "{entries} entries");
        rows += 1;
    }
    assert_eq!(rows, 4);
    assert_eq!(format!("{:.1e} {:.1e}", 1.0 - sigmoid(8.0), 1.0 - 4_f64.tanh()), "3.4e-4 6.7e-4");
}

/// In both forms, the slope is that of the line between two entries. At an entry, it is that of the line to the right.
#[test]
fn the_gradient_of_a_table_is_that_of_its_interpolation() {
    let rise = |from: f64| (from + 0.5).tanh() - from.tanh();
    for table in tanh_tables(17) {
        let activation = Activation::Table(table.clone());
        for (at, slope) in [
            (0.1, rise(0.0) / 0.5),
            (-1.3, rise(-1.5) / 0.5),
            (0.5, rise(0.5) / 0.5),
            (-4.0, rise(-4.0) / 0.5),
            (4.0, rise(3.5) / 0.5),
            (4.1, 0.0),
            (-4.1, 0.0),
        ] {
            assert_eq!(
                orders(&activation, at),
                [table.at(at), slope, 0.0],
                "{activation:?} at {at}"
            );
        }
    }
}

/// Where the values are constant, the slope is that of the line between the ends of a range.
#[test]
fn the_gradient_of_a_range() {
    let activation = Activation::Table(Table::range_addressable(|x| x * x, 0.0..=2.0, 4));
    let root = 2_f64.sqrt();
    for (at, y, slope) in [
        (0.5, 0.5, 1.0),
        (1.2, 1.5, 1.0 / (root - 1.0)),
        (2.0, 3.5, 1.0 / (2.0 - 3_f64.sqrt())),
        (2.1, 3.5, 0.0),
    ] {
        let [value, first, second] = orders(&activation, at);
        assert!(
            (value - y).abs() < 1e-7 && (first - slope).abs() < 1e-7 && second == 0.0,
            "{at}: {value}, {first}"
        );
    }
}

#[test]
#[should_panic(
    expected = "a range-addressable table needs a function that varies, by a finite amount, within 0.0..=1.0"
)]
fn a_constant_has_no_ranges() {
    let _ = Table::range_addressable(|_| 0.5, 0.0..=1.0, 3);
}

#[test]
fn a_table_approximates_in_single_precision_too() {
    let [_, table] = sigmoid_tables(1024);
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([3], vec![-1.5_f32, 0.2, f32::NAN]));
    let y = Activation::Table(table).apply(x).value().to_vec();
    assert!((y[0] - 0.182_425_5).abs() < 3e-6 && (y[1] - 0.549_834).abs() < 3e-6);
    assert!(y[2].is_nan());
}

#[test]
#[should_panic(expected = "a table has at least 2 entries, not 1")]
fn a_table_of_one_entry_is_refused() {
    let _ = Table::linear(f64::tanh, -1.0..=1.0, 1);
}

#[test]
#[should_panic(
    expected = "a table's range is from one finite number to a greater one, not 1.0..=1.0"
)]
fn an_empty_range_is_refused() {
    let _ = Table::linear(f64::tanh, 1.0..=1.0, 3);
}

#[test]
#[should_panic(expected = "a table's entries are finite; the function is inf at 0")]
fn infinite_entries_are_refused() {
    let _ = Table::nearest(f64::recip, 0.0..=1.0, 3);
}

/// Rounding puts no entry beyond the range.
#[test]
fn the_last_entry_is_at_the_end_of_the_range() {
    for entries in 2..500 {
        let table = Table::linear(|x| (0.7 - x).sqrt(), 0.1..=0.7, entries);
        assert!(table.at(0.7).abs() < 1e-14);
        assert!(table.max_error().is_finite());
    }
}

#[test]
#[should_panic(expected = "a table of 3 entries needs a wider range than 0.0..=5e-324")]
fn a_range_too_narrow_for_its_entries_is_refused() {
    let _ = Table::linear(|x| x, 0.0..=5e-324, 3);
}

/// Near 0, `eᶻ − 1` is `z` to all digits.
#[test]
fn elu_keeps_its_digits_near_zero() {
    let tape = Tape::<f32>::new();
    let z = tape.constant(Tensor::from_vec([2], vec![-1e-9, -1e-20]));
    let y = Activation::Elu.apply(z).value().to_vec();
    assert!((y[0] / -1e-9 - 1.0).abs() < 1e-6 && (y[1] / -1e-20 - 1.0).abs() < 1e-6, "{y:?}");
}

/// Values and derivatives in single precision.
fn single(activation: &Activation<f32>, at: f32) -> [f32; 3] {
    let tape = Tape::new();
    let z = tape.variable(Tensor::scalar(at));
    let y = activation.apply(z);
    let [first] = tape.grad(y, [z]);
    let [second] = tape.grad(first, [z]);
    [y.item(), first.item(), second.item()]
}

#[test]
fn smooth_activations_reach_their_limits() {
    use Activation::{Elu, Gelu, GeluTanh, Silu, Softplus};
    for activation in [Elu, Gelu, GeluTanh, Silu, Softplus] {
        let below = if matches!(activation, Elu) { -1.0 } else { 0.0 };
        for size in [200.0, 1e15, 1e20, f32::MAX, f32::INFINITY] {
            assert_eq!(single(&activation, size), [size, 1.0, 0.0], "{activation:?}");
            assert_eq!(single(&activation, -size), [below, 0.0, 0.0], "{activation:?}");
        }
    }
}
