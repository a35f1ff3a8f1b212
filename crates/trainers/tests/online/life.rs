//! The life of a learner: new sequences, saved states, failures.

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_layers::weights::Archive;
use bptt_layers::{
    Activation, Gru, IndRnn, Layer, Linear, Lstm, Module, RunOptions, Stepwise, rng,
};
use bptt_tensor::{Scalar, Tensor};
use bptt_trainers::online::{OnlineError, OnlineLearner, RealTime, Snap1, Traces, Uoro};

use super::support::{assert_close, drawn, forward_in_time, inputs, loss, through_time};

type Model = (IndRnn<f64>, Linear<f64>);
type Learner = Box<dyn OnlineLearner<f64, Model>>;

/// A learner of each kind.
fn learners() -> [Learner; 4] {
    [
        Box::new(RealTime::new()),
        Box::new(Snap1::new()),
        Box::new(Traces::new()),
        Box::new(Uoro::new(rng(3))),
    ]
}

fn model() -> Model {
    let rng = &mut rng(0);
    let cell = IndRnn::new(rng, 2, 3).activation(Activation::Tanh);
    drawn((cell, Linear::new(rng, 3, 2)), 15)
}

/// The bits of a step.
fn bits(learner: &mut Learner, model: &Model, x: &Tensor<f64>, t: usize) -> Vec<u64> {
    let step = learner.step(model, x, &|y| loss(y, t)).unwrap();
    let gradients =
        model.parameters().into_iter().flat_map(|(_, own)| step.gradients[own].to_vec());
    let numbers = step.output.to_vec().into_iter().chain([step.loss]).chain(gradients);
    numbers.map(f64::to_bits).collect()
}

