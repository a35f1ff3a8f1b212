//! `silero-vad`: whether a voice speaks in a chunk of sound, by convolutions over its spectrum and an LSTM.

use bptt::prelude::*;
use bptt::weights::pytorch::{self, PyTorch, RecurrentLayer};
use bptt::weights::{self, Archive, Layout, WeightsError};

use super::{Prediction, Published};

/// Samples of a chunk, at 16 kHz.
const CHUNK: usize = 512;
/// Samples of the chunk before that are read again.
const CONTEXT: usize = 64;
/// Samples behind the chunk, where the signal is reflected.
const REFLECTED: usize = 64;
const FRAME: usize = CONTEXT + CHUNK + REFLECTED;
const WINDOW: usize = 256;
const HOP: usize = 128;
/// Frequencies of the spectrum of a window.
const FREQUENCIES: usize = WINDOW / 2 + 1;
const HIDDEN: usize = 128;
/// The probability from which a chunk is speech, the package's default.
const THRESHOLD: f32 = 0.5;
/// The largest sample of sixteen bits, and one more.
const FULL_SCALE: f32 = 32768.0;

/// The layers: a step reads a frame `[B, 640]` and gives the probability of speech `[B, 1]`.
#[derive(Debug, Module)]
pub(crate) struct Network<T> {
    /// The real and the imaginary parts of a windowed Fourier transform.
    stft: Conv2d<T>,
    convolutions: [Conv2d<T>; 4],
    lstm: Lstm<T>,
    output: Linear<T>,
}

impl<T: Scalar> Network<T> {
    /// The layers, with random weights.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        let mut convolution = |inputs, outputs, stride| {
            Conv2d::new(rng, inputs, outputs, [1, 3]).stride([1, stride]).padding([0, 1])
        };
        let convolutions = [
            convolution(FREQUENCIES, 128, 1),
            convolution(128, 64, 2),
            convolution(64, 64, 2),
            convolution(64, HIDDEN, 1),
        ];
        Self {
            stft: Conv2d::new(rng, 1, 2 * FREQUENCIES, [1, WINDOW]).stride([1, HOP]).bias(false),
            convolutions,
            lstm: Lstm::new(rng, HIDDEN, HIDDEN),
            output: Linear::new(rng, HIDDEN, 1),
        }
    }

    /// What the LSTM reads of a frame. The windows of the frame are the pixels of an image of one row, since the axes
    /// of images come after the batch, as a step needs it. The convolutions leave one pixel.
    fn features<'t>(&self, frame: Var<'t, T>) -> Var<'t, T> {
        let batch = frame.shape()[0];
        let samples = frame.reshape([batch, 1, FRAME, 1]);
        let [real, imaginary] = self.stft.forward(samples).split(-1);
        let magnitudes = (real.square() + imaginary.square()).sqrt();
        let convolved = |xs: Var<'t, T>, layer: &Conv2d<T>| layer.forward(xs).relu();
        self.convolutions.iter().fold(magnitudes, convolved).reshape([batch, HIDDEN])
    }
}

impl<T: Scalar> Cell<T> for Network<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, frame: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let (h, state) = self.lstm.step(self.features(frame), state);
        (self.output.forward(h.relu()).sigmoid(), state)
    }
}

impl<T: Scalar> StateSizes for Network<T> {
    fn state_sizes(&self) -> Vec<usize> {
        self.lstm.state_sizes()
    }
}

impl<T: Scalar> PyTorch<T> for Network<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        let layers = Layout::new()
            .group("stft", self.stft.in_pytorch())
            .group("lstm", self.lstm.layer_in_pytorch(""))
            .group("output", self.output.in_pytorch());
        let numbered = (1..).zip(&self.convolutions);
        numbered.fold(layers, |layers, (number, layer)| {
            layers.group(&format!("conv{number}"), layer.in_pytorch())
        })
    }
}

/// The model, prepared to read chunk after chunk.
#[derive(Debug)]
pub(crate) struct SileroVad {
    stepper: Stepper<f32>,
    frame: Vec<f32>,
}

