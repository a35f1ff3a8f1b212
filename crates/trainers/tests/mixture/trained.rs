//! Networks that a trainer trains.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Adam, Linear, Module, Sgd};
use bptt_tensor::Tensor;
use bptt_trainers::mixture::{
    ClassOutputs, ExpectationMaximization, GaussianOutputs, InputNetwork, InputOutputHmm,
    InputTable, OutputDistribution, Sequences,
};
use bptt_trainers::{EvolutionStrategy, FirstOrder, RandomGuessing, parameters_to_vector};

use crate::support::{
    Numbers, Trained, assert_close, climb, feature_data, networks, number_data, symbol_data,
    symbols, tables,
};

type Half = InputOutputHmm<f64, InputTable<f64>, ClassOutputs<Trained<InputTable<f64>>>>;

/// A model with a closed form of the transitions, and none of the outputs.
fn half(rng: &mut impl rand::Rng, symbols: usize) -> Half {
    let outputs = ClassOutputs::new(Trained(InputTable::new(rng, symbols, 3 * 2)), 2);
    let mut model = InputOutputHmm::new(InputTable::new(rng, symbols, 9), outputs);
    model.start = Param::new(Tensor::normal([3], 0.0, 1.0, rng));
    model
}

fn guessing() -> ExpectationMaximization<RandomGuessing> {
    ExpectationMaximization::with_trainer(RandomGuessing::new().range(3.0).guesses(5))
}

fn evolution() -> ExpectationMaximization<EvolutionStrategy<Adam<f64>>> {
    ExpectationMaximization::with_trainer(EvolutionStrategy::new(Adam::new(0.3)).pairs(10))
}

/// These trainers change all parameters, also those that have a closed form, on which their loss does not depend.
#[test]
fn with_trainers_of_all_parameters_the_likelihood_never_falls() {
    for seed in 0..3 {
        let rng = &mut bptt_layers::rng(seed);
        let data = feature_data(rng, 2, &[8, 5]);
        let model = networks(rng, 2, 2, 2);
        let [first, last] = climb(guessing(), &mut model.clone(), &data, 40);
        assert!(last > first, "{first} to {last}");
        let [first, last] = climb(evolution(), &mut model.clone(), &data, 40);
        assert!(last > first + 0.1, "{first} to {last}");

        let data = symbol_data(rng, [2, 2], &[9, 6]);
        let model = half(rng, 2);
        climb(guessing(), &mut model.clone(), &data, 40);
        climb(evolution(), &mut model.clone(), &data, 40);

        let inputs = Tensor::normal([8, 2, 2], 0.0, 1.0, rng);
        let data = number_data(rng, inputs, &[8, 5]);
        let mut network = |size| Linear::new(rng, 2, size);
        let model = Numbers::new(network(4), GaussianOutputs::new(network(4), 2));
        climb(guessing(), &mut model.clone(), &data, 40);
        climb(evolution(), &mut model.clone(), &data, 40);
    }
}

/// A trainer that changes all parameters has no influence on those that its loss does not depend on.
#[test]
fn parameters_with_a_closed_form_are_not_trained() {
    let rng = &mut bptt_layers::rng(1);
    let data = symbol_data(rng, [2, 2], &[9, 6]); // inputs of 2 do not occur
    let model = half(rng, 3);
    let by_trainer = |trainer: &mut dyn FnMut(&mut Half) -> usize| {
        let mut model = model.clone();
        assert_eq!(trainer(&mut model), 1);
        let [start, transitions] =
            [&model.start, &model.transitions.rows].map(|p| p.value().to_vec());
        (start, transitions, model.outputs.network.0.rows.value().to_vec())
    };
    let mut evolution = evolution();
    let evolved = by_trainer(&mut |model| evolution.step(model, &data).unwrap().trainer_steps);
    let mut descent = ExpectationMaximization::with_trainer(FirstOrder::new(Sgd::new(0.1)));
    let descended = by_trainer(&mut |model| descent.step(model, &data).unwrap().trainer_steps);
    assert_eq!((&evolved.0, &evolved.1), (&descended.0, &descended.1));
    assert_ne!(evolved.2, descended.2);
    assert_eq!(evolved.1[18..], model.transitions.rows.value().to_vec()[18..]);
}

