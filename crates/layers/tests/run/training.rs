//! A training that is restored goes on as if it had never stopped, to the bit.

use bptt_autodiff::Tape;
use bptt_layers::run::{LearningRate, Run, RunError, Training};
use bptt_layers::weights::Archive;
use bptt_layers::{
    Adadelta, Adagrad, Adam, Adamax, Dropout, Groups, Layer, Linear, Lstm, NAdam, Optimizer,
    Plateau, RAdam, Recurrence, RmsProp, Schedule, Sgd, VariationalDropout, Zoneout, loss,
};
use bptt_tensor::Tensor;
use tempfile::TempDir;

type Model<T> = (VariationalDropout<Lstm<T>>, Zoneout<Lstm<T>>, Linear<T>);
type Run32 = Training<f32, Model<f32>, Box<dyn Optimizer<f32>>>;

/// Noise in the states of two layers, so that every step draws from the generator.
fn training(optimizer: Box<dyn Optimizer<f32>>, schedule: LearningRate) -> Run32 {
    let mut rng = bptt_layers::rng(3);
    let first = Lstm::new(&mut rng, 2, 5);
    let dropout = [Dropout::new(0.3), Dropout::new(0.0)];
    let first = VariationalDropout::new(first, Dropout::new(0.2), &dropout);
    let second = Zoneout::new(Lstm::new(&mut rng, 5, 5), &[0.2, 0.1]);
    let output = Linear::new(&mut rng, 5, 1);
    Training::new((first, second, output), optimizer, rng).schedule(schedule)
}

/// Trains for so many steps, and returns the bits of the losses.
fn train(training: &mut Run32, steps: usize) -> Vec<u32> {
    (0..steps)
        .map(|_| {
            let xs = Tensor::normal([6, 3, 2], 0.0, 1.0, &mut training.rng); // [T, B, I]
            let tape = Tape::new();
            let xs = tape.constant(xs);
            let (first, second, output) = &training.model;
            let rng = &mut training.rng;
            let start = first.start(&tape, 3);
            let (hs, _) = Recurrence::new(first).training(rng).run(xs, start);
            let start = second.start(&tape, 3);
            let (hs, _) = Recurrence::new(second).training(rng).run(hs, start);
            let targets = xs.sum_keep(&[-1]);
            let loss = loss::mean_squared_error(output.forward(hs), targets).mean();
            let gradients = tape.backward(loss);
            let loss = loss.item();
            drop(tape);
            training.update(&gradients);
            training.observe(f64::from(loss));
            loss.to_bits()
        })
        .collect()
}

type Make = fn() -> Box<dyn Optimizer<f32>>;

fn optimizers() -> Vec<(&'static str, Make)> {
    vec![
        ("sgd", || Box::new(Sgd::new(0.1))),
        ("nesterov", || Box::new(Sgd::new(0.1).nesterov(0.9))),
        ("adam", || Box::new(Adam::new(0.02))),
        ("amsgrad", || Box::new(Adam::new(0.02).amsgrad(true))),
        ("adamax", || Box::new(Adamax::new(0.02))),
        ("nadam", || Box::new(NAdam::new(0.02))),
        ("radam", || Box::new(RAdam::new(0.02))),
        ("rmsprop", || Box::new(RmsProp::new(0.02).momentum(0.9).centered(true))),
        ("adagrad", || Box::new(Adagrad::new(0.02))),
        ("adadelta", || Box::new(Adadelta::new(1.0))),
        ("groups", || {
            let is_bias = |name: &str| name.ends_with(".b");
            Box::new(Groups::new(Adam::new(0.02)).group(is_bias, Sgd::new(0.1).momentum(0.5)))
        }),
    ]
}

fn schedules() -> [LearningRate; 3] {
    [
        LearningRate::Optimizer,
        Schedule::cosine(0.05, 12, 1e-4).warm_up(4).into(),
        Plateau::new(0.05).factor(0.5).patience(1).cooldown(1).into(),
    ]
}

#[test]
fn every_optimizer_and_schedule_goes_on_to_the_bit() {
    let folder = TempDir::new().expect("a folder");
    for (name, optimizer) in optimizers() {
        for (number, schedule) in schedules().into_iter().enumerate() {
            let out = folder.path().join(format!("{name}.{number}.safetensors"));
            let mut whole = training(optimizer(), schedule.clone());
            let before = train(&mut whole, 9);
            Run::new(&out).expect("free").save(&whole).expect("writable");
            let after = train(&mut whole, 9);
            assert_ne!(before, after);

            let mut resumed = training(optimizer(), schedule);
            let run = Run::resume(&out).expect("it was saved");
            run.restore(&mut resumed).expect("its own checkpoint");
            assert_eq!(resumed.step, 9);
            assert_eq!(train(&mut resumed, 9), after, "{name}, schedule {number}");
            assert_eq!(state(&resumed), state(&whole), "{name}, schedule {number}");
        }
    }
}

/// All tensors and texts of a checkpoint, by their names.
type Contents = (Vec<(String, Vec<u32>)>, Vec<(String, String)>);

fn state(training: &Run32) -> Contents {
    let checkpoint = training.checkpoint();
    let bits = |name: &str| {
        let tensor = checkpoint.tensor(name).expect("it has it");
        tensor.as_slice().iter().map(|value| value.to_bits()).collect()
    };
    let tensors = checkpoint.names().map(|name| (name.to_owned(), bits(name))).collect();
    let text = |name: &str| checkpoint.text(name).expect("it has it").to_owned();
    let texts = checkpoint.text_names().map(|name| (name.to_owned(), text(name))).collect();
    (tensors, texts)
}

