//! Unfolding: over any number of steps, a recurrent net is a feed-forward net whose layers share their weights.
//!
//! Folded, the state leads back to the next step through a delay. Unfolded over `τ` steps, the operations of a step stand
//! `τ` times in a graph without cycles, and the parameters once. Its outputs and gradients are those of the recurrence,
//! for the LSTM as for the Elman net. So a net with an infinite impulse response unfolds over a sequence too.
//!
//! The figures show both nets, folded and unfolded.

use bptt::analysis::plot::CellGraph;

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "unfolding",
    shows: "a recurrent net, an LSTM too, unfolds into a feed-forward net whose layers share their weights",
    sources: &[
        (Text::Crowley, "Folding and Unfolding"),
        (Text::Crowley, "Finite vs Infinite impulse networks"),
        (Text::Int301, "RNN Architecture"),
    ],
    run,
};

const STEPS: usize = 5;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let elman = Elman::<f64>::new(rng, 2, 3).output(rng, 2, Activation::Softmax);
    let elman = unfolded(session, "elman", &elman)?;
    let lstm = unfolded(session, "lstm", &Lstm::new(rng, 2, 3))?;
    let claim = "a sentence of 5 words: the network would be unrolled into a 5-layer neural network, one layer for each word";
    session.claim(Text::Int301, claim).confirmed(
        elman.is_layered && lstm.is_layered,
        "each operation of a step stands 5 times, each parameter once, and no path leads back",
    );
    let claim = "an infinite impulse network cannot be unrolled because of internal feedback; the classic one is the LSTM";
    session.claim(Text::Crowley, claim).refuted(
        lstm.outputs < 1e-14 && lstm.gradients < 1e-14,
        &format!(
            "over 5 steps the outputs of the unfolded LSTM differ from those of the recurrence by {:.0e}, its gradients \
             by {:.0e}",
            lstm.outputs, lstm.gradients
        ),
    );
    Ok(())
}

/// What an unfolded net has in common with the folded one.
struct Unfolded {
    /// Whether its graph has each operation in all steps, each parameter once, and no cycle.
    is_layered: bool,
    /// The largest difference of outputs, and that of gradients.
    outputs: f64,
    gradients: f64,
}

fn unfolded<C: Cell<f64> + StateSizes + Module<f64>>(
    session: &mut Session,
    name: &str,
    cell: &C,
) -> Result<Unfolded> {
    let (folded, unfolded) = (CellGraph::folded(cell, 2), CellGraph::unfolded(cell, 2, STEPS));
    session.figure(&format!("{name}-folded"), &folded.picture())?;
    session.figure(&format!("{name}-unfolded"), &unfolded.picture())?;

    let xs = Tensor::normal([STEPS, 4, 2], 0.0, 1.0, &mut bptt::rng(1));
    let run = |is_folded: bool| {
        let tape = Tape::new();
        let (inputs, state) = (tape.constant(xs.clone()), cell.zero_state(&tape, 4));
        let (ys, _) =
            if is_folded { scan(cell, inputs, state) } else { unroll(cell, inputs, state) };
        let gradients = tape.backward(ys.square().sum_all());
        let of = |(_, param): (String, &Param<f64>)| gradients[param].clone();
        (vec![ys.value()], cell.parameters().into_iter().map(of).collect::<Vec<_>>())
    };
    let ((ys, gradients), (own_ys, own_gradients)) = (run(true), run(false));
    Ok(Unfolded {
        is_layered: is_layered(unfolded.dot(), cell.parameters().len()),
        outputs: difference(&ys, &own_ys),
        gradients: difference(&gradients, &own_gradients),
    })
}

/// Whether a graph has as many operations in each step, each parameter once, and no arrow back to an earlier value.
fn is_layered(dot: &str, parameters: usize) -> bool {
    let in_step = |step| dot.matches(&format!("label=\"step {step}\"")).count();
    let number = |node: &str| node.trim_start_matches('n').parse::<usize>().ok();
    let mut arrows =
        dot.lines().filter_map(|line| line.trim().trim_end_matches(';').split_once(" -> "));
    arrows.all(|(from, to)| number(from).is_some() && number(from) < number(to))
        && (1..STEPS).all(|step| in_step(step) == in_step(0) && in_step(0) > 1)
        && dot.matches("fillcolor").count() == parameters
}

fn difference(a: &[Tensor<f64>], b: &[Tensor<f64>]) -> f64 {
    let pairs = a.iter().zip(b).flat_map(|(a, b)| a.iter().zip(b.iter()));
    pairs.fold(0.0, |largest, (a, b)| (a - b).abs().max(largest))
}
