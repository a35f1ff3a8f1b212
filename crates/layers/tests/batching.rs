//! Batches of a data set, and of sequences of different lengths.

use bptt_autodiff::Tape;
use bptt_layers::Xoshiro256PlusPlus;
use bptt_layers::batching::{
    Remainder, by_length, length_mask, pad_sequence, pad_symbols, shuffled, unpad_sequence,
    unpad_symbols,
};
use bptt_layers::loss::{self, CrossEntropy};
use bptt_tensor::Tensor;
use proptest::prelude::*;

fn random(seed: u64) -> Xoshiro256PlusPlus {
    bptt_layers::rng(seed)
}

proptest! {
    #[test]
    fn sequences_come_back(
        lengths in prop::collection::vec(0..6_usize, 1..5),
        features in prop::collection::vec(0..4_usize, 0..3),
        seed: u64,
    ) {
        let rng = &mut random(seed);
        let sequence = |&length: &usize| {
            let shape: Vec<usize> = [&[length][..], &features].concat();
            Tensor::<f64>::normal(&shape[..], 0.0, 1.0, rng)
        };
        let sequences: Vec<_> = lengths.iter().map(sequence).collect();
        let (padded, found) = pad_sequence(&sequences);
        prop_assert_eq!(&found, &lengths);
        prop_assert_eq!(padded.shape()[..2].to_vec(), [*lengths.iter().max().unwrap(), lengths.len()]);
        let there: f64 = sequences.iter().flat_map(|sequence| sequence.to_vec()).map(f64::abs).sum();
        let all: f64 = padded.to_vec().into_iter().map(f64::abs).sum();
        prop_assert!((there - all).abs() < 1e-12, "a value after the end of a sequence");
        prop_assert_eq!(unpad_sequence(&padded, &lengths), sequences);
    }

    #[test]
    fn symbols_come_back(
        sequences in prop::collection::vec(prop::collection::vec(0..9_usize, 0..6), 0..5),
    ) {
        let (symbols, lengths) = pad_symbols(&sequences, 77);
        let count = symbols.iter().filter(|&&symbol| symbol != 77).count();
        prop_assert_eq!(count, lengths.iter().sum::<usize>());
        prop_assert_eq!(unpad_symbols(&symbols, &lengths), sequences);
    }

    /// Each example occurs once in an epoch, or at most once where the remainder is dropped.
    #[test]
    fn an_epoch_has_each_example(count in 0..40_usize, batch in 1..9_usize, seed: u64) {
        let all = shuffled(count, batch, Remainder::Keep, &mut random(seed));
        let mut places = all.concat();
        places.sort_unstable();
        prop_assert_eq!(places, (0..count).collect::<Vec<_>>());
        let (full, rest) = (count / batch, count % batch);
        let sizes: Vec<_> = all.iter().map(Vec::len).collect();
        let expected = [vec![batch; full], vec![rest; usize::from(rest > 0)]].concat();
        prop_assert_eq!(sizes, expected);
        let dropped = shuffled(count, batch, Remainder::Drop, &mut random(seed));
        prop_assert_eq!(&dropped[..], &all[..full]);
    }

    /// Each sequence occurs once, and the batches' ranges of lengths do not overlap.
    #[test]
    fn batches_are_of_like_lengths(
        lengths in prop::collection::vec(0..9_usize, 0..30),
        batch in 1..6_usize,
        seed: u64,
    ) {
        let batches = by_length(&lengths, batch, &mut random(seed));
        let mut places = batches.concat();
        places.sort_unstable();
        prop_assert_eq!(places, (0..lengths.len()).collect::<Vec<_>>());
        prop_assert!(batches.iter().filter(|places| places.len() < batch).count() <= 1);
        let of = |places: &Vec<usize>| places.iter().map(|&place| lengths[place]).collect::<Vec<_>>();
        let mut ranges: Vec<_> = batches.iter().map(of).collect();
        ranges.iter_mut().for_each(|lengths| lengths.sort_unstable());
        ranges.sort_by_key(|lengths| (lengths[0], lengths[lengths.len() - 1]));
        prop_assert!(ranges.concat().is_sorted());
    }
}

/// Over many epochs, an example is at each place about equally often.
#[test]
fn epochs_are_shuffled_anew() {
    let rng = &mut random(5);
    let mut counts = [[0_u32; 4]; 4];
    for _ in 0..4000 {
        let epoch = shuffled(4, 3, Remainder::Keep, rng).concat();
        epoch.iter().enumerate().for_each(|(place, &example)| counts[place][example] += 1);
    }
    // five standard errors of a binomial of 4000 draws with p = 1/4
    assert!(counts.as_flattened().iter().all(|&count| count.abs_diff(1000) < 137), "{counts:?}");
}

#[test]
#[should_panic(expected = "shuffled: a batch has at least one example")]
fn batches_of_no_examples() {
    let _ = shuffled(3, 0, Remainder::Keep, &mut random(0));
}

#[test]
fn the_seed_decides_the_batches_and_their_order() {
    let lengths: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let of = |seed| by_length(&lengths, 4, &mut random(seed));
    assert_eq!(of(1), of(1));
    let as_a_set = |mut batches: Vec<Vec<usize>>| {
        batches.iter_mut().for_each(|places| places.sort_unstable());
        batches.sort();
        batches
    };
    assert_ne!(as_a_set(of(1)), as_a_set(of(2)));
    let order =
        |batches: Vec<Vec<usize>>| batches.iter().map(|b| lengths[b[0]]).collect::<Vec<_>>();
    assert_ne!(order(of(1)), order(of(2)));
}

/// A mask and an ignored class have the same effect.
#[test]
fn losses_ignore_padding() {
    let (targets, lengths) = pad_symbols([&[0, 1, 2][..], &[2], &[1, 1]], usize::MAX);
    let logits = Tensor::<f64>::normal([3, 3, 3], 0.0, 1.0, &mut random(3));
    let tape = Tape::new();
    let logits = tape.constant(logits);
    let ignored = CrossEntropy::new().ignored_index(usize::MAX).of(logits, &targets).mean();
    let targets: Vec<usize> = targets.iter().map(|&target| target % 3).collect();
    let masked = loss::cross_entropy(logits, &targets).masked(&length_mask(&lengths)).mean();
    assert_eq!(masked.item(), ignored.item());
}

#[test]
#[should_panic(
    expected = "pad_sequence: sequence 1 of shape [2, 3] does not have entries of shape [2] as the \
        first has"
)]
fn entries_of_other_shapes() {
    let _ = pad_sequence(&[Tensor::<f32>::zeros([4, 2]), Tensor::zeros([2, 3])]);
}

#[test]
#[should_panic(expected = "pad_sequence: needs a sequence [T, ..], to know the shape of an entry")]
fn no_sequence() {
    let _ = pad_sequence::<f32>(&[]);
}

#[test]
#[should_panic(
    expected = "unpad_sequence: 2 sequences of 3 steps need 2 lengths of at most 3, not [4, 1]"
)]
fn a_length_beyond_the_batch() {
    let _ = unpad_sequence(&Tensor::<f32>::zeros([3, 2, 1]), &[4, 1]);
}

#[test]
#[should_panic(
    expected = "unpad_symbols: 5 symbols do not divide into 2 sequences of equal length"
)]
fn symbols_of_unequal_number() {
    let _ = unpad_symbols(&[1, 2, 3, 4, 5], &[2, 2]);
}
