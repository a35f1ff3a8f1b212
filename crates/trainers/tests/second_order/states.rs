//! Trainers continue from their saved states to the bit, and with any number of threads.

use bptt_layers::weights::Archive;
use bptt_layers::{Adam, Lstm, Module};
use bptt_trainers::{
    Decoupling, ExtendedKalman, FirstOrder, HessianFree, LevenbergMarquardt,
    TimeWeightedPseudoNewton, Trainer, parameters_to_vector,
};

use crate::support::{Data, Model, elman, lstm};

type Lstms = Model<f32, Lstm<f32>>;

fn trainers() -> Vec<Box<dyn Trainer<f32, Lstms>>> {
    vec![
        Box::new(HessianFree::new()),
        Box::new(LevenbergMarquardt::new().damping(0.3)),
        Box::new(ExtendedKalman::new().decoupling(Decoupling::Nodes)),
        Box::new(TimeWeightedPseudoNewton::new(1e-3)),
        Box::new(FirstOrder::new(Adam::new(0.01)).max_norm(1.0)),
    ]
}

fn train(trainer: &mut dyn Trainer<f32, Lstms>, model: &mut Lstms, data: &Data<f32>) {
    for _ in 0..3 {
        trainer.step(model, &|model, tape| data.squares(model, tape)).unwrap();
    }
}

fn bits(model: &Lstms) -> Vec<u32> {
    parameters_to_vector(model).iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_restored_trainer_continues_to_the_bit() {
    let data = Data::new(4, 5, 2);
    for (mut trainer, mut restored) in trainers().into_iter().zip(trainers()) {
        let mut model = lstm(3);
        train(&mut *trainer, &mut model, &data);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        trainer.state(&model).save(&path).unwrap();
        let mut copy = lstm(0);
        Archive::of(&model).assign_to(&mut copy).unwrap();
        restored.restore(&copy, &Archive::load(&path).unwrap()).unwrap();
        train(&mut *trainer, &mut model, &data);
        train(&mut *restored, &mut copy, &data);
        assert_eq!(bits(&model), bits(&copy), "{trainer:?}");
    }
}

/// The state of another trainer, or of another model, is refused, and the trainer continues as it was.
#[test]
fn a_foreign_state_is_refused() {
    let data = Data::new(4, 5, 2);
    let states: Vec<_> = trainers()
        .into_iter()
        .map(|mut trainer| {
            let mut model = lstm(3);
            train(&mut *trainer, &mut model, &data);
            trainer.state(&model)
        })
        .collect();
    for (i, mut trainer) in trainers().into_iter().enumerate() {
        for (j, state) in states.iter().enumerate() {
            let is_empty = state.names().chain(state.text_names()).next().is_none();
            if is_empty && i != j {
                continue; // that of a trainer without a state, or before its first step
            }
            let result = trainer.restore(&lstm(3), state);
            assert_eq!(result.is_ok(), i == j, "state {j} for {trainer:?}: {result:?}");
        }
    }
    let elman_state = {
        let (mut model, data) = (elman::<f32>(3), Data::<f32>::new(4, 5, 2));
        let mut trainer = HessianFree::new();
        trainer.step(&mut model, &|model, tape| data.squares(model, tape)).unwrap();
        trainer.state(&model)
    };
    let mut trainer = HessianFree::new();
    let before = trainer.clone();
    let error = trainer.restore(&lstm::<f32>(3), &elman_state).unwrap_err();
    assert!(error.to_string().contains("`direction` has shape"), "{error}");
    assert_eq!(format!("{trainer:?}"), format!("{before:?}"));
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (large, small) = (Data::new(4, 20, 33), Data::new(4, 5, 2));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let run = |mut trainer: Box<dyn Trainer<f32, Lstms>>| {
                let mut model = lstm(3);
                for _ in 0..2 {
                    trainer.step(&mut model, &|model, tape| small.squares(model, tape)).unwrap();
                }
                bits(&model)
            };
            let mut all: Vec<_> = trainers().into_iter().map(run).collect();
            let mut model = lstm(3);
            let mut trainer = HessianFree::new();
            trainer.step(&mut model, &|model, tape| large.classes(model, tape)).unwrap();
            all.push(bits(&model));
            all
        })
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert_eq!(one[0].len(), lstm::<f32>(3).parameter_count());
}