#[test]
fn a_schedule_sets_the_rate_of_each_step() {
    let schedule = Schedule::linear(0.1, 4, 0.02);
    let mut training = training(Box::new(Sgd::new(7.0)), schedule.into());
    for step in 0..4 {
        train(&mut training, 1);
        assert_eq!(training.step, step + 1);
        assert_eq!(training.optimizer.learning_rate(), schedule.at(step));
    }
}

/// A plateau whose rate has fallen: it is in the checkpoint, and the optimizer follows it.
#[test]
fn the_rate_of_a_plateau_is_restored() {
    let plateau = || LearningRate::from(Plateau::new(0.5).patience(0).factor(0.1));
    let mut before = training(Box::new(Sgd::new(0.5)), plateau());
    [1.0, 2.0].into_iter().for_each(|loss| before.observe(loss));
    let mut after = training(Box::new(Sgd::new(0.5)), plateau());
    after.restore(&before.checkpoint()).expect("its own checkpoint");
    train(&mut after, 1);
    assert_eq!(after.optimizer.learning_rate(), 0.05);
}

#[test]
fn best_weights_and_extra_are_restored() {
    let mut before = training(Box::new(Sgd::new(0.1)), LearningRate::Optimizer);
    let mut best = Archive::of(&before.model);
    best.set_text("loss", 0.25);
    before.best = Some(best);
    before.extra.insert("carried.0", Tensor::ones([2, 3]));
    let mut after = training(Box::new(Sgd::new(0.1)), LearningRate::Optimizer);
    after.restore(&before.checkpoint()).expect("its own checkpoint");
    assert_eq!(
        after.best.as_ref().expect("it has some").parse::<f64>("loss").expect("a number"),
        0.25
    );
    assert_eq!(after.extra.tensor("carried.0").expect("it has it").as_slice(), [1.0; 6]);
    assert_eq!(state(&after), state(&before));
}

/// Changes a checkpoint, and returns why it is refused. The training stays as it was.
fn refusal(change: impl FnOnce(&mut Archive<f32>)) -> String {
    let plateau = || LearningRate::from(Plateau::new(0.02));
    let mut saved = training(Box::new(Adam::new(0.02)), plateau());
    train(&mut saved, 2);
    let mut checkpoint = saved.checkpoint();
    change(&mut checkpoint);
    let mut training = training(Box::new(Adam::new(0.02)), plateau());
    train(&mut training, 1);
    let before = state(&training);
    let message = training.restore(&checkpoint).expect_err("it was changed").to_string();
    assert_eq!(state(&training), before, "{message}");
    message
}

#[test]
fn a_checkpoint_of_something_else_changes_nothing() {
    type Change = fn(&mut Archive<f32>);
    let cases: [(Change, &str); 8] = [
        (|it| it.insert("model.2.b", Tensor::zeros([7])), "`2.b` has shape [7]"),
        (|it| it.insert("model.more", Tensor::zeros([7])), "`more`"),
        (
            |it| it.insert("optimizer.2.b.average", Tensor::zeros([7])),
            "`2.b.average` has shape [7]",
        ),
        (|it| it.insert("modelling", Tensor::zeros([7])), "`modelling`"),
        (|it| it.set_text("steps", 1), "`steps`"),
        (|it| it.set_text("step", -1), "text `step` cannot be understood: `-1`"),
        (|it| it.set_text("rng", "7"), "text `rng` cannot be understood: `7`"),
        (|it| it.set_text("schedule.best", "NaN"), "text `best` cannot be understood: `NaN`"),
    ];
    for (change, reason) in cases {
        let message = refusal(change);
        assert!(message.contains(reason), "should say \"{reason}\": {message}");
    }
}

#[test]
fn a_checkpoint_of_another_schedule_is_refused() {
    let sgd = || Box::new(Sgd::new(0.1));
    let [own, schedule, plateau] = schedules();
    let with_plateau = training(sgd(), plateau.clone()).checkpoint();
    for other in [own, schedule] {
        let without = training(sgd(), other.clone()).checkpoint();
        let error = training(sgd(), other).restore(&with_plateau).expect_err("a plateau");
        assert!(error.to_string().contains("schedule"), "{error}");
        let error = training(sgd(), plateau.clone()).restore(&without).expect_err("no plateau");
        assert!(error.to_string().contains("learning_rate"), "{error}");
    }
}

#[test]
fn a_damaged_file_restores_nothing() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("model.safetensors");
    let mut saved = training(Box::new(Sgd::new(0.1)), LearningRate::Optimizer);
    let mut run = Run::new(&out).expect("free");
    run.save(&saved).expect("writable");
    let mut bytes = std::fs::read(&run.files().checkpoint).expect("it is there");
    *bytes.last_mut().expect("not empty") ^= 1;
    std::fs::write(&run.files().checkpoint, bytes).expect("writable");
    let before = state(&saved);
    let error = run.restore(&mut saved).expect_err("it is damaged");
    assert!(matches!(error, RunError::Weights(_)), "{error}");
    assert!(error.to_string().contains("is damaged"), "{error}");
    assert_eq!(state(&saved), before);
}
