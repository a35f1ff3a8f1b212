//! What cannot be exported, and what is asked for wrongly.

use bptt_autodiff::{Elementwise, Param, Tape, Var};
use bptt_layers::{Cell, Gru, Layer, Linear, Module, StateSizes};
use bptt_onnx::{Dim, ExportError, FunctionExport, OnnxModel, export};
use bptt_tensor::Tensor;

/// `h ← f(x + w ⊙ h)`
#[derive(Module)]
#[module(scalar = f32)]
struct OfFunction {
    w: Param<f32>,
    #[module(skip)]
    function: fn(Var<'_, f32>) -> Var<'_, f32>,
}

impl Cell<f32> for OfFunction {
    type State<'t> = Var<'t, f32>;

    fn step<'t>(&self, x: Var<'t, f32>, h: Var<'t, f32>) -> (Var<'t, f32>, Var<'t, f32>) {
        let h = (self.function)(x + h * &self.w);
        (h, h)
    }
}

impl StateSizes for OfFunction {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w.shape()[0]]
    }
}

fn of_function(function: fn(Var<'_, f32>) -> Var<'_, f32>) -> OfFunction {
    OfFunction { w: Param::new(Tensor::ones([3])), function }
}

fn cube() -> Elementwise<f32, 1> {
    Elementwise::new("cube", |[x]| x * x * x, |[x], _y| [x * x * 3.0])
}

#[test]
fn an_operation_without_a_form_is_named_with_its_line() {
    let cell = of_function(|x| cube().apply([x]));
    let error = export(&cell, 3).expect_err("ONNX has no cube");
    assert!(matches!(&error, ExportError::Unsupported { operation, .. } if operation == "cube"));
    let text = error.to_string();
    assert!(text.starts_with("the operation `cube` at "), "{text}");
    assert!(text.contains("errors.rs:"), "{text}");
    let cell = of_function(|x| cube().decomposition(|[x]| x * x * x).apply([x]));
    assert!(export(&cell, 3).is_ok());
}

#[test]
fn a_number_of_a_step_is_an_error() {
    let cell = of_function(|x| x * x.tape().step_index());
    let error = export(&cell, 3).expect_err("the steps are open");
    assert!(matches!(error, ExportError::OpenExtent { .. }), "{error}");
    assert!(error.to_string().ends_with("as an input"), "{error}");
}

/// A part of the steps has an extent that is not a multiple of their number.
#[test]
fn a_part_of_the_steps_is_an_error() {
    let exported = |compute: fn(Var<'_, f32>) -> Var<'_, f32>| {
        let function = FunctionExport::new().numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(2)]);
        function.outputs(["ys"]).export(|_, inputs| vec![compute(inputs.numbers("xs"))])
    };
    let is_open = |result| matches!(result, Err(ExportError::OpenExtent { .. }));
    assert!(exported(|xs| xs.slice(0, 1..)).is_ok());
    assert!(is_open(exported(|xs| xs.slice(0, ..xs.shape()[0] / 2))));
    assert!(is_open(exported(|xs| xs * f64::from(xs.shape()[0].ilog2()))));
    assert!(is_open(exported(|xs| if xs.shape()[0] < 500 { xs } else { xs * 2.0 })));
    assert!(is_open(exported(|xs| if xs.shape()[0] < 200 { xs } else { xs * 2.0 })));
    assert!(is_open(exported(|xs| if xs.shape()[0] < 900 { xs } else { xs * 2.0 })));
    assert!(is_open(exported(|xs| xs.slice(0, ..xs.shape()[0].min(120)).mean(&[0]))));
    assert!(exported(|xs| xs * 139.0 + 911.0).is_ok());
    assert!(is_open(exported(|xs| Var::concat(&[xs, xs], 1).slice(1, ..xs.shape()[1]))));
    assert!(is_open(exported(|xs| xs * (1.0 / xs.shape()[0] as f64))));
    assert!(exported(|xs| xs * 1e12 + 911.5).is_ok());
    assert!(exported(|xs| Var::concat(&[xs, xs.slice(0, ..1)], 0)).is_ok());
    assert!(is_open(exported(
        |xs| xs.gather_rows(&(0..xs.shape()[0]).map(|t| t / 2).collect::<Vec<_>>())
    )));
    assert!(exported(|xs| xs.slice(0, ..2)).is_ok());
    assert!(exported(|xs| xs.index_first(xs.shape()[0] - 1)).is_ok());
    assert!(exported(|xs| Var::concat(&[xs, xs], 0)).is_ok());
    assert!(exported(|xs| xs.mean(&[0, 1])).is_ok());
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let model = export(&Gru::new(&mut bptt_layers::rng(0), 3, 4), 3).expect("it has a form");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no such folder");
    let error = model.save(folder.join("model.onnx")).expect_err("there is no folder");
    assert!(error.to_string().contains("no such folder"), "{error}");
}

#[test]
#[should_panic(expected = "and [3, 12]")]
fn another_input_size_panics() {
    let _ = export(&Gru::new(&mut bptt_layers::rng(0), 3, 4), 4);
}

