//! Averages of weights, and the criterion that begins one.

use bptt_autodiff::Param;
use bptt_layers::weights::Archive;
use bptt_layers::{Module, NonMonotonic, WeightAverage};
use bptt_tensor::Tensor;

use crate::support::{Pair, message_of};

/// Returns the models of a training, one for each update.
fn trajectory(updates: usize) -> Vec<Pair<f64>> {
    let mut rng = bptt_layers::rng(3);
    let mut draw = |shape: &[usize]| Tensor::normal(shape, 0.5, 1.0, &mut rng);
    (0..updates).map(|_| Pair::new(draw(&[2, 2]), draw(&[3]))).collect()
}

/// Returns all weights in a row.
fn weights_of(model: &Pair<f64>) -> Vec<f64> {
    model.parameters().iter().flat_map(|(_, param)| param.value().to_vec()).collect()
}

/// `Σ_k β^(n − k) θ_k / Σ_k β^(n − k)`
fn weighted_mean(models: &[Pair<f64>], decay: f64) -> Vec<f64> {
    let shares: Vec<f64> =
        (0..models.len()).map(|k| decay.powi((models.len() - 1 - k) as i32)).collect();
    let all: Vec<_> = models.iter().map(weights_of).collect();
    let sum = |i: usize| -> f64 { all.iter().zip(&shares).map(|(w, share)| w[i] * share).sum() };
    (0..all[0].len()).map(|i| sum(i) / shares.iter().sum::<f64>()).collect()
}

#[test]
fn averages_are_weighted_means() {
    let models = trajectory(20);
    for decay in [1.0, 0.9, 0.5, 0.0] {
        let mut average = match decay {
            1.0 => WeightAverage::mean(),
            _ => WeightAverage::exponential(decay),
        };
        for n in 1..=models.len() {
            average.update(&models[n - 1]);
            let mut model = models[0].clone();
            average.weights().assign_to(&mut model).expect("the same model");
            let expected = weighted_mean(&models[..n], decay);
            for (found, expected) in weights_of(&model).iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-14, "{decay}: {found}, not {expected}");
            }
            if n == 1 {
                assert_eq!(weights_of(&model), weights_of(&models[0]));
            }
        }
        assert_eq!(average.updates(), 20);
    }
}

/// Weights that grow from 1 by a thousandth: each of the last updates changes the mean by less than half of its last
/// digit. Without compensation the mean would stop.
#[test]
fn small_changes_count_after_many_updates() {
    let updates = 40_000;
    let mut average = WeightAverage::<f32>::mean();
    let mut sum = 0.0;
    let mut param = Param::new(Tensor::zeros([1]));
    for k in 0..updates {
        let weight = (1.0 + 1e-3 * f64::from(k) / f64::from(updates)) as f32;
        sum += f64::from(weight);
        param.set(Tensor::full([1], weight));
        average.update(&param);
    }
    let mean = average.averaged(&mut param, |param| f64::from(param.value().item()));
    let exact = sum / f64::from(updates);
    assert!((mean - exact).abs() <= f64::from(f32::EPSILON), "{mean}, not {exact}");
}

#[test]
fn a_model_has_its_own_weights_again_after_an_evaluation() {
    let models = trajectory(3);
    let mut average = WeightAverage::mean();
    models.iter().for_each(|model| average.update(model));
    let mut model = models[2].clone();
    let evaluated = average.averaged(&mut model, weights_of);
    assert_eq!(weights_of(&model), weights_of(&models[2]));
    average.weights().assign_to(&mut model).expect("the same model");
    assert_eq!(weights_of(&model), evaluated);
}

#[test]
fn a_restored_average_goes_on_bit_by_bit() {
    let models = trajectory(12);
    for make in [WeightAverage::mean, || WeightAverage::exponential(0.9)] {
        let mut whole = make();
        models.iter().for_each(|model| whole.update(model));
        for stop in [0, 1, 7] {
            let mut before = make();
            models[..stop].iter().for_each(|model| before.update(model));
            let mut after = make();
            after.restore(&models[0], &before.state()).expect("its own state");
            models[stop..].iter().for_each(|model| after.update(model));
            assert_eq!(contents(&after.state()), contents(&whole.state()), "stopped after {stop}");
        }
    }
}

