//! A model of characters that writes: each character that it draws is its next input.

use bptt::decode::Sampling;
use bptt::prelude::*;

const TEXT: &str = "the cat sat on the mat. ";

fn main() {
    let mut characters: Vec<char> = TEXT.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let symbols = characters.len();
    let number = |c| characters.iter().position(|&other| other == c).expect("it is one of them");
    let tokens: Vec<usize> = TEXT.repeat(4).chars().map(number).collect();
    let (inputs, targets) = (&tokens[..tokens.len() - 1], &tokens[1..]);

    // One sequence `[T, 1, V]` of rows with a single 1, and the character after each.
    let xs = Tensor::<f32>::one_hot(inputs, symbols).reshape([inputs.len(), 1, symbols]);
    let mut rng = bptt::rng(0);
    let mut model = (Lstm::new(&mut rng, symbols, 32), Linear::new(&mut rng, 32, symbols));
    let mut optimizer = Adam::new(0.02);
    let mut last = f32::NAN;
    for _ in 0..150 {
        let tape = Tape::new();
        let (logits, _state) = model.forward(tape.constant(xs.clone()));
        let loss = loss::cross_entropy(logits, targets).mean();
        let gradients = tape.backward(loss);
        last = loss.item();
        drop(tape);
        optimizer.step(&mut model, &gradients);
    }
    println!("loss: {last:.4} nats for each character");

    // A stepper runs the model as inputs arrive, and keeps its state.
    let mut writer = stepper(&model, [1, symbols]);
    let sampling = Sampling::new().temperature(0.5);
    let (mut token, mut written) = (tokens[0], String::new());
    for _ in 0..TEXT.len() {
        written.push(characters[token]);
        let x = Tensor::<f32>::one_hot(&[token], symbols);
        writer.step(&[x.as_slice()]);
        token = sampling.draw(writer.output(0), &mut rng);
    }
    println!("{written}");
    assert!(last < 0.1, "{last}");
    assert_eq!(written, TEXT);
}
