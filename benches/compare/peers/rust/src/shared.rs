//! What both peers share: the work and its sizes, its numbers, and the protocol of
//! `peers/shared.py`.

#[path = "../../../blocks.rs"]
mod blocks;
#[path = "../../../stream.rs"]
mod stream;

use std::env;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use stream::Stream;

/// The sizes of a work that these peers have; `input` is that of an embedding, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) hidden: usize,
    pub(crate) vocabulary: usize,
    pub(crate) layers: usize,
}

/// The arguments `WORK THREADS NAME=SIZE...`: the work and its sizes.
pub(crate) fn arguments() -> (String, Sizes) {
    let mut arguments = env::args().skip(1);
    let work = arguments.next().expect("the first argument is a work");
    let threads = arguments.next().expect("the second argument is a number of threads");
    for variable in ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS"] {
        let value = env::var(variable); // which the frameworks read
        assert_eq!(value.as_ref(), Ok(&threads), "{variable} must be the number of threads");
    }
    let mut sizes = Sizes::default();
    for argument in arguments {
        let (name, size) = argument.split_once('=').expect("a further argument is NAME=SIZE");
        let size = size.parse().expect("a size is a number");
        match name {
            "steps" => sizes.steps = size,
            "batch" => sizes.batch = size,
            "input" => sizes.input = size,
            "hidden" => sizes.hidden = size,
            "vocabulary" => sizes.vocabulary = size,
            "layers" => sizes.layers = size,
            _ => {} // of works that these peers do not have
        }
    }
    (work, sizes)
}

/// Numbers in row-major order, and their shape.
#[derive(Clone, Debug)]
pub(crate) struct Array<const D: usize> {
    pub(crate) numbers: Vec<f32>,
    pub(crate) shape: [usize; D],
}

/// Weights and biases of gates, concatenated: `W: [I, G·H]`, `R: [H, G·H]`, `b: [G·H]`.
#[derive(Clone, Debug)]
pub(crate) struct Gates {
    pub(crate) w_ih: Array<2>,
    pub(crate) w_hh: Array<2>,
    pub(crate) b: Array<1>,
}

/// A language model, and a window of text in the order `[T, B]`.
#[derive(Clone, Debug)]
pub(crate) struct LanguageModel {
    pub(crate) embedding: Array<2>,
    pub(crate) layers: Vec<Gates>,
    /// `[H, V]` and `[V]`.
    pub(crate) output: (Array<2>, Array<1>),
    pub(crate) tokens: Vec<usize>,
    pub(crate) targets: Vec<usize>,
}

/// The stream as arrays of a work's sizes.
#[derive(Debug)]
pub(crate) struct Numbers {
    stream: Stream,
    sizes: Sizes,
}

impl Numbers {
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self { stream: Stream::default(), sizes }
    }

    fn uniform<const D: usize>(&mut self, bound: f32, shape: [usize; D]) -> Array<D> {
        Array { numbers: self.stream.uniform(bound, shape.iter().product()), shape }
    }

    fn weight<const D: usize>(&mut self, shape: [usize; D]) -> Array<D> {
        self.uniform((self.sizes.hidden as f32).sqrt().recip(), shape)
    }

    /// Weights of so many gates that read so many numbers.
    pub(crate) fn gates(&mut self, count: usize, input: usize) -> Gates {
        let hidden = self.sizes.hidden;
        let width = count * hidden;
        let (w_ih, w_hh) = (self.weight([input, width]), self.weight([hidden, width]));
        Gates { w_ih, w_hh, b: self.weight([width]) }
    }

    /// A sequence of inputs or cotangents.
    pub(crate) fn sequence(&mut self, features: usize) -> Array<3> {
        self.uniform(1.0, [self.sizes.steps, self.sizes.batch, features])
    }

    pub(crate) fn language_model(&mut self) -> LanguageModel {
        let Sizes { steps, batch, input, hidden, vocabulary, layers } = self.sizes;
        let embedding = self.weight([vocabulary, input]);
        let inputs = std::iter::once(input).chain(std::iter::repeat(hidden));
        let layers = inputs.take(layers).map(|input| self.gates(4, input)).collect();
        let output = (self.weight([hidden, vocabulary]), self.weight([vocabulary]));
        let [tokens, targets] = [(); 2].map(|()| self.stream.tokens(vocabulary, steps * batch));
        LanguageModel { embedding, layers, output, tokens, targets }
    }
}

/// A step of a work, with all that it needs.
pub(crate) type Step<R> = Box<dyn FnMut() -> R>;

/// The square root of the sum of the squares of all numbers.
pub(crate) fn norm(numbers: impl IntoIterator<Item = f32>) -> f64 {
    numbers.into_iter().map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// Prepares each variant, and takes steps on request. `figure` is the norm of all results.
pub(crate) fn serve<R>(
    variants: Vec<(String, Step<R>)>,
    figure: impl Fn(R) -> f64,
) -> io::Result<()> {
    let mut steps = Vec::new();
    for (name, mut step) in variants {
        let warm_up = || figure(blocks::warm_up(&mut step));
        match catch_unwind(AssertUnwindSafe(warm_up)) {
            Ok(figure) => {
                println!("variant\t{figure}\t{name}");
                steps.push(step);
            }
            Err(_) => println!("failed\ta panic, told on standard error\t{name}"),
        }
    }
    println!("ready");
    blocks::answer(&mut steps)
}