/// The same bytes each time; names of parameters, inputs and outputs as asked for.
#[test]
fn a_function_is_exported_with_its_names() {
    let linear = Linear::new(&mut bptt_layers::rng(0), 3, 2);
    let model = || {
        let function = FunctionExport::new()
            .numbers("x", [Dim::BATCH, Dim::Of(3)])
            .numbers("y", [Dim::Of(2)])
            .outputs(["sum", "product"])
            .parameters(&linear);
        function
            .export(|_, inputs| {
                let product = inputs.numbers("x").matmul(&linear.w);
                let y = inputs.numbers("y");
                vec![product + y, product * y]
            })
            .expect("it has a form")
    };
    assert_eq!((model().inputs(), model().outputs()), (vec!["x", "y"], vec!["sum", "product"]));
    let bytes = model().to_bytes();
    assert_eq!(bytes, model().to_bytes());
    assert_eq!(model().operators(), ["MatMul", "Add", "Mul"]);
    let has = |name: &[u8]| bytes.windows(name.len()).any(|text| text == name);
    assert!(has(b"w") && !has(b"parameter"));
}

/// A layer is not changed, and can run as before.
#[test]
fn an_export_leaves_the_layer_as_it_is() {
    let gru = Gru::<f32>::new(&mut bptt_layers::rng(0), 3, 4);
    let run = || {
        let tape = Tape::inference();
        gru.forward(tape.constant(Tensor::ones([5, 2, 3]))).0.value()
    };
    let before = run();
    export(&gru, 3).expect("it has a form");
    assert_eq!(run(), before);
}

/// What follows from symbols or lengths in another way is not baked in.
#[test]
fn other_data_of_symbols_and_lengths_are_an_error() {
    let table = Param::new(Tensor::ones([5, 2]));
    let of_symbols = |words: fn(&[usize]) -> Vec<usize>| {
        let function = FunctionExport::new()
            .symbols("others", [Dim::STEPS, Dim::BATCH], 5)
            .symbols("words", [Dim::STEPS, Dim::BATCH], 5)
            .outputs(["y"])
            .export(|tape, inputs| {
                vec![tape.param(&table).gather_rows(&words(inputs.symbols("words")))]
            });
        function.map(|model| model.operators().len())
    };
    let of_lengths = |mask: fn(usize, usize) -> bool| {
        let function = FunctionExport::new()
            .numbers("xs", [Dim::STEPS, Dim::BATCH, Dim::Of(2)])
            .lengths("lengths", Dim::BATCH, Dim::STEPS)
            .outputs(["ys"])
            .export(|tape, inputs| {
                let (xs, lengths) = (inputs.numbers("xs"), inputs.lengths("lengths"));
                let [steps, batch, _] = xs.shape()[..] else { unreachable!("it has three axes") };
                let is_there = |i: usize| f32::from(u8::from(mask(i / batch, lengths[i % batch])));
                vec![xs * tape.constant(Tensor::from_fn([steps, batch, 1], is_there))]
            });
        function.map(|model| model.operators().len())
    };
    let is_open = |result| matches!(result, Err(ExportError::OpenExtent { .. }));
    assert!(of_symbols(<[usize]>::to_vec).is_ok());
    assert!(is_open(of_symbols(|words| words.iter().rev().copied().collect())));
    assert!(is_open(of_symbols(|words| words.iter().map(|word| word % 4).collect())));
    assert!(is_open(of_symbols(|words| vec![words[0]])));
    assert!(of_symbols(|_| vec![3, 4]).is_ok());
    assert!(of_lengths(|step, length| step < length).is_ok());
    assert!(of_lengths(|step, length| step + 1 == length).is_ok());
    assert!(of_lengths(|step, _| step == 0).is_ok());
    assert!(is_open(of_lengths(|step, length| step + 1 < length)));
    assert!(is_open(of_lengths(|step, _| step % 2 == 0)));
}

/// Sizes that are multiples of the extents of a trace.
#[test]
fn sizes_may_be_primes() {
    let rng = &mut bptt_layers::rng(0);
    let layer = (Linear::new(rng, 911, 521 * 2), Linear::new(rng, 521 * 2, 3));
    let small = (Linear::new(rng, 3, 4), Linear::new(rng, 4, 3));
    let operators = |model: OnnxModel| model.operators().join(" ");
    let of = |layer: &(Linear<f32>, Linear<f32>), input_size| {
        operators(export(layer, input_size).expect("it has a form"))
    };
    assert_eq!(of(&layer, 911), of(&small, 3));
}

#[test]
fn names_that_stand_twice_are_an_error() {
    let function = || FunctionExport::new().numbers("a", [Dim::BATCH]).outputs(["a"]);
    let error = function().export(|_, inputs| vec![inputs.numbers("a") * 2.0]);
    let text = error.expect_err("an output has the name of the input").to_string();
    assert!(text.starts_with("`a` is empty, or the name of two"), "{text}");
}

#[test]
#[should_panic(expected = "both extents have to be open")]
fn lengths_of_a_fixed_number_of_steps_panic() {
    let _ = FunctionExport::new().lengths("lengths", Dim::BATCH, Dim::Of(6));
}

#[test]
#[should_panic(expected = "an extent has to be open")]
fn a_fixed_number_of_symbols_panics() {
    let _ = FunctionExport::new().symbols("words", [Dim::Of(1)], 6);
}

#[test]
#[should_panic(expected = "the function has 1 outputs, and their names are [\"a\", \"b\"]")]
fn another_number_of_outputs_panics() {
    let function = FunctionExport::new().numbers("x", [Dim::BATCH]).outputs(["a", "b"]);
    let _ = function.export(|_, inputs| vec![inputs.numbers("x") * 2.0]);
}

#[test]
#[should_panic(expected = "no input of lengths is called `a`")]
fn an_input_of_another_kind_panics() {
    let function = FunctionExport::new().numbers("a", [Dim::BATCH]).outputs(["b"]);
    let _ = function.export(|_, inputs| {
        let _ = inputs.lengths("a");
        Vec::new()
    });
}
