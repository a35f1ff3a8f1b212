//! The works in Burn; see `shared.rs`.

mod shared;

use std::io;

use burn::module::{Module, ModuleDisplay, ModuleVisitor, Param};
use burn::nn::loss::CrossEntropyLoss;
use burn::nn::{Embedding, Linear, Lstm, LstmConfig, LstmState};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::module::linear;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use shared::{Array, Gates, Numbers, Sizes, Step, norm, serve};

fn tensor<const D: usize>(array: &Array<D>, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(array.numbers.clone(), array.shape), device)
}

fn param<const D: usize>(array: &Array<D>, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(tensor(array, device))
}

/// The `n`-th of four equal parts of the last axis.
fn quarter<const D: usize>(array: &Array<D>, n: usize) -> Array<D> {
    let mut shape = array.shape;
    let width = shape[D - 1];
    shape[D - 1] /= 4;
    let rows = array.numbers.chunks(width);
    let parts = rows.flat_map(|row| &row[n * width / 4..][..width / 4]);
    Array { numbers: parts.copied().collect(), shape }
}

// ----------------------------------------------------------------------------------------- layers
/// An LSTM.
trait Layer: Module + ModuleDisplay + 'static {
    fn new(gates: &Gates, device: &Device) -> Self;

    /// The outputs `[T, B, H]` of inputs `[T, B, I]`, and the last state.
    fn run(&self, xs: Tensor<3>, state: LstmState<2>) -> (Tensor<3>, LstmState<2>);
}

/// `nn::Lstm`, without its second biases, as we have none.
impl Layer for Lstm {
    fn new(gates: &Gates, device: &Device) -> Self {
        let ([input, _], [hidden, _]) = (gates.w_ih.shape, gates.w_hh.shape);
        let config = LstmConfig::new(input, hidden, true).with_batch_first(false);
        let mut lstm = config.init(device);
        let forget = lstm.forget_gate.as_mut().expect("it is not coupled to the input gate");
        let gates_of = [&mut lstm.input_gate, forget, &mut lstm.cell_gate, &mut lstm.output_gate];
        for (n, gate) in gates_of.into_iter().enumerate() {
            let bias = Some(param(&quarter(&gates.b, n), device));
            gate.input_transform = Linear { weight: param(&quarter(&gates.w_ih, n), device), bias };
            let weight = param(&quarter(&gates.w_hh, n), device);
            gate.hidden_transform = Linear { weight, bias: None };
        }
        lstm
    }

    fn run(&self, xs: Tensor<3>, state: LstmState<2>) -> (Tensor<3>, LstmState<2>) {
        self.forward(xs, Some(state))
    }
}

/// Weights of a loop, with the product of the inputs hoisted out of it.
#[derive(Debug, Module)]
struct Hoisted {
    w_ih: Param<Tensor<2>>,
    w_hh: Param<Tensor<2>>,
    b: Param<Tensor<1>>,
}

impl Layer for Hoisted {
    fn new(gates: &Gates, device: &Device) -> Self {
        let Gates { w_ih, w_hh, b } = gates;
        Self { w_ih: param(w_ih, device), w_hh: param(w_hh, device), b: param(b, device) }
    }

    fn run(&self, xs: Tensor<3>, state: LstmState<2>) -> (Tensor<3>, LstmState<2>) {
        self.scan(xs, state, lstm)
    }
}

impl Hoisted {
    /// A cell returns the next output and cell state, of the gates' sums `[B, G·H]` and the state.
    fn scan(
        &self,
        xs: Tensor<3>,
        state: LstmState<2>,
        cell: impl Fn(Tensor<2>, Tensor<2>) -> (Tensor<2>, Tensor<2>),
    ) -> (Tensor<3>, LstmState<2>) {
        let LstmState { hidden: mut h, cell: mut c } = state;
        let w_hh = self.w_hh.val();
        let mut hs = Vec::new();
        let [length, batch, _] = xs.dims();
        // one product of all rows: with three axes, it would be one of each step
        let read = linear(xs.flatten::<2>(0, 1), self.w_ih.val(), Some(self.b.val()));
        for read in steps(read.reshape([length as i32, batch as i32, -1])) {
            (h, c) = cell(read + h.matmul(w_hh.clone()), c);
            hs.push(h.clone());
        }
        (Tensor::stack(hs, 0), LstmState::new(c, h))
    }
}

