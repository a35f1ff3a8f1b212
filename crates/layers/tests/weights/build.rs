//! Models that are built to be loaded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_layers::weights::{self, Archive, WeightsProblem};
use bptt_layers::{
    Bidirectional, EchoState, Embedding, Gru, IndRnn, Init, LayerNormLstm, Linear, Lstm, Module,
    Reset, Stack,
};
use bptt_tensor::Tensor;

type Random = bptt_layers::Xoshiro256PlusPlus;

#[derive(Module)]
struct Model<T> {
    embedding: Embedding<T>,
    encoder: Stack<Bidirectional<Lstm<T>, Gru<T>>>,
    others: (LayerNormLstm<T>, IndRnn<T>, EchoState<T>),
    output: Linear<T>,
}

fn model(rng: &mut Random) -> Model<f64> {
    Model {
        embedding: Embedding::new(rng, 5, 3),
        encoder: Stack::new(vec![Bidirectional::new(
            Lstm::new(rng, 3, 4),
            Gru::new(rng, 3, 4).reset(Reset::Before),
        )]),
        others: (
            LayerNormLstm::new(rng, 8, 4),
            IndRnn::new(rng, 4, 4),
            EchoState::new(rng, 4, 6).sparse(rng, 0.5).spectral_radius(0.5),
        ),
        output: Linear::new(rng, 6, 2),
    }
}

/// All parameters are those of the file, and no random number was drawn.
#[test]
fn a_built_model_has_the_loaded_values() {
    let trained = model(&mut bptt_layers::rng(1));
    let archive = Archive::of(&trained);
    let mut rng = bptt_layers::rng(2);
    let built = weights::build(|| model(&mut rng), |model| archive.assign_to(model));
    let built = built.expect("it fits");
    for ((name, built), (_, trained)) in built.parameters().iter().zip(trained.parameters()) {
        assert_eq!(built.value(), trained.value(), "{name}");
    }
    assert_eq!(rng, bptt_layers::rng(2));
}

/// Initializers draw again after a build, whether it succeeded, failed or panicked.
#[test]
fn lasts_as_long_as_the_build() {
    let drawn = || -> Tensor<f64> { Init::Xavier.tensor(&mut bptt_layers::rng(3), [2, 3]) };
    let before = drawn();
    let nothing = Archive::new();
    let error = weights::build(drawn_linear, |linear| nothing.assign_to(linear));
    let problem = *error.expect_err("it has no tensors").problem;
    assert!(matches!(problem, WeightsProblem::MissingTensor { .. }), "{problem}");
    assert_eq!(drawn(), before);
    let panicking =
        || weights::build(|| -> Linear<f64> { panic!("no model") }, |_| Ok::<(), ()>(()));
    assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
    assert_eq!(drawn(), before);
    // a build within a build does not end the outer one
    let outer = weights::build(
        || {
            let inner = weights::build(drawn_linear, |_| Ok::<(), ()>(()));
            (inner.expect("nothing fails"), drawn())
        },
        |_| Ok::<(), ()>(()),
    );
    assert_eq!(outer.expect("nothing fails").1, Tensor::zeros([2, 3]));
}

fn drawn_linear() -> Linear<f64> {
    Linear::new(&mut bptt_layers::rng(4), 2, 3)
}