impl SileroVad {
    /// The probability of speech in the next chunk of a recording. The last one may be shorter, and is followed by
    /// silence.
    fn listen(&mut self, chunk: &[i16]) -> f32 {
        let frame = &mut self.frame;
        frame.copy_within(CHUNK..CHUNK + CONTEXT, 0);
        let samples = chunk.iter().map(|&sample| f32::from(sample) / FULL_SCALE);
        let samples = samples.chain(std::iter::repeat(0.0));
        for (place, sample) in frame[CONTEXT..CONTEXT + CHUNK].iter_mut().zip(samples) {
            *place = sample;
        }
        let (signal, reflected) = frame.split_at_mut(CONTEXT + CHUNK);
        for (place, sample) in reflected.iter_mut().zip(signal.iter().rev().skip(1)) {
            *place = *sample;
        }
        self.stepper.step(&[frame]);
        self.stepper.output(0)[0]
    }
}

impl Published for SileroVad {
    /// A recording at 16 kHz.
    type Input = Vec<i16>;

    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        let mut rng = bptt::rng(0);
        let network =
            weights::build(|| Network::new(&mut rng), |network| pytorch::load(network, archive))?;
        Ok(Self { stepper: stepper(&network, [1, FRAME]), frame: vec![0.0; FRAME] })
    }

    fn predict(&mut self, recording: &Vec<i16>) -> Prediction {
        self.stepper.reset(&[0]);
        self.frame.fill(0.0);
        let numbers: Vec<f32> = recording.chunks(CHUNK).map(|chunk| self.listen(chunk)).collect();
        let name = |&p: &f32| if p >= THRESHOLD { "speech" } else { "silence" }.to_owned();
        Prediction { decisions: numbers.iter().map(name).collect(), numbers }
    }
}

#[cfg(test)]
mod tests {
    use bptt::prelude::*;
    use bptt::weights::pytorch;

    use super::{CHUNK, CONTEXT, FULL_SCALE, Network, SileroVad};
    use crate::models::Published;
    use crate::tests::assert_near;

    /// The frames that a recording of whole chunks consists of, `[T, 1, 640]`.
    fn frames(recording: &[i16]) -> Tensor<f32> {
        let sample =
            |t: usize| t.checked_sub(CONTEXT).map_or(0.0, |t| f32::from(recording[t]) / FULL_SCALE);
        let end = CONTEXT + CHUNK;
        Tensor::from_fn([recording.len() / CHUNK, 1, end + CONTEXT], |i| {
            let (chunk, place) = (i / (end + CONTEXT), i % (end + CONTEXT));
            let place = if place < end { place } else { 2 * (end - 1) - place };
            sample(chunk * CHUNK + place)
        })
    }

    #[test]
    fn listens_as_a_run_over_the_recording() {
        let network = Network::new(&mut bptt::rng(0));
        let mut model = SileroVad::load(&pytorch::archive(&network)).unwrap();
        let wave = |t: usize| ((t * t) as f64 / 5000.0).sin() * 8000.0;
        let recording: Vec<i16> = (0..3 * CHUNK).map(|t| wave(t) as i16).collect();
        let found = model.predict(&recording);
        let tape = Tape::inference();
        let (expected, _state) = network.forward(tape.constant(frames(&recording)));
        assert_near(&found.numbers, &expected.value(), 1e-5);
        assert_eq!(found, model.predict(&recording)); // from the start again
        let loud = |&p: &f32| if p >= 0.5 { "speech" } else { "silence" };
        assert!(found.decisions.iter().eq(found.numbers.iter().map(loud)));
    }

    #[test]
    fn silence_follows_a_short_chunk() {
        let mut model =
            SileroVad::load(&pytorch::archive(&Network::new(&mut bptt::rng(1)))).unwrap();
        let mut recording = vec![1000; CHUNK + 100];
        let short = model.predict(&recording);
        recording.resize(2 * CHUNK, 0);
        assert_eq!(short, model.predict(&recording));
    }
}