/// The steps `[B, I]` of a sequence. The gradient of a part is filled up to the size of the whole,
/// so this cuts in halves, and fills `T log T` rather than `T²` steps.
fn steps(xs: Tensor<3>) -> Vec<Tensor<2>> {
    match xs.dims()[0] {
        1 => vec![xs.squeeze_dim(0)],
        length => {
            let halves = [xs.clone().slice(..length / 2), xs.slice(length / 2..)];
            halves.into_iter().flat_map(steps).collect()
        }
    }
}

fn parts<const N: usize>(z: Tensor<2>) -> [Tensor<2>; N] {
    z.chunk(N, 1).try_into().expect("so many parts")
}

fn lstm(z: Tensor<2>, c: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [i, f, g, o] = parts(z);
    let c = sigmoid(f) * c + sigmoid(i) * g.tanh();
    (sigmoid(o) * c.clone().tanh(), c)
}

fn lstm_1997(z: Tensor<2>, c: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [g, i, o] = parts(z);
    let c = c + g.tanh() * sigmoid(i);
    (c.clone().tanh() * sigmoid(o), c)
}

fn elman(z: Tensor<2>, c: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    (z.tanh(), c)
}

fn zeros(sizes: Sizes, device: &Device) -> LstmState<2> {
    let zeros = Tensor::zeros([sizes.batch, sizes.hidden], device);
    LstmState::new(zeros.clone(), zeros)
}

// ------------------------------------------------------------------------------------------ works
type Results = Vec<Tensor<1>>;

/// Takes the gradients of a module's parameters.
struct Collect<'g> {
    gradients: &'g mut Gradients,
    results: Results,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(self.gradients).expect("a gradient");
        self.results.push(gradient.reshape([-1]));
    }
}

/// Gradients of a loss, with respect to the weights and the inputs.
fn gradients<M: Module + 'static>(
    model: M,
    xs: Tensor<3>,
    loss: impl Fn(&M, Tensor<3>) -> Tensor<1> + 'static,
) -> Step<Results> {
    let xs = xs.require_grad();
    Box::new(move || {
        let mut gradients = loss(&model, xs.clone()).backward();
        let inputs = xs.grad_remove(&mut gradients).expect("a gradient");
        let mut collect =
            Collect { gradients: &mut gradients, results: vec![inputs.reshape([-1])] };
        model.visit(&mut collect);
        collect.results
    })
}

fn gradients_of_squares(
    gates: usize,
    cell: fn(Tensor<2>, Tensor<2>) -> (Tensor<2>, Tensor<2>),
    sizes: Sizes,
    device: &Device,
) -> Step<Results> {
    let mut numbers = Numbers::new(sizes);
    let layer = Hoisted::new(&numbers.gates(gates, sizes.input), device);
    let xs = tensor(&numbers.sequence(sizes.input), device);
    let state = zeros(sizes, device);
    gradients(layer, xs, move |layer, xs| layer.scan(xs, state.clone(), cell).0.square().sum())
}

fn lstm_layer<L: Layer>(sizes: Sizes, device: &Device) -> Step<Results> {
    let mut numbers = Numbers::new(sizes);
    let layer = L::new(&numbers.gates(4, sizes.input), device);
    let xs = tensor(&numbers.sequence(sizes.input), device);
    let cotangent = tensor(&numbers.sequence(sizes.hidden), device);
    let state = zeros(sizes, device);
    gradients(layer, xs, move |layer, xs| {
        (layer.run(xs, state.clone()).0 * cotangent.clone()).sum()
    })
}

fn lstm_layer_forward<L: Layer>(sizes: Sizes, device: &Device) -> Step<Results> {
    let mut numbers = Numbers::new(sizes);
    let layer = L::new(&numbers.gates(4, sizes.input), device);
    let xs = tensor(&numbers.sequence(sizes.input), device);
    let state = zeros(sizes, device);
    Box::new(move || vec![layer.run(xs.clone(), state.clone()).0.reshape([-1])])
}

#[derive(Debug, Module)]
struct LanguageModel<L> {
    embedding: Embedding,
    layers: Vec<L>,
    output: Linear,
}

