//! The works in Candle; see `shared.rs`.

mod shared;

use std::collections::HashMap;
use std::io;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::ops::sigmoid;
use candle_nn::rnn::{LSTM, LSTMConfig, LSTMState, RNN};
use candle_nn::{AdamW, Embedding, Module, Optimizer, ParamsAdamW, SGD, VarBuilder, loss};

use shared::{Array, Gates, LanguageModel, Numbers, Sizes, Step, norm, serve};

const CPU: Device = Device::Cpu;

// ----------------------------------------------------------------------------------------- layers
/// A variable has a gradient. Of operations on constants, Candle records nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Variable,
    Constant,
}

impl Kind {
    fn tensor<const D: usize>(self, array: &Array<D>) -> Result<Tensor> {
        match self {
            Self::Variable => {
                Ok(Var::from_slice(&array.numbers, &array.shape[..], &CPU)?.into_inner())
            }
            Self::Constant => Tensor::from_slice(&array.numbers, &array.shape[..], &CPU),
        }
    }

    fn transposed(self, array: &Array<2>) -> Result<Tensor> {
        let tensor = Self::Constant.tensor(array)?.t()?.contiguous()?;
        match self {
            Self::Variable => Ok(Var::from_tensor(&tensor)?.into_inner()),
            Self::Constant => Ok(tensor),
        }
    }
}

/// The outputs `[T, B, H]` of inputs `[T, B, I]`, and the last state.
type Run = Box<dyn Fn(&Tensor, &LSTMState) -> Result<(Tensor, LSTMState)>>;

struct Layer {
    weights: Vec<Tensor>,
    run: Run,
}

/// A way of making an LSTM.
type Make = fn(&Gates, Kind) -> Result<Layer>;

/// `rnn::LSTM`, without its second bias, as we have none.
fn library(gates: &Gates, kind: Kind) -> Result<Layer> {
    let weights =
        [kind.transposed(&gates.w_ih)?, kind.transposed(&gates.w_hh)?, kind.tensor(&gates.b)?];
    let names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"].map(str::to_owned);
    let named = HashMap::from_iter(names.into_iter().zip(weights.clone()));
    let [hidden, _] = gates.w_hh.shape;
    let config = LSTMConfig { b_hh_init: None, ..LSTMConfig::default() };
    let weights_of = VarBuilder::from_tensors(named, DType::F32, &CPU);
    let lstm = LSTM::new(gates.w_ih.shape[0], hidden, config, weights_of)?;
    let run: Run = Box::new(move |xs, state| {
        let mut states = lstm.seq_init(&xs.transpose(0, 1)?, state)?;
        let hs: Vec<_> = states.iter().map(LSTMState::h).collect();
        let ys = Tensor::stack(&hs, 0)?;
        Ok((ys, states.pop().expect("there are steps")))
    });
    Ok(Layer { weights: weights.to_vec(), run })
}

/// The next output and the next cell state, of the gates' sums `[B, G·H]` and the cell state.
type Cell = fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>;

/// A loop, with the product of the inputs hoisted out of it.
fn hoisted(gates: &Gates, kind: Kind, cell: Cell) -> Result<Layer> {
    let weights =
        vec![kind.tensor(&gates.w_ih)?, kind.tensor(&gates.w_hh)?, kind.tensor(&gates.b)?];
    let [w_ih, w_hh, b] = [0, 1, 2].map(|n| weights[n].clone());
    let run: Run = Box::new(move |xs, state| {
        let (length, batch, _) = xs.dims3()?;
        let read = xs.flatten(0, 1)?.matmul(&w_ih)?.broadcast_add(&b)?;
        let LSTMState { mut h, mut c } = state.clone();
        let mut hs = Vec::new();
        for read in steps(&read.reshape((length, batch, ()))?)? {
            (h, c) = cell(&(read + h.matmul(&w_hh)?)?, &c)?;
            hs.push(h.clone());
        }
        Ok((Tensor::stack(&hs, 0)?, LSTMState { h, c }))
    });
    Ok(Layer { weights, run })
}

