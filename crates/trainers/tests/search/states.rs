//! States that are saved and restored.

use bptt_autodiff::Tape;
use bptt_layers::weights::Archive;
use bptt_layers::{Adam, Elman, Layer, Linear, rng};
use bptt_tensor::Tensor;
use bptt_trainers::{
    EvolutionStrategy, MultiGridSearch, Objective, RandomGuessing, SimulatedAnnealing, Trainer,
    parameters_to_vector,
};

use crate::support::{BAD_START, annealing, at, rastrigin, searches, step};

fn bits<T: Into<f64> + Copy>(values: impl Iterator<Item = T>) -> Vec<u64> {
    values.map(|x| x.into().to_bits()).collect()
}

type Single = (Elman<f32>, Linear<f32>);

fn single_searches(seed: u64) -> [Box<dyn Trainer<f32, Single>>; 4] {
    let annealing = SimulatedAnnealing::new().cycles(3).adjustments(2).temperature(0.3);
    let optimizer = Adam::new(0.01);
    [
        Box::new(RandomGuessing::new().range(2.0).seed(seed)),
        Box::new(annealing.seed(seed)),
        Box::new(MultiGridSearch::new().tries(2).shrinking(0.7).seed(seed)),
        Box::new(EvolutionStrategy::new(optimizer).pairs(2).seed(seed)),
    ]
}

/// Names and bits of a state.
fn contents(state: &Archive<f32>) -> Vec<(String, String)> {
    let texts = state.text_names().map(|name| (name, state.text(name).expect("a text").to_owned()));
    let tensors = state.names().map(|name| {
        let tensor = state.tensor(name).expect("a tensor");
        (name, format!("{:?}", bits(tensor.iter().copied())))
    });
    texts.chain(tensors).map(|(name, content)| (name.to_owned(), content)).collect()
}

fn echo<'t>(model: &Single, tape: &'t Tape<f32>, xs: &Tensor<f32>) -> Objective<'t, f32> {
    Objective::squares(model.forward(tape.constant(xs.clone())).0 - xs)
}

#[test]
fn a_restored_trainer_continues_to_the_bit() {
    let xs = Tensor::<f32>::normal([6, 3, 1], 0.0, 1.0, &mut rng(1));
    for before in [0, 11] {
        for (mut trainer, mut other) in single_searches(2).into_iter().zip(single_searches(3)) {
            let mut rng = rng(4);
            let mut model: Single = (Elman::new(&mut rng, 1, 2), Linear::new(&mut rng, 2, 1));
            for _ in 0..before {
                trainer.step(&mut model, &|model, tape| echo(model, tape, &xs)).expect("a step");
            }
            let mut copy = model.clone();
            // the other trainer has a state of its own, which the restored one replaces
            other.step(&mut model.clone(), &|model, tape| echo(model, tape, &xs)).expect("a step");
            other.restore(&copy, &trainer.state(&model)).expect("a state of this trainer");
            assert_eq!(contents(&other.state(&copy)), contents(&trainer.state(&model)));
            for _ in 0..20 {
                let progress = trainer
                    .step(&mut model, &|model, tape| echo(model, tape, &xs))
                    .expect("a step");
                assert_eq!(
                    other.step(&mut copy, &|model, tape| echo(model, tape, &xs)).expect("a step"),
                    progress
                );
                let [a, b] = [&model, &copy].map(|m| bits(parameters_to_vector(m).iter().copied()));
                assert_eq!(a, b, "{trainer:?}");
            }
            assert_eq!(contents(&other.state(&copy)), contents(&trainer.state(&model)));
        }
    }
}

