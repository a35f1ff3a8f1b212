//! The life of a learner: new sequences, failures.

use bptt_autodiff::{Param, Tape, Tree, Var};
use bptt_layers::{
    Activation, Gru, IndRnn, Layer, Linear, Lstm, Module, RunOptions, Stepwise, rng,
};
use bptt_tensor::{Scalar, Tensor};
use bptt_trainers::online::{OnlineError, OnlineLearner, RealTime, Traces};

use super::support::{
    Model, assert_close, bits, contents, drawn, forward_in_time, inputs, learners, loss, model,
    through_time,
};

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

/// Each failure is in the second of two sequences, when the first one has made its step.
#[test]
fn what_is_not_finite_is_an_error() {
    let model = model();
    let fine = |t| inputs([4, 2, 2], 28).index_first(t);
    let nan = Tensor::from_vec([2, 2], vec![1.0, 1.0, f64::NAN, 1.0]);
    for began in [false, true] {
        for (mut learner, mut other) in learners().into_iter().zip(learners()) {
            if began {
                let steps = [&mut learner, &mut other].map(|own| bits(own, &model, &fine(0), 0));
                assert_eq!(steps[0], steps[1]);
            }
            let before = contents(&learner.state());
            let error = learner.advance(&model, &nan).unwrap_err();
            let quantity = "the state";
            let step = u64::from(began);
            assert_eq!(error, OnlineError::NonFinite { quantity, sequence: 1, step });
            assert!(error.to_string().contains("smaller learning rate"), "{error}");
            assert_eq!(contents(&learner.state()), before);
            for bad in [f64::NAN, f64::INFINITY] {
                let error = learner.step(&model, &fine(1), &|y| (y * bad).sum_all()).unwrap_err();
                assert!(matches!(error, OnlineError::NonFiniteLoss { .. }), "{error}");
                assert_eq!(contents(&learner.state()), before);
            }
            for t in 1..3 {
                let steps = [&mut learner, &mut other].map(|own| bits(own, &model, &fine(t), t));
                assert_eq!(steps[0], steps[1], "{learner:?}");
                assert_eq!(contents(&learner.state()), contents(&other.state()));
            }
        }
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

/// A layer whose first step was refused is not the one that the learner serves.
#[test]
fn another_layer_may_follow_a_refused_step() {
    let nan = Tensor::full([1, 2], f64::NAN);
    for mut learner in learners() {
        let wider = (IndRnn::new(&mut rng(0), 2, 4), Linear::new(&mut rng(0), 4, 2));
        assert!(learner.advance(&wider, &nan).is_err());
        let _ = bits(&mut learner, &model(), &Tensor::ones([1, 2]), 0);
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