/// A step of training on one window of text, again and again, with the state carried along.
fn training<L: Layer>(
    sizes: Sizes,
    device: &Device,
    mut optimizer: ModuleOptimizer,
    rate: f64,
    clip: Option<f64>,
) -> Step<Results> {
    let drawn = Numbers::new(sizes).language_model();
    let (w, b) = drawn.output;
    let mut model = Some(LanguageModel {
        embedding: Embedding { weight: param(&drawn.embedding, device) },
        layers: drawn.layers.iter().map(|gates| L::new(gates, device)).collect(),
        output: Linear { weight: param(&w, device), bias: Some(param(&b, device)) },
    });
    let symbols = |symbols: Vec<usize>| {
        let symbols: Vec<_> = symbols.into_iter().map(|symbol| symbol as i32).collect();
        Tensor::<1, Int>::from_data(&symbols[..], device)
    };
    let tokens = symbols(drawn.tokens).reshape([sizes.steps, sizes.batch]);
    let targets = symbols(drawn.targets);
    let cross_entropy = CrossEntropyLoss::new(None, device);
    let mut states = vec![zeros(sizes, device); sizes.layers];
    Box::new(move || {
        let now = model.take().expect("each step puts it back");
        let mut xs = now.embedding.forward(tokens.clone());
        for (layer, state) in now.layers.iter().zip(&mut states) {
            let (ys, last) = layer.run(xs, state.clone());
            *state = LstmState::new(last.cell.detach(), last.hidden.detach());
            xs = ys;
        }
        let logits = now.output.forward(xs.flatten::<2>(0, 1));
        let loss = cross_entropy.forward(logits, targets.clone());
        let mut gradients = GradientsParams::from_grads(loss.backward(), &now);
        if let Some(limit) = clip {
            clip_norm(&mut gradients, &now, limit);
        }
        model = Some(optimizer.step(rate, now, gradients));
        vec![loss]
    })
}

/// Scales all gradients so that their norm is at most the limit. Burn's own clipping is of each.
fn clip_norm<M: Module>(gradients: &mut GradientsParams, model: &M, limit: f64) {
    let mut squares = Squares { gradients, sum: 0.0 };
    model.visit(&mut squares);
    let factor = limit / squares.sum.sqrt();
    if factor < 1.0 {
        model.visit(&mut Scale { gradients, factor });
    }
}

struct Squares<'g> {
    gradients: &'g GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += f64::from(gradient.square().sum().into_scalar::<f32>());
        }
    }
}

struct Scale<'g> {
    gradients: &'g mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}

/// A step of a work with this LSTM, or none if the work is of another cell.
fn step<L: Layer>(work: &str, sizes: Sizes, device: &Device) -> Option<Step<Results>> {
    let trained = &device.clone().autodiff();
    Some(match work {
        "char_lm" => {
            let adam = AdamConfig::new().with_epsilon(1e-8).init();
            training::<L>(sizes, trained, adam, 2e-3, None)
        }
        "lm_medium" => training::<L>(sizes, trained, SgdConfig::new().init(), 0.1, Some(5.0)),
        "lstm_layer_forward" => lstm_layer_forward::<L>(sizes, device),
        "lstm_layer" | "lstm_4" => lstm_layer::<L>(sizes, trained),
        _ => return None,
    })
}

fn other_step(work: &str, sizes: Sizes, device: &Device) -> Option<Step<Results>> {
    let trained = &device.clone().autodiff();
    match work {
        "lstm_1997" => Some(gradients_of_squares(3, lstm_1997, sizes, trained)),
        "elman" | "elman_small" => Some(gradients_of_squares(1, elman, sizes, trained)),
        _ => None,
    }
}

/// The ways of doing the work, each with a step.
fn variants(work: &str, sizes: Sizes) -> Vec<(String, Step<Results>)> {
    #[expect(deprecated, reason = "until it is gone, it may be the faster one")]
    let devices = [("Flex", Device::flex()), ("NdArray", Device::ndarray())];
    let mut variants = Vec::new();
    for (backend, device) in &devices {
        let library = step::<Lstm>(work, sizes, device);
        let hoisted = step::<Hoisted>(work, sizes, device).or(other_step(work, sizes, device));
        for (name, step) in [("nn::Lstm", library), ("loop, hoisted", hoisted)] {
            variants.extend(step.map(|step| (format!("{name} on {backend}"), step)));
        }
    }
    variants
}

fn figure(results: Results) -> f64 {
    let numbers =
        |result: Tensor<1>| result.into_data().try_to_vec::<f32>().expect("single precision");
    norm(results.into_iter().flat_map(numbers))
}

fn main() -> io::Result<()> {
    let (work, sizes) = shared::arguments();
    // on a thread of the pool, so that products need not be handed to it
    rayon::scope(|_| serve(variants(&work, sizes), figure))
}
