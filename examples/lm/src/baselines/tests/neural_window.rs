use bptt::prelude::*;

use super::assert_close;
use crate::baselines::NeuralWindow;

#[test]
fn gradients_are_proven() {
    for steps in [1, 3] {
        bptt_gradcheck::cell(|rng, i, h| NeuralWindow::new(rng, i, h, steps)).check();
    }
}

/// `y = b + W x + U tanh(d + H x)` of the paper, in loops over the tokens of a text, with `n = 4`. Before the text
/// stand embeddings of zeros.
#[test]
fn agrees_with_the_equation_of_the_paper() {
    const EMBEDDING: usize = 2; // m in the paper
    const HIDDEN: usize = 5; // h in the paper
    const VOCABULARY: usize = 4;
    const STEPS: usize = 3;
    let mut rng = bptt::rng(3);
    let embedding = Embedding::<f64>::new(&mut rng, VOCABULARY, EMBEDDING);
    let mut cell = NeuralWindow::new(&mut rng, EMBEDDING, HIDDEN, STEPS);
    cell.hidden.b.set(Tensor::normal([HIDDEN], 0.0, 1.0, &mut rng));
    let mut head = Linear::new(&mut rng, cell.output_size(), VOCABULARY);
    head.b = Some(Param::new(Tensor::normal([VOCABULARY], 0.0, 1.0, &mut rng)));
    let text = [2, 0, 3, 3, 1, 0, 2];

    let tape = Tape::new();
    let xs = embedding.forward(&tape, &text, [text.len(), 1]);
    let (features, _) = cell.forward(xs);
    let logits = head.forward(features).value();

    let c = embedding.table.value();
    let [h, d] = [&cell.hidden.w_ih, &cell.hidden.b].map(Param::value);
    let [wu, b] = [&head.w, head.b.as_ref().unwrap()].map(Param::value);
    for t in 0..text.len() {
        let embed = |lag: usize, i| t.checked_sub(lag).map_or(0.0, |s| c[[text[s], i]]);
        let x: Vec<f64> = (0..STEPS)
            .rev()
            .flat_map(|lag| (0..EMBEDDING).map(move |i| (lag, i)))
            .map(|(lag, i)| embed(lag, i))
            .collect();
        let a: Vec<f64> = (0..HIDDEN)
            .map(|j| {
                (d[[j]] + x.iter().enumerate().map(|(i, x)| x * h[[i, j]]).sum::<f64>()).tanh()
            })
            .collect();
        for w in 0..VOCABULARY {
            let direct: f64 = x.iter().enumerate().map(|(i, x)| x * wu[[i, w]]).sum();
            let hidden: f64 = a.iter().enumerate().map(|(j, a)| a * wu[[x.len() + j, w]]).sum();
            assert_close(logits[[t, 0, w]], b[[w]] + direct + hidden);
        }
    }
}