#[test]
fn a_restored_learner_continues_to_the_bit() {
    let (model, xs) = (model(), inputs([8, 3, 2], 16));
    for (mut learner, mut other) in learners().into_iter().zip(learners()) {
        for t in 0..4 {
            let _ = bits(&mut learner, &model, &xs.index_first(t), t);
        }
        learner.reset_sequences(&[1]); // a sequence that has not begun is restored as well
        let path = std::env::temp_dir().join(format!("bptt-online-{}", std::process::id()));
        learner.state().save(&path).unwrap();
        other.restore(&model, &Archive::load(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        let texts = |learner: &Learner| {
            let state = learner.state();
            let text = |name: &str| (name.to_owned(), state.text(name).unwrap().to_owned());
            state.text_names().map(text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&other), texts(&learner));
        for t in 4..8 {
            let x = xs.index_first(t);
            let [own, restored] = [&mut learner, &mut other].map(|l| bits(l, &model, &x, t));
            assert_eq!(own, restored, "{learner:?}");
        }
    }
}

#[test]
fn a_state_of_another_model_or_learner_is_refused() {
    let (model, xs) = (model(), inputs([2, 1, 2], 17));
    let rng = &mut rng(0);
    let wider = (IndRnn::new(rng, 2, 4), Linear::new(rng, 4, 2));
    for mut learner in learners() {
        for t in 0..2 {
            let _ = bits(&mut learner, &model, &xs.index_first(t), t);
        }
        let state = learner.state();
        assert!(learner.restore(&wider, &state).is_err());
        let mut more = state.clone();
        more.insert("0.more", Tensor::ones([1]));
        assert!(learner.restore(&model, &more).is_err());
        assert!(learner.restore(&model, &Archive::new()).is_err());
        learner.restore(&model, &state).unwrap();
    }
    for (from, other) in learners().iter_mut().enumerate() {
        let _ = bits(other, &model, &xs.index_first(0), 0);
        let state = other.state();
        for to in (0..4).filter(|to| *to != from) {
            assert!(learners()[to].restore(&model, &state).is_err(), "from {from} to {to}");
        }
    }
}

#[test]
fn new_sequences_begin_at_the_start() {
    let (model, xs) = (model(), inputs([3, 2, 2], 18));
    for mut learner in learners().into_iter().take(3) {
        let first = bits(&mut learner, &model, &xs.index_first(0), 0);
        let _ = bits(&mut learner, &model, &xs.index_first(1), 1);
        learner.reset();
        assert_eq!(bits(&mut learner, &model, &xs.index_first(0), 0), first);
        learner.reset();
        let one = xs.index_first(0).slice(0, 0..1);
        let _ = bits(&mut learner, &model, &one, 0); // another batch
    }
}

/// A sequence that begins anew is as if it had been alone; the other goes on.
#[test]
fn one_sequence_begins_anew() {
    let (model, xs) = (model(), inputs([6, 2, 2], 19));
    let mut learner = RealTime::new();
    let both: &mut dyn OnlineLearner<f64, Model> = &mut learner;
    for t in 0..3 {
        let _ = both.advance(&model, &xs.index_first(t)).unwrap();
    }
    both.reset_sequences(&[1]);
    let mut found = bptt_autodiff::Gradients::default();
    for t in 3..6 {
        let step = both.step(&model, &xs.index_first(t), &|y| (y * y).slice(0, 1..2).sum_all());
        found += step.unwrap().gradients;
    }
    let tape = Tape::new();
    let alone = tape.constant(xs.slice(0, 3..6).slice(1, 1..2));
    let expected = tape.backward(model.forward(alone).0.square().sum_all());
    assert_close(&model, &found, &expected, 1e-10);
}

/// Steps without a loss have an influence too.
#[test]
fn a_step_without_a_loss_is_part_of_the_past() {
    let (model, xs) = (model(), inputs([5, 2, 2], 20));
    let tape = Tape::new();
    let last = model.forward(tape.constant(xs.clone())).0.index_first(4);
    let expected = tape.backward(loss(last, 4));
    for mut learner in learners().into_iter().take(3) {
        for t in 0..4 {
            let _ = learner.advance(&model, &xs.index_first(t)).unwrap();
        }
        let found = learner.step(&model, &xs.index_first(4), &|y| loss(y, 4)).unwrap();
        let difference = &found.output - &last.value();
        assert!(difference.iter().all(|d| d.abs() < 1e-14));
        assert_close(&model, &found.gradients, &expected, 1e-10);
    }
}

#[test]
fn memory_does_not_grow_with_time() {
    let (model, xs) = (model(), inputs([10, 1, 2], 21));
    for mut learner in learners() {
        let mut size = |steps: usize| {
            for t in 0..steps {
                let _ = learner.advance(&model, &xs.index_first(t % 10)).unwrap();
            }
            let state = learner.state();
            let tensors =
                state.names().map(|name| state.tensor(name).unwrap().len()).sum::<usize>();
            let texts = state
                .text_names()
                .filter(|name| !name.ends_with("rng") && !name.ends_with("steps"));
            tensors + texts.map(|name| state.text(name).unwrap().len()).sum::<usize>()
        };
        assert_eq!(size(10), size(100));
    }
}

/// What a readout outside of the layer adds is exact.
#[test]
fn a_loss_may_have_parameters() {
    let (cell, readout) = model();
    let xs = inputs([5, 2, 2], 22);
    let mut found = bptt_autodiff::Gradients::default();
    let mut learner = RealTime::new();
    for t in 0..5 {
        let step = learner.step(&cell, &xs.index_first(t), &|y| loss(readout.forward(y), t));
        found += step.unwrap().gradients;
    }
    let both = (cell, readout);
    let (_, expected) = through_time(&both, &xs);
    assert_close(&both, &found, &expected, 1e-10);
    assert_eq!(found.len(), both.parameters().len()); // and nothing of the outputs
}

#[test]
fn what_is_not_finite_is_an_error() {
    let model = model();
    let (fine, nan) =
        (Tensor::ones([2, 2]), Tensor::from_vec([2, 2], vec![1.0, 1.0, f64::NAN, 1.0]));
    for (mut learner, mut other) in learners().into_iter().zip(learners()) {
        let _ = bits(&mut learner, &model, &fine, 0);
        let error = learner.advance(&model, &nan).unwrap_err();
        let expected = OnlineError::NonFinite { quantity: "the state", sequence: 1, step: 1 };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("smaller learning rate"), "{error}");
        let error = learner.step(&model, &fine, &|y| (y * 0.0).ln().sum_all()).unwrap_err();
        assert!(matches!(error, OnlineError::NonFiniteLoss { .. }), "{error}");
        // the learner is as before
        let _ = bits(&mut other, &model, &fine, 0);
        assert_eq!(bits(&mut learner, &model, &fine, 1), bits(&mut other, &model, &fine, 1));
    }
    // an influence that grows by a factor of 1e60 a step, while the state stays 0
    let mut cell = IndRnn::<f64>::new(&mut rng(0), 1, 1).activation(Activation::Identity);
    cell.w_hh.set(Tensor::full([1], 1e60));
    for learner in [&mut RealTime::new() as &mut dyn OnlineLearner<f64, _>, &mut Traces::new()] {
        let error = (0..9).find_map(|_| learner.advance(&cell, &Tensor::zeros([1, 1])).err());
        let Some(OnlineError::NonFinite { quantity, .. }) = error else { panic!("{error:?}") };
        assert_eq!(quantity, "the influence of the parameters");
    }
}

#[test]
fn another_batch_is_an_error() {
    let (model, xs) = (model(), inputs([1, 3, 2], 23).index_first(0));
    for mut learner in learners() {
        let _ = bits(&mut learner, &model, &xs, 0);
        let error = learner.advance(&model, &xs.slice(0, 0..2)).unwrap_err();
        assert_eq!(error, OnlineError::Batch { found: 2, expected: 3 });
    }
}

#[test]
#[should_panic(expected = "an online learner serves one layer")]
fn another_layer_is_refused() {
    let mut learner = RealTime::new();
    let _ = learner.advance(&Lstm::<f64>::new(&mut rng(0), 2, 2), &Tensor::ones([1, 2]));
    let _ = learner.advance(&Lstm::<f64>::new(&mut rng(0), 2, 3), &Tensor::ones([1, 2]));
}

/// A layer whose state counts the steps of all sequences, without a batch axis, and scales by them.
#[derive(Module)]
struct Counting<T> {
    w: Param<T>,
}

impl<T: Scalar> Layer<T> for Counting<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        let h = tape.constant(Tensor::zeros([batch, self.w.shape()[0]]));
        (h, tape.constant(Tensor::scalar(T::one())))
    }

    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        _options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let (mut state, mut ys) = (state, Vec::new());
        for t in 0..xs.shape()[0] {
            let (y, next) = self.advance(xs.index_first(t), state);
            ys.push(y);
            state = next;
        }
        (Var::stack(&ys, 0), state)
    }
}

