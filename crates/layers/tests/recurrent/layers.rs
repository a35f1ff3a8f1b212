//! Layers without recurrence, and dropout between recurrent ones.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Dropout, Embedding, Layer, Linear, Lstm, Recurrence, Stack, Tree, unroll};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Sizes, V, assert_near, for_all, parameter, random, random_cell, randomized, run, uniform,
};

/// `y = x W + b` on the last axis, for any leading axes.
#[test]
fn linear() {
    for_all(16, (1..=4_usize, 1..=4_usize, any::<u64>()), |(inputs, outputs, seed)| {
        let rng = &mut random(seed);
        let layer = randomized(Linear::new(rng, inputs, outputs), rng);
        for leading in [&[][..], &[3], &[0, 2], &[2, 3]] {
            let x = uniform([leading, &[inputs]].concat(), rng);
            let expected = x.matmul(&parameter(&layer, "w")) + parameter(&layer, "b");
            let forward = |layer: &Linear<f64>, x: &[V<'_>]| vec![layer.forward(x[0]).value()];
            let tape = Tape::new();
            assert_near(&forward(&layer, &[tape.constant(x)]), &[expected], 1e-14);
        }
        let x = uniform([2, inputs], rng);
        let expected = x.matmul(&parameter(&layer, "w"));
        let tape = Tape::new();
        let y = layer.bias(false).forward(tape.constant(x));
        assert_near(&[y.value()], &[expected], 1e-14);
    });
}

/// A lookup equals a product with one-hot rows. The gradients of a repeated symbol are summed.
#[test]
fn embedding_is_a_one_hot_product() {
    let symbols = (1..=5_usize).prop_flat_map(|vocabulary| {
        let text = proptest::collection::vec(0..vocabulary, 0..12);
        (Just(vocabulary), text)
    });
    for_all(48, (symbols, 1..=4_usize, any::<u64>()), |((vocabulary, text), size, seed)| {
        let rng = &mut random(seed);
        let embedding = Embedding::new(rng, vocabulary, size);
        let shape = [text.len(), 1];
        let looked_up = run(&embedding, &[Tensor::scalar(0.0)], |embedding, x| {
            vec![embedding.forward(x[0].tape(), &text, shape)]
        });
        let table = Param::new(parameter(&embedding, "table"));
        let one_hot = Tensor::one_hot(&text, vocabulary).reshape([text.len(), 1, vocabulary]);
        let product = run(&table, &[Tensor::scalar(0.0)], |table, x| {
            vec![x[0].tape().constant(one_hot.clone()).matmul(table)]
        });
        assert_eq!(looked_up.values, product.values);
        let gradients = [looked_up, product].map(|run| run.gradients.parameters);
        assert_near(&gradients[0], &gradients[1], 1e-13);
    });
}

/// Embedding dropout equals lookups in a table whose rows are dropped. The rows that are looked up are drawn in the
/// order in which they occur.
#[test]
fn embedding_dropout_drops_rows_of_the_table() {
    let rng = &mut random(3);
    let embedding = Embedding::<f64>::new(rng, 60, 3);
    let text: Vec<usize> = (0..40).map(|i| (i * i + 59) % 60).collect();
    let seed = rng.clone();
    let dropout = Dropout::new(0.4);
    let dropped = run(&embedding, &[Tensor::scalar(0.0)], |embedding, x| {
        vec![embedding.in_training(&mut seed.clone(), x[0].tape(), &text, [20, 2], &dropout)]
    });
    let mut first: Vec<usize> = Vec::new();
    first.extend(text.iter().enumerate().filter(|(i, s)| !text[..*i].contains(s)).map(|(_, s)| s));
    assert!(first.len() < text.len());
    let drawn = Tensor::<f64>::bernoulli([first.len()], 0.6, &mut seed.clone());
    let mut mask = Tensor::zeros([60, 1]);
    for (&symbol, kept) in first.iter().zip(drawn.to_vec()) {
        mask.as_mut_slice()[symbol] = kept / 0.6;
    }
    let by_hand = run(&embedding, &[Tensor::scalar(0.0)], |embedding, x| {
        let table = x[0].tape().param(&embedding.table) * &mask;
        vec![table.gather_rows(&text).reshape([20, 2, 3])]
    });
    assert_near(&dropped.values, &by_hand.values, 1e-15);
    assert_near(&dropped.gradients.parameters, &by_hand.gradients.parameters, 1e-14);
    let tape = Tape::new();
    let none = embedding.in_training(rng, &tape, &text, [20, 2], &Dropout::new(0.0));
    assert_eq!(none.value(), embedding.forward(&tape, &text, [20, 2]).value());
    assert_eq!(embedding.in_training(rng, &tape, &[], [0, 2], &dropout).shape(), [0, 2, 3]);
}

/// `o_v = h · E_v` for each symbol `v`.
#[test]
fn tied_logits_are_products_with_the_vectors() {
    let rng = &mut random(4);
    let embedding = Embedding::<f64>::new(rng, 7, 3).padding(2);
    let h = uniform([4, 2, 3], rng);
    let tape = Tape::new();
    let logits = embedding.logits(tape.constant(h.clone())).value();
    let table = embedding.table.value();
    let dot = |position: usize, symbol: usize| -> f64 {
        (0..3).map(|i| h.as_slice()[position * 3 + i] * table.as_slice()[symbol * 3 + i]).sum()
    };
    let expected = Tensor::from_fn([4, 2, 7], |i| dot(i / 7, i % 7));
    assert_near(&[logits], &[expected], 1e-14);
}

#[test]
fn embedding_starts_from_the_standard_normal_distribution() {
    let table = parameter(&Embedding::<f64>::new(&mut random(0), 100, 100), "table");
    assert_eq!(table.shape(), &[100, 100]);
    assert!((table.mean_all().item()).abs() < 0.05); // five standard errors
    assert!((table.square().mean_all().item() - 1.0).abs() < 0.071);
}

/// Returns the mask of dropout, its result for ones.
fn mask(rate: f64, shape: [usize; 2], seed: u64) -> Tensor<f64> {
    let tape = Tape::new();
    Dropout::new(rate).apply(&mut random(seed), tape.constant(Tensor::ones(shape))).value()
}

#[test]
fn dropout_scales_what_it_keeps() {
    for rate in [0.1, 0.5, 0.8] {
        let mask = mask(rate, [200, 100], 1);
        let scale = 1.0 / (1.0 - rate);
        assert!(mask.as_slice().iter().all(|&m| m == 0.0 || m == scale), "rate {rate}");
        let n = mask.len() as f64;
        let dropped = mask.as_slice().iter().filter(|&&m| m == 0.0).count() as f64 / n;
        let error = (rate * (1.0 - rate) / n).sqrt();
        assert!((dropped - rate).abs() < 5.0 * error, "rate {rate}: {dropped} is dropped");
        assert!(
            (mask.mean_all().item() - 1.0).abs() < 5.0 * error * scale,
            "the expectation moves"
        );
    }
}

#[test]
fn a_seed_decides_what_is_dropped() {
    assert_eq!(mask(0.5, [8, 8], 1), mask(0.5, [8, 8], 1));
    assert_ne!(mask(0.5, [8, 8], 1), mask(0.5, [8, 8], 2));
    let tape = Tape::new();
    let (rng, x) = (&mut random(1), tape.constant(Tensor::<f64>::ones([8, 8])));
    let dropout = Dropout::new(0.5);
    assert_ne!(dropout.apply(rng, x).value(), dropout.apply(rng, x).value());
}

/// Locked dropout multiplies each step by the same mask `[B, F]`.
#[test]
fn locked_dropout_is_the_same_at_every_step() {
    let tape = Tape::new();
    let xs = tape.constant(uniform([30, 4, 5], &mut random(0)));
    let dropped = Dropout::new(0.3).locked().apply(&mut random(1), xs);
    assert_eq!(dropped.value(), (xs * &mask(0.3, [4, 5], 1)).value());
}

#[test]
#[should_panic(expected = "locked dropout: a sequence is [T, ..], not a number")]
fn locked_dropout_of_a_number() {
    let tape = Tape::<f64>::new();
    let _ = Dropout::new(0.3).locked().apply(&mut random(1), tape.scalar(1.0));
}

#[test]
fn dropout_of_nothing() {
    let tape = Tape::new();
    let x = tape.variable(uniform([4, 4], &mut random(0)));
    assert_eq!(Dropout::new(0.0).apply(&mut random(1), x).value(), x.value());
    let none = tape.constant(Tensor::<f64>::zeros([0, 4]));
    assert_eq!(Dropout::new(0.5).apply(&mut random(1), none).shape(), [0, 4]);
}

/// The gradient passes where the value did, by the same factor.
#[test]
fn dropout_masks_the_gradient() {
    let tape = Tape::new();
    let x = tape.variable(uniform([20, 30], &mut random(0)));
    let y = Dropout::new(0.3).apply(&mut random(1), x);
    let cotangent = uniform([20, 30], &mut random(2));
    let gradients = tape.backward((y * &cotangent).sum_all());
    assert_eq!(y.value(), x.value() * mask(0.3, [20, 30], 1));
    assert_eq!(gradients.wrt(x), &(&cotangent * mask(0.3, [20, 30], 1)));
}

/// Dropout applies between layers, not before the lowest or after the highest.
#[test]
fn dropout_between_layers() {
    let rng = &mut random(0);
    let sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 3, output: 3 };
    let stack = Stack::new((0..3).map(|_| random_cell::lstm(rng, sizes)).collect());
    let with = |stack: &Stack<Lstm<f64>>, rate| stack.clone().dropout(Dropout::new(rate));
    let xs = uniform([5, 2, 3], rng);
    let layers = |stack: &Stack<Lstm<f64>>, xs: V<'_>, rate: f64, seed: u64| {
        let rng = &mut random(seed);
        let stack = with(stack, rate);
        let recurrence = Recurrence::new(&stack).training(rng);
        let (ys, last) = recurrence.run(xs, stack.start(xs.tape(), 2));
        let last = last.values();
        std::iter::once(ys.value()).chain(last).collect::<Vec<_>>()
    };
    let tape = Tape::new();
    let xs = tape.constant(xs);
    let rng = &mut random(9);
    let mut by_hand = Vec::new();
    let mut ys = xs;
    for (i, layer) in stack.layers().iter().enumerate() {
        if i > 0 {
            ys = Dropout::new(0.4).apply(rng, ys);
        }
        let (outputs, last) = unroll(layer, ys, stack.start(&tape, 2)[i]);
        by_hand.extend(last.values());
        ys = outputs;
    }
    by_hand.insert(0, ys.value());
    assert_near(&layers(&stack, xs, 0.4, 9), &by_hand, 1e-12);

    let (ys, _) = stack.forward(xs);
    assert_ne!(by_hand[0], ys.value());
    assert_eq!(layers(&stack, xs, 0.0, 9)[0], ys.value());
    assert_eq!(with(&stack, 0.4).forward(xs).0.value(), ys.value());
    let single = Stack::new(stack.layers()[..1].to_vec());
    let (ys, _) = single.forward(xs);
    assert_eq!(layers(&single, xs, 0.9, 9)[0], ys.value());
}
