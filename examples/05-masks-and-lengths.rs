//! Sequences of different lengths in one batch: padding changes nothing.

use bptt::prelude::*;

fn main() {
    let mut rng = bptt::rng(0);
    let model = (Gru::<f64>::new(&mut rng, 2, 8), Linear::new(&mut rng, 8, 3));

    // Three sequences `[T, F]` of their own lengths, with a class for each step.
    let lengths = [5, 2, 4];
    let sequences = lengths.map(|steps| Tensor::normal([steps, 2], 0.0, 1.0, &mut rng));
    let targets = lengths.map(|steps| (0..steps).map(|step| step % 3).collect::<Vec<_>>());

    // Padded, they are one batch `[T, B, F]`. Values in the padding are ignored, even NaN.
    let (mut padded, lengths) = batching::pad_sequence(&sequences);
    padded.as_mut_slice()[(4 * 3 + 1) * 2] = f64::NAN; // step 4 of the sequence of two steps
    let (padded_targets, _) = batching::pad_symbols(&targets, 0);
    let tape = Tape::new();
    let start = model.start(&tape, 3);
    let (logits, _) = Recurrence::new(&model).lengths(&lengths).run(tape.constant(padded), start);
    let mask = batching::length_mask(&lengths); // [T, B]: 1 at each step of a sequence, and 0 after its end
    let loss = loss::cross_entropy(logits, &padded_targets).masked(&mask).sum();
    let gradients = tape.backward(loss);

    // One by one, they have the same losses and gradients.
    let mut alone = 0.0;
    let mut gradient = Tensor::zeros(model.1.w.shape());
    for (sequence, targets) in sequences.iter().zip(&targets) {
        let steps = targets.len();
        let tape = Tape::new();
        let (logits, _) = model.forward(tape.constant(sequence.reshape([steps, 1, 2])));
        let loss = loss::cross_entropy(logits, targets).sum();
        alone += loss.item();
        gradient += &tape.backward(loss)[&model.1.w];
    }
    println!("loss in one batch: {:.12}, one by one: {alone:.12}", loss.item());
    assert!((loss.item() - alone).abs() < 1e-12);
    let pairs = gradients[&model.1.w].as_slice().iter().zip(gradient.as_slice());
    assert!(pairs.map(|(a, b)| (a - b).abs()).all(|difference| difference < 1e-12));
}
