//! The page of a training.

use std::fs;

use bptt_analysis::record::{Recorder, Recording};
use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::support::{folder, lstm};

fn page(steps: usize, learning_rate: f64) -> String {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record").every(10);
    let mut training = lstm(learning_rate);
    for step in 1..=steps {
        let loss = training.step(&mut recorder).expect("a writable folder");
        if step % 10 == 0 {
            recorder.validation(step, loss).expect("a writable folder");
        }
    }
    recorder.report().expect("a writable folder");
    let page = fs::read_to_string(folder.path().join("report.html")).expect("UTF-8");
    assert_eq!(page, Recording::read(folder.path()).expect("a record").page());
    page
}

#[test]
fn a_page_needs_no_other_file() {
    let page = page(30, 0.01);
    for reference in ["src=", "href=", "url(", "@import", "<link", "file:", "<script"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn a_page_shows_everything_that_was_recorded() {
    let page = page(30, 0.01);
    let drawn = [
        "loss",
        "training, smoothed",
        "validation",
        "norm of the gradient, before clipping",
        "learning rate",
        "update-to-weight ratio of matrices",
        "norms of the gradients of matrices",
        "gates that are closed",
        "gates that are open",
        "gradient of h by lag",
    ];
    for text in drawn {
        assert!(page.contains(&format!("\n{text}\n")), "{text}");
    }
    for text in ["<th>layer.w_hh</th>", "<th>f</th>", "<dd>30</dd>", "No warnings."] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches("<figure>").count(), 9);
    for colour in ["#FFFFFF", "#000000", "#E1E1E1", "#0072B2", "#A6CEE5"] {
        assert!(!page.contains(colour), "{colour} does not follow the page");
    }
    for name in ["paper", "ink", "grid", "blue", "faint"] {
        assert!(page.contains(&format!("\"var(--{name})\"")), "{name} is of no use");
    }
}

#[test]
fn warnings_are_on_top() {
    let page = page(30, 0.1);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let warning = place("the learning rate is too large");
    assert!(warning < place("lower the learning rate") && warning < place("<svg"));
    assert!(!page.contains("No warnings."));
}

#[test]
fn warnings_with_the_same_remedy_stand_together() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let tape = Tape::new();
    let probes = tape.probes();
    for name in ["f", "i"] {
        let _ = tape.constant(Tensor::full([4, 1, 2], 0.99)).probe(name);
    }
    let model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    recorder.step(1, 1.0).probes(Some(probes)).finish(&model).expect("a writable folder");
    let warnings = recorder.report().expect("a writable folder");
    assert_eq!(warnings.len(), 2);
    let page = fs::read_to_string(folder.path().join("report.html")).expect("UTF-8");
    assert_eq!(page.matches(warnings[0].remedy()).count(), 1);
    assert!(["gate `f`", "gate `i`"].iter().all(|gate| page.contains(gate)), "{page}");
}

#[test]
fn a_page_of_a_training_that_has_only_begun() {
    let page = page(0, 0.01);
    assert!(page.contains("No warnings.") && !page.contains("<figure>") && !page.contains("NaN"));
}

#[test]
fn names_are_escaped() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    let record = recorder.step(1, 1.0).costates("<script>", &Tensor::zeros([4, 1, 1]));
    record.finish(&model).expect("a writable folder");
    recorder.report().expect("a writable folder");
    let page = fs::read_to_string(folder.path().join("report.html")).expect("UTF-8");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn numbers_are_short() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let mut model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 2, 2);
    bptt_layers::Module::for_each_parameter_mut(&mut model, |_, parameter| {
        *parameter.value_mut() = parameter.value() * 1e200;
    });
    recorder.step(1, 1.5e-6).finish(&model).expect("a writable folder");
    recorder.validation(1, 2e100).expect("a writable folder");
    recorder.report().expect("a writable folder");
    let page = fs::read_to_string(folder.path().join("report.html")).expect("UTF-8");
    assert!(page.contains("<dd>1.5e-6</dd>") && page.contains("<dd>2.0e100, step 1</dd>"));
    let is_long = |word: &str| word.len() > 20 && word.bytes().all(|it| it.is_ascii_digit());
    assert!(!page.split(|it: char| !it.is_ascii_alphanumeric()).any(is_long));
}