/// The steps `[B, I]` of a sequence. The gradient of a part is filled up to the size of the whole,
/// so this cuts in halves, and fills `T log T` rather than `T²` steps.
fn steps(xs: &Tensor) -> Result<Vec<Tensor>> {
    match xs.dim(0)? {
        1 => Ok(vec![xs.squeeze(0)?]),
        length => {
            let mut parts = steps(&xs.narrow(0, 0, length / 2)?)?;
            parts.extend(steps(&xs.narrow(0, length / 2, length - length / 2)?)?);
            Ok(parts)
        }
    }
}

fn lstm(z: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
    let [i, f, g, o] = &z.chunk(4, 1)?[..] else { unreachable!("there are four parts") };
    let c = ((sigmoid(f)? * c)? + (sigmoid(i)? * g.tanh()?)?)?;
    Ok(((sigmoid(o)? * c.tanh()?)?, c))
}

fn lstm_1997(z: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
    let [g, i, o] = &z.chunk(3, 1)?[..] else { unreachable!("there are three parts") };
    let c = (c + (g.tanh()? * sigmoid(i)?)?)?;
    Ok(((c.tanh()? * sigmoid(o)?)?, c))
}

fn elman(z: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((z.tanh()?, c.clone()))
}

fn zeros(sizes: Sizes) -> Result<LSTMState> {
    let zeros = Tensor::zeros((sizes.batch, sizes.hidden), DType::F32, &CPU)?;
    Ok(LSTMState { h: zeros.clone(), c: zeros })
}

// ------------------------------------------------------------------------------------------ works
type Results = Result<Vec<Tensor>>;

/// Gradients of a loss of the outputs, with respect to the weights and the inputs.
fn gradients(
    layer: Layer,
    xs: Tensor,
    sizes: Sizes,
    loss: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Result<Step<Results>> {
    let state = zeros(sizes)?;
    Ok(Box::new(move || {
        let (ys, _) = (layer.run)(&xs, &state)?;
        let mut gradients = loss(&ys)?.backward()?;
        let sources = layer.weights.iter().chain([&xs]);
        Ok(sources.map(|source| gradients.remove(source).expect("a gradient")).collect())
    }))
}

fn gradients_of_squares(gates: usize, cell: Cell, sizes: Sizes) -> Result<Step<Results>> {
    let mut numbers = Numbers::new(sizes);
    let layer = hoisted(&numbers.gates(gates, sizes.input), Kind::Variable, cell)?;
    let xs = Kind::Variable.tensor(&numbers.sequence(sizes.input))?;
    gradients(layer, xs, sizes, |ys| ys.sqr()?.sum_all())
}

fn lstm_layer(make: Make, sizes: Sizes) -> Result<Step<Results>> {
    let mut numbers = Numbers::new(sizes);
    let layer = make(&numbers.gates(4, sizes.input), Kind::Variable)?;
    let xs = Kind::Variable.tensor(&numbers.sequence(sizes.input))?;
    let cotangent = Kind::Constant.tensor(&numbers.sequence(sizes.hidden))?;
    gradients(layer, xs, sizes, move |ys| (ys * &cotangent)?.sum_all())
}

fn lstm_layer_forward(make: Make, sizes: Sizes) -> Result<Step<Results>> {
    let mut numbers = Numbers::new(sizes);
    let layer = make(&numbers.gates(4, sizes.input), Kind::Constant)?;
    let xs = Kind::Constant.tensor(&numbers.sequence(sizes.input))?;
    let state = zeros(sizes)?;
    Ok(Box::new(move || Ok(vec![(layer.run)(&xs, &state)?.0])))
}

/// A step of training on one window of text, again and again, with the state carried along.
fn training<O: Optimizer + 'static>(
    make: Make,
    sizes: Sizes,
    config: O::Config,
    clip: Option<f64>,
) -> Result<Step<Results>> {
    let LanguageModel { embedding, layers, output, tokens, targets } =
        Numbers::new(sizes).language_model();
    let table = Kind::Variable.tensor(&embedding)?;
    let embedding = Embedding::new(table.clone(), sizes.input);
    let layers = layers.iter().map(|gates| make(gates, Kind::Variable));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let (w, b) = (Kind::Variable.tensor(&output.0)?, Kind::Variable.tensor(&output.1)?);
    let [tokens, targets] = [tokens, targets].map(|symbols| {
        let symbols = symbols.into_iter().map(|symbol| symbol as u32).collect();
        Tensor::from_vec(symbols, sizes.steps * sizes.batch, &CPU)
    });
    let (tokens, targets) = (tokens?.reshape((sizes.steps, sizes.batch))?, targets?);

    let weights = layers.iter().flat_map(|layer| &layer.weights).chain([&table, &w, &b]);
    let weights = weights.map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let mut optimizer = O::new(weights.clone(), config)?;
    let mut states = vec![zeros(sizes)?; sizes.layers];
    Ok(Box::new(move || {
        let mut xs = embedding.forward(&tokens)?;
        for (layer, state) in layers.iter().zip(&mut states) {
            let (ys, last) = (layer.run)(&xs, state)?;
            *state = LSTMState { h: last.h.detach(), c: last.c.detach() };
            xs = ys;
        }
        let logits = xs.flatten(0, 1)?.matmul(&w)?.broadcast_add(&b)?;
        let loss = loss::cross_entropy(&logits, &targets)?;
        let mut gradients = loss.backward()?;
        if let Some(limit) = clip {
            clip_norm(&mut gradients, &weights, limit)?;
        }
        optimizer.step(&gradients)?;
        Ok(vec![loss])
    }))
}