#[test]
fn other_states_are_refused_and_change_nothing() {
    for (mut trainer, name) in searches(5) {
        let mut w = at(&BAD_START);
        step(&mut *trainer, &mut w, &rastrigin);
        let state = trainer.state(&w);
        let mut with_tensor = state.clone();
        with_tensor.insert("other", Tensor::ones([3]));
        let mut with_text = state.clone();
        with_text.set_text("other", 1);
        let mut states = vec![Archive::new(), with_tensor, with_text];
        for (other, _) in
            searches(6).into_iter().filter(|(_, other)| *other != name && *other != "guessing")
        {
            let mut other = other;
            step(&mut *other, &mut w, &rastrigin);
            states.push(other.state(&w));
        }
        for text in ["temperature", "size"].into_iter().filter(|text| state.has_text(text)) {
            let mut negative = state.clone();
            negative.set_text(text, -1.0);
            states.push(negative);
        }
        let before = format!("{trainer:?}");
        for state in &states {
            trainer.restore(&w, state).expect_err("a state of another trainer");
            assert_eq!(format!("{trainer:?}"), before, "{name}");
        }
        if state.has_tensor("best") {
            trainer.restore(&at(&[0.0]), &state).expect_err("the state of a larger model");
        }
        trainer.restore(&w, &state).expect("its own state");
    }
}

#[test]
fn senseless_chains_are_refused() {
    let (mut w, mut trainer) = (at(&BAD_START), annealing().cycles(5).adjustments(7));
    for _ in 0..8 {
        step(&mut trainer, &mut w, &rastrigin);
    }
    let state = trainer.state(&w);
    let before = format!("{trainer:?}");
    let mut expect_refused = |state: &Archive<f64>, what: &str| {
        let error = trainer.restore(&w, state).expect_err(what).to_string();
        assert!(error.contains(&format!("`{what}` cannot be understood")), "{error}");
        assert_eq!(format!("{trainer:?}"), before, "{what}");
    };
    let too_many = [("cycles", (1_usize << 24) + 1), ("adjustments", usize::MAX)];
    for (text, count) in too_many {
        let mut senseless = state.clone();
        senseless.set_text(text, count);
        expect_refused(&senseless, text);
    }
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    let senseless: [(&str, &[f64]); 3] =
        [("best", &[nan]), ("moves", &[nan, infinite, -1.0]), ("accepted", &[nan, -1.0, 0.5, 4.0])];
    for (name, elements) in senseless {
        for &element in elements {
            let mut tensor = state.tensor(name).expect("a tensor").clone();
            tensor.as_mut_slice()[1] = element;
            expect_refused(&with(&state, name, tensor), &format!("{name}[1]"));
        }
    }
    // a logit of a probability of 0 is −∞
    let best = Tensor::from([f64::NEG_INFINITY, 1.0]);
    trainer.restore(&w, &with(&state, "best", best)).expect("a state of a model of probabilities");
}

/// Returns a state with another tensor of this name.
fn with(state: &Archive<f64>, name: &str, tensor: Tensor<f64>) -> Archive<f64> {
    let mut other = Archive::new();
    state.text_names().for_each(|text| other.set_text(text, state.text(text).expect("a text")));
    for kept in state.names().filter(|kept| *kept != name) {
        other.insert(kept, state.tensor(kept).expect("a tensor").clone());
    }
    other.insert(name, tensor);
    other
}

/// The kernels split so many elements.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let xs = Tensor::<f32>::normal([3, 1 << 16, 1], 0.0, 1.0, &mut rng(1));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            single_searches(2).map(|mut trainer| {
                let mut rng = rng(4);
                let mut model: Single = (Elman::new(&mut rng, 1, 2), Linear::new(&mut rng, 2, 1));
                let before = bits(parameters_to_vector(&model).iter().copied());
                let losses = [(); 3].map(|()| {
                    let progress = trainer.step(&mut model, &|model, tape| echo(model, tape, &xs));
                    progress.expect("a step").loss.to_bits()
                });
                let after = bits(parameters_to_vector(&model).iter().copied());
                (losses, after != before, after)
            })
        })
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert!(one[1].1 && one[3].1, "annealing and the evolution strategy move");
}