#[test]
fn tables_need_no_trainer() {
    let rng = &mut bptt_layers::rng(2);
    let data = symbol_data(rng, [2, 2], &[9, 6]);
    let progress = ExpectationMaximization::new().step(&mut tables(rng, 2, 2, 2), &data).unwrap();
    assert_eq!((progress.trainer_steps, progress.passes), (0, 1));
}

/// Returns a table as tables of some columns each.
fn split(table: &InputTable<f64>, sizes: &[usize]) -> Vec<InputTable<f64>> {
    let mut from = 0;
    let mut part = |size: &usize| {
        from += size;
        InputTable::from_values(table.rows.value().slice(-1, from - size..from))
    };
    sizes.iter().map(&mut part).collect()
}

/// Tables side by side have the closed form of one table, also where a distribution is in two of them.
#[test]
fn tables_side_by_side_are_one_table() {
    let rng = &mut bptt_layers::rng(3);
    let lengths = [9, 6];
    let data = symbol_data(rng, [2, 3], &lengths);
    let mut one = tables(rng, 3, 2, 3);
    let outputs = ClassOutputs::new(split(&one.outputs.network, &[4, 5]), 3);
    let mut several = InputOutputHmm::new(split(&one.transitions, &[3, 1, 5]), outputs);
    several.start = one.start.clone();
    for _ in 0..5 {
        let mut trainer = ExpectationMaximization::new();
        let progress = trainer.step(&mut several, &data).unwrap();
        assert_eq!(trainer.step(&mut one, &data).unwrap(), progress);
    }
    let rows = |tables: &[InputTable<f64>]| {
        let rows: Vec<_> = tables.iter().map(|table| table.rows.value().clone()).collect();
        Tensor::concat(&rows, -1).to_vec()
    };
    assert_eq!(rows(&several.transitions), one.transitions.rows.value().to_vec());
    assert_eq!(rows(&several.outputs.network), one.outputs.network.rows.value().to_vec());

    let series = number_data(rng, Tensor::zeros([9, 2, 1]), &lengths).outputs().clone();
    let data = Sequences::new(symbols(rng, 18, 2), series, &lengths).unwrap();
    let means = InputTable::new(rng, 2, 6);
    let outputs = GaussianOutputs::new(split(&means, &[1, 5]), 2);
    let mut several = Numbers::new(several.transitions, outputs);
    let mut one = Numbers::new(one.transitions, GaussianOutputs::new(means, 2));
    ExpectationMaximization::new().step(&mut several, &data).unwrap();
    ExpectationMaximization::new().step(&mut one, &data).unwrap();
    assert_eq!(rows(&several.outputs.network), one.outputs.network.rows.value().to_vec());
    assert_close(several.outputs.variances().as_slice(), one.outputs.variances().as_slice(), 1e-15);
}

/// The kernels split such batches.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rng = &mut bptt_layers::rng(4);
    let lengths: Vec<usize> = (0..256).map(|sequence| 16 - sequence % 3).collect();
    let features = feature_data(rng, 4, &lengths);
    let of_symbols = symbol_data(rng, [3, 8], &lengths);
    let (model, of_tables) = (networks(rng, 8, 4, 2), tables(rng, 8, 3, 8));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let first_order = FirstOrder::new(Adam::new(0.05));
            let mut trained = model.clone();
            let mut trainer = ExpectationMaximization::with_trainer(first_order);
            let made =
                [(); 2].map(|()| trainer.step(&mut trained, &features).unwrap().trainer_steps);
            let mut exact = of_tables.clone();
            ExpectationMaximization::new().step(&mut exact, &of_symbols).unwrap();
            assert_ne!(parameters_to_vector(&trained), parameters_to_vector(&model));
            (made, bits(&trained), bits(&exact), bits_of_gradient(&exact, &of_symbols))
        })
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert_eq!(one.0, [1, 1]);
}

fn bits(model: &dyn Module<f64>) -> Vec<u64> {
    parameters_to_vector(model).iter().map(|x| x.to_bits()).collect()
}

fn bits_of_gradient<P, O>(model: &InputOutputHmm<f64, P, O>, data: &Sequences<f64>) -> Vec<u64>
where
    P: InputNetwork<f64>,
    O: OutputDistribution<f64>,
{
    let tape = Tape::new();
    let gradients = tape.backward(model.log_likelihood(&tape, data).unwrap().sum_all());
    let parameters = model.parameters().into_iter();
    parameters.flat_map(|(_, p)| gradients[p].to_vec()).map(f64::to_bits).collect()
}