fn contents(state: &Archive<f64>) -> Vec<(String, String)> {
    let tensor = |name: &str| state.tensor(name).map(Tensor::to_vec).expect("a tensor");
    let tensors = state.names().map(|name| (name.to_owned(), format!("{:?}", tensor(name))));
    let text = |name: &str| state.text(name).expect("a text").to_owned();
    tensors.chain(state.text_names().map(|name| (name.to_owned(), text(name)))).collect()
}

#[test]
fn a_foreign_state_changes_nothing() {
    let models = trajectory(2);
    let mut average = WeightAverage::mean();
    models.iter().for_each(|model| average.update(model));
    let own = average.state();
    assert_eq!(own.names().collect::<Vec<_>>(), ["a.average", "a.rest", "b.average", "b.rest"]);
    let spoilt = |spoil: fn(&mut Archive<f64>)| {
        let mut state = own.clone();
        spoil(&mut state);
        state
    };
    let states = [
        Archive::new(),
        spoilt(|state| state.set_text("updates", "many")),
        spoilt(|state| state.set_text("updates", 0)), // has tensors all the same
        spoilt(|state| state.set_text("decay", 0.5)),
        spoilt(|state| state.insert("b.rest", Tensor::zeros([4]))),
        spoilt(|state| state.insert("c.average", Tensor::zeros([4]))),
    ];
    for state in states {
        let _error = average.restore(&models[0], &state).expect_err("a foreign state");
        assert_eq!(contents(&average.state()), contents(&own));
    }
}

#[test]
fn an_average_serves_one_model() {
    let mut average = WeightAverage::mean();
    let mut none = Param::new(Tensor::<f64>::zeros([2]));
    let message = message_of(|| average.clone().averaged(&mut none, |_| ()));
    assert!(message.contains("has no update yet"), "{message}");
    average.update(&trajectory(1)[0]);
    assert_eq!(
        message_of(|| average.clone().update(&none)),
        "the average has no weights of shape [2] for the model's parameter: an average serves one model"
    );
    let other = Pair::new(Tensor::zeros([2, 2]), Tensor::zeros([4]));
    assert_eq!(
        message_of(|| average.update(&other)),
        "the average has no weights of shape [4] for `b`: an average serves one model"
    );
    assert_eq!(
        message_of(|| drop(WeightAverage::<f64>::exponential(1.0))),
        "a decay is at least 0 and less than 1, not 1"
    );
}

/// Losses that fall with noise. The criterion is that of its definition, also if it is saved and restored after each
/// loss.
#[test]
fn the_non_monotonic_criterion_is_its_definition() {
    let noise = Tensor::<f64>::normal([60], 0.0, 1.0, &mut bptt_layers::rng(8));
    let losses: Vec<f64> =
        (0..60).map(|t| 9.0 / f64::from(t + 1) + noise.to_vec()[t as usize]).collect();
    for interval in [0, 1, 5, 30, 100] {
        let mut criterion = NonMonotonic::new(interval);
        let mut triggered = false;
        for (t, &loss) in losses.iter().enumerate() {
            let earlier = &losses[..t.saturating_sub(interval)];
            triggered |= earlier.iter().any(|&best| loss > best);
            assert_eq!(criterion.observe(loss), triggered, "loss {t}, interval {interval}");
            let mut restored = NonMonotonic::new(interval);
            restored.restore(&criterion.state::<f32>()).expect("its own state");
            assert_eq!(restored.is_triggered(), triggered);
            criterion = restored;
        }
        assert_eq!(triggered, interval < 60);
    }
}

#[test]
fn a_criterion_refuses_a_foreign_state() {
    let mut criterion = NonMonotonic::new(2);
    criterion.observe(1.0);
    let own = criterion.state::<f32>();
    for (name, text) in
        [("best", "NaN"), ("recent", "1 2 3"), ("recent", "1 x"), ("triggered", "1"), ("more", "1")]
    {
        let mut state = own.clone();
        state.set_text(name, text);
        let _error = criterion.restore(&state).expect_err(name);
        assert_eq!(criterion.state::<f32>().text("recent").expect("a text"), "1");
    }
}