/// Scales all gradients so that their norm is at most the limit.
fn clip_norm(gradients: &mut GradStore, weights: &[Var], limit: f64) -> Result<()> {
    let mut squares = 0.0;
    for gradient in weights.iter().filter_map(|weight| gradients.get(weight)) {
        squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
    }
    let factor = limit / squares.sqrt();
    if factor < 1.0 {
        for weight in weights {
            if let Some(gradient) = gradients.remove(weight) {
                gradients.insert(weight, (gradient * factor)?);
            }
        }
    }
    Ok(())
}

/// The ways of doing the work, each with a step.
fn variants(work: &str, sizes: Sizes) -> Result<Vec<(String, Step<Results>)>> {
    let makes: [(&str, Make); 2] =
        [("rnn::LSTM", library), ("loop, hoisted", |gates, kind| hoisted(gates, kind, lstm))];
    let each = |step: &dyn Fn(Make) -> Result<Step<Results>>| {
        makes.iter().map(|&(name, make)| Ok((name.to_owned(), step(make)?))).collect()
    };
    let only = |step| Ok(vec![("loop, hoisted".to_owned(), step)]);
    match work {
        "char_lm" => each(&|make| {
            let config = ParamsAdamW { lr: 2e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
            training::<AdamW>(make, sizes, config, None)
        }),
        "lm_medium" => each(&|make| training::<SGD>(make, sizes, 0.1, Some(5.0))),
        "lstm_layer_forward" => each(&|make| lstm_layer_forward(make, sizes)),
        "lstm_layer" | "lstm_4" => each(&|make| lstm_layer(make, sizes)),
        "lstm_1997" => only(gradients_of_squares(3, lstm_1997, sizes)?),
        "elman" | "elman_small" => only(gradients_of_squares(1, elman, sizes)?),
        _ => Ok(Vec::new()),
    }
}

fn figure(results: Results) -> f64 {
    let numbers = |result: &Tensor| result.flatten_all()?.to_vec1::<f32>();
    let numbers =
        results.and_then(|results| results.iter().map(numbers).collect::<Result<Vec<_>>>());
    norm(numbers.expect("operations and shapes are supported").into_iter().flatten())
}

fn main() -> io::Result<()> {
    let (work, sizes) = shared::arguments();
    // on a thread of Candle's pool, so that products need not be handed to it
    CPU.with_context(|| {
        let variants = variants(&work, sizes).expect("operations and shapes are supported");
        serve(variants, figure)
    })
}
