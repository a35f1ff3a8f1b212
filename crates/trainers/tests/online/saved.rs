//! States of learners: saved, restored, refused.

use bptt_layers::weights::Archive;
use bptt_layers::{Activation, Elman, IndRnn, Linear, rng};
use bptt_tensor::Tensor;
use bptt_trainers::online::{OnlineLearner, Snap1, Traces};

use super::support::{bits, contents, inputs, learners, model};

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
        assert_eq!(contents(&other.state()), contents(&learner.state()));
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

/// A copy of an archive without one entry.
fn without(archive: &Archive<f64>, left_out: &str, is_text: bool) -> Archive<f64> {
    let mut copy = Archive::new();
    for name in archive.names().filter(|name| is_text || *name != left_out) {
        copy.insert(name, archive.tensor(name).unwrap().clone());
    }
    for name in archive.text_names().filter(|name| !is_text || *name != left_out) {
        copy.set_text(name, archive.text(name).unwrap());
    }
    copy
}

#[test]
fn an_incomplete_state_is_refused() {
    let (model, xs) = (model(), inputs([3, 2, 2], 29));
    for mut learner in learners() {
        for t in 0..3 {
            let _ = bits(&mut learner, &model, &xs.index_first(t), t);
        }
        let state = learner.state();
        let before = contents(&state);
        assert!(state.names().count() > 6, "{learner:?}");
        let tensors = state.names().map(|name| (name, false));
        for (name, is_text) in tensors.chain(state.text_names().map(|name| (name, true))) {
            let error = learner.restore(&model, &without(&state, name, is_text)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(contents(&learner.state()), before);
        }
    }
}

/// Replaces a tensor in the state of a learner and returns the message of what refuses it.
fn refusal<L: bptt_layers::Stepwise<f64> + bptt_layers::Module<f64>>(
    learner: &mut dyn OnlineLearner<f64, L>,
    layer: &L,
    name: &str,
    change: &dyn Fn(&mut [f64]),
) -> String {
    let mut state = learner.state();
    let mut tensor = state.tensor(name).unwrap().clone();
    change(tensor.as_mut_slice());
    state.insert(name, tensor);
    learner.restore(layer, &state).unwrap_err().to_string()
}

#[test]
fn positions_that_do_not_exist_are_refused() {
    let x = Tensor::ones([1, 2]);
    let elman = Elman::<f64>::new(&mut rng(0), 2, 3);
    let mut learner = Snap1::new();
    for _ in 0..2 {
        let _ = learner.advance(&elman, &x).unwrap();
    }
    let name = "0.columns.w_ih"; // 0 3 1 4 2 5, each as two digits
    for (element, value) in [(1, 0.5), (1, 4.0), (1, -1.0), (3, 6.0), (0, 1.0), (1, f64::NAN)] {
        let message = refusal(&mut learner, &elman, name, &|own| own[element] = value);
        assert!(message.contains(name), "{message}");
    }
    let ind_rnn = IndRnn::<f64>::new(&mut rng(0), 2, 3).activation(Activation::Tanh);
    let mut learner = Traces::new();
    let _ = learner.advance(&ind_rnn, &x).unwrap();
    for value in [4.0, 0.5, -1.0] {
        let change = |own: &mut [f64]| own[1] = value;
        let message = refusal(&mut learner, &ind_rnn, "units.w_ih", &change);
        assert!(message.contains("units.w_ih"), "{message}");
    }
}

/// Positions are tensors, so that the header of a file stays small.
#[test]
fn texts_do_not_grow_with_the_layer() {
    let size = |hidden: usize| {
        let rng = &mut rng(0);
        let cell = IndRnn::new(rng, 2, hidden).activation(Activation::Tanh);
        let model = (cell, Linear::new(rng, hidden, 2));
        let x = Tensor::ones([1, 2]);
        learners().map(|mut learner| {
            let _ = learner.advance(&model, &x).unwrap();
            let state = learner.state();
            let texts = state.text_names().filter(|name| !name.ends_with("rng"));
            texts.map(|name| state.text(name).unwrap().len()).sum::<usize>()
        })
    };
    assert_eq!(size(2), size(20));
}

/// A learner is saved without naming its layer.
#[test]
fn a_concrete_learner_is_reset() {
    let elman = Elman::<f64>::new(&mut rng(0), 2, 3);
    let x = Tensor::ones([2, 2]);
    let mut learner = Snap1::new();
    let first = learner.advance(&elman, &x).unwrap();
    learner.reset_sequences(&[1]);
    let second = learner.advance(&elman, &x).unwrap();
    assert_eq!(second.index_first(1), first.index_first(1));
    assert_ne!(second.index_first(0), first.index_first(0));
    learner.reset();
    assert_eq!(learner.state().text("sequences").unwrap(), "0");
    assert_eq!(learner.advance(&elman, &x).unwrap(), first);
}