impl<T: Scalar> Stepwise<T> for Counting<T> {
    fn advance<'t>(
        &self,
        x: Var<'t, T>,
        (h, count): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let h = (x + (h / count).matmul(&self.w)).tanh();
        (h, (h, count + 1.0))
    }
}

#[test]
fn a_count_without_a_batch_axis_is_carried() {
    let layer = drawn(Counting { w: Param::new(Tensor::zeros([2, 2])) }, 24);
    let xs = inputs([5, 3, 2], 25);
    let (_, expected) = through_time(&layer, &xs);
    let (_, found) = forward_in_time(&mut RealTime::new(), &layer, &xs);
    assert_close(&layer, &found, &expected, 1e-10);
    let tape = Tape::<f64>::new();
    assert_eq!(layer.start(&tape, 3).leaves()[1].shape(), []);
}

/// Results in single precision are those of double precision, rounded.
#[test]
fn single_precision() {
    let gru = Gru::<f32>::new(&mut rng(0), 2, 3);
    let mut learner = RealTime::new();
    let mut last = None;
    for _ in 0..5 {
        let step = learner.step(&gru, &Tensor::ones([1, 2]), &|y| y.square().sum_all()).unwrap();
        last = Some(step.gradients);
    }
    let tape = Tape::new();
    let (ys, _) = gru.forward(tape.constant(Tensor::ones([5, 1, 2])));
    let expected = tape.backward(ys.index_first(4).square().sum_all());
    let difference = &last.unwrap()[&gru.w_ih] - &expected[&gru.w_ih];
    assert!(difference.iter().all(|d| d.abs() < 1e-5));
}
