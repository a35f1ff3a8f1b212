//! Attention, and models that have it.

use bptt_autodiff::Tape;
use bptt_layers::weights::{Archive, keras, pytorch};
use bptt_layers::{Attention, Embedding, EncoderDecoder, Linear, Reset};
use bptt_tensor::Tensor;

use crate::keras::{HIDDEN, dot, gru};
use crate::{random, randomized, values};

/// The scores of Keras's layers from its own arrays: `Σ scale · tanh(query + key)`, and `query · value`.
#[test]
fn attention() {
    let rng = &mut random(3);
    let mut uniform = |shape: &[usize]| Tensor::<f64>::uniform(shape, -1.0, 1.0, rng);
    let (query_kernel, key_kernel, scale) = (uniform(&[2, 4]), uniform(&[3, 4]), uniform(&[4]));
    let (q, m, kernel) = (uniform(&[1, 1, 2]), uniform(&[5, 1, 3]), uniform(&[2, 3]));
    let scores = |attention: &Attention<f64>| {
        let tape = Tape::new();
        let memory = attention.memory(tape.constant(m.clone()), None);
        attention.scores(tape.constant(q.clone()), &memory).value().to_vec()
    };
    let entry = |s: usize| &m.as_slice()[3 * s..3 * (s + 1)];

    let mut archive = Archive::new();
    archive.insert("query/kernel", query_kernel.clone());
    archive.insert("key/kernel", key_kernel.clone());
    archive.insert("additive_attention/scale", scale.clone());
    let mut additive = Attention::additive(&mut random(0), 2, 3, 4);
    keras::load(&mut additive, &archive).expect("its variables");
    for (s, score) in scores(&additive).into_iter().enumerate() {
        let unit = |a: usize| {
            let net = dot(q.as_slice(), &query_kernel, a) + dot(entry(s), &key_kernel, a);
            scale[[a]] * net.tanh()
        };
        assert!((score - (0..4).map(unit).sum::<f64>()).abs() < 1e-14);
    }
    let mut restored = Attention::additive(&mut random(1), 2, 3, 4);
    keras::load(&mut restored, &keras::archive(&additive)).expect("its variables");
    assert_eq!(values(&restored), values(&additive));

    let mut archive = Archive::new();
    archive.insert("query/kernel", kernel.clone());
    let mut multiplicative = Attention::multiplicative(&mut random(0), 2, 3);
    keras::load(&mut multiplicative, &archive).expect("its variables");
    for (s, score) in scores(&multiplicative).into_iter().enumerate() {
        let unit = |j: usize| dot(q.as_slice(), &kernel, j) * entry(s)[j];
        assert!((score - (0..3).map(unit).sum::<f64>()).abs() < 1e-14);
    }
}

/// A composed model loads from both frameworks, with parts of the same names.
#[test]
fn encoder_and_decoder() {
    let rng = &mut random(0);
    let mut model = |attention| {
        let model = EncoderDecoder::<f64, _, _> {
            source: Embedding::new(rng, 7, 3),
            encoder: gru(Reset::After),
            target: Embedding::new(rng, 6, 3),
            decoder: gru(Reset::After),
            attention,
            output: Linear::new(rng, 2 * HIDDEN, 6),
            start: 0,
            end: 1,
        };
        randomized(model, 4)
    };
    let additive = Attention::additive(&mut random(0), HIDDEN, HIDDEN, 4);
    for attention in [None, Some(additive)] {
        let trained = model(attention.clone());
        let mut restored = randomized(trained.clone(), 5);
        let archive = keras::archive(&trained);
        keras::load(&mut restored, &archive).expect("its variables");
        assert_eq!(values(&restored), values(&trained));
        assert!(archive.has_tensor("encoder/gru_cell/kernel"));
        assert_eq!(archive.has_tensor("attention/query/kernel"), attention.is_some());

        let mut restored = randomized(trained.clone(), 5);
        let archive = pytorch::archive(&trained);
        pytorch::load(&mut restored, &archive).expect("its tensors");
        assert_eq!(values(&restored), values(&trained));
        if attention.is_some() {
            assert_eq!(archive.tensor("attention.w_q.weight").expect("it is").shape()[..], [4, 2]);
            assert_eq!(archive.tensor("attention.v.weight").expect("it is").shape()[..], [1, 4]);
        }
    }
}
