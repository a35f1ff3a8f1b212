//! Noise in training: its place in the equations, and its absence in evaluation.

use bptt_autodiff::{Recompute, Tape};
use bptt_layers::{
    Activation, Bidirectional, Brc, Cell, Clockwork, CoRnn, ConvLstm, CoupledLstm, Dropout,
    EchoState, Elman, FullyRecurrent, Gru, HyperLstm, IndRnn, Layer, LayerNormGru, LayerNormLstm,
    LeakyIntegrateAndFire, LearnedStart, LegendreMemory, Lem, Lstm, Lstm1997, MemoryBlocks, MinGru,
    MinLstm, MinimalGatedUnit, MultiplicativeLstm, Nbrc, NoisyCell, OutputToHidden, PeepholeLstm,
    PhasedLstm, ProjectedLstm, Recurrence, RecurrentDropout, RecurrentHighway, Reset, Residual,
    Reversed, SLstm, Sru, Stack, StateSizes, Truncation, VariationalDropout, Window, Zoneout, scan,
};
use bptt_tensor::Tensor;
use rand::Rng;

use crate::support::{
    Random, Sizes, TestCell, V, assert_near, random, random_cell, randomized, run, uniform,
};
use crate::wrappers::{SIZES, assert_same, layer_run, recurrence_run};

const INPUT: usize = 3;
const HIDDEN: usize = 4;

/// A seed that gives the same noise again.
pub(crate) fn training<'r, L: Layer<f64>>(
    layer: &'r L,
    rng: &'r mut Random,
) -> Recurrence<'r, f64, L> {
    Recurrence::new(layer).training(rng)
}

/// The noise of zoneout belongs to a step in time: it is the same reversed, masked and with recomputation.
fn zoneout_of<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let zoneout = Zoneout::new(cell.clone(), &vec![0.5; cell.state_sizes().len()]);
    let seed = rng.clone();
    let noisy = |zoneout: &Zoneout<C>, x: &[V<'_>]| {
        recurrence_run(zoneout, training(zoneout, &mut seed.clone()), x)
            .iter()
            .map(|y| y.value())
            .collect::<Vec<_>>()
    };
    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    let mask = Tensor::ones([sizes.steps, sizes.batch]);
    let rng_of = || seed.clone();
    let masked = recurrence_run(
        &zoneout,
        Recurrence::new(&zoneout).masked(&mask).training(&mut rng_of()),
        &x,
    );
    let masked: Vec<_> = masked.iter().map(|y| y.value()).collect();
    assert_near(&masked, &noisy(&zoneout, &x), 1e-13);
    let twice = Reversed::new(Reversed::new(zoneout.clone()));
    let turned = recurrence_run(
        &twice,
        Recurrence::new(&twice).recompute(Recompute::Every(2)).training(&mut rng_of()),
        &x,
    );
    let turned: Vec<_> = turned.iter().map(|y| y.value()).collect();
    assert_near(&turned, &noisy(&zoneout, &x), 1e-13);
}

for_every_cell!(zoneout_of, 3);

/// Kept elements equal those of the previous step exactly, and the others are the cell's. In evaluation, the state is
/// the expectation.
#[test]
fn zoneout_keeps_elements_exactly() {
    let rng = &mut random(8);
    let sizes = Sizes { steps: 1, batch: 200, ..SIZES };
    let lstm = random_cell::lstm(rng, sizes);
    let inputs = sizes.inputs(&lstm, rng);
    let computed = run(&lstm, &inputs, layer_run).values;
    let zoneout = Zoneout::new(lstm, &[0.25, 0.0]);
    let tape = Tape::new();
    let [xs, h, c] = [0, 1, 2].map(|i| tape.constant(inputs[i].clone()));
    let (ys, (h_next, c_next)) = training(&zoneout, rng).run(xs, (h, c));
    assert_eq!(ys.index_first(0).value(), h_next.value());
    assert_eq!(c_next.value(), computed[2]);
    let triples = h_next
        .value()
        .to_vec()
        .into_iter()
        .zip(inputs[1].to_vec().into_iter().zip(computed[1].to_vec()));
    let kept: Vec<bool> = triples
        .map(|(next, (before, new))| {
            assert!(next == before || next == new);
            next == before
        })
        .collect();
    let share = kept.iter().filter(|&&kept| kept).count() as f64 / kept.len() as f64;
    assert!((0.2..0.3).contains(&share), "{share}");

    let (_, (expected, _)) = scan(&zoneout, xs, (h, c));
    let blend = inputs[1].map(|h| 0.25 * h) + computed[1].map(|h| 0.75 * h);
    assert_near(&[expected.value()], &[blend], 1e-14);
    let (_, (h_next, _)) = training(&Zoneout::new(&zoneout.cell, &[1.0, 1.0]), rng).run(xs, (h, c));
    assert_eq!(h_next.value(), h.value());
}

/// The masks of variational dropout are the same at every step. A loop that multiplies by them gives the same result.
#[test]
fn variational_dropout_drops_the_same_units() {
    let rng = &mut random(9);
    let lstm = random_cell::lstm(rng, SIZES);
    let inputs = SIZES.inputs(&lstm, rng);
    let [half, none] = [0.5, 0.0].map(Dropout::new);
    let dropout = VariationalDropout::new(lstm, half, &[half, none]);
    let seed = rng.clone();
    let dropped = run(&dropout, &inputs, |dropout, x| {
        recurrence_run(dropout, training(dropout, &mut seed.clone()), x)
    });
    let drawn = &mut seed.clone();
    let [of_x, of_h] = [SIZES.input, SIZES.hidden]
        .map(|size| Tensor::bernoulli([SIZES.batch, size], 0.5, drawn).map(|kept: f64| 2.0 * kept));
    let by_hand = run(&dropout, &inputs, |dropout, x| {
        let (mut h, mut c) = (x[1], x[2]);
        let mut ys = Vec::new();
        for t in 0..SIZES.steps {
            let (y, next) = dropout.cell.step(x[0].index_first(t) * &of_x, (h * &of_h, c));
            ys.push(y);
            (h, c) = next;
        }
        vec![V::stack(&ys, 0), h, c]
    });
    assert_same(&dropped, &by_hand);
    let plain = run(&dropout, &inputs, layer_run);
    assert_same(&plain, &run(&dropout.cell, &inputs, layer_run));
}

/// Locked dropout between layers multiplies every step by one mask, also in truncated windows.
#[test]
fn locked_dropout_between_layers() {
    let rng = &mut random(12);
    let layers = vec![random_cell::elman(rng, SIZES), random_cell::elman(rng, SIZES)];
    let stack = Stack::new(layers).dropout(Dropout::new(0.5).locked());
    let tape = Tape::new();
    let xs = tape.constant(uniform([SIZES.steps, SIZES.batch, SIZES.input], rng));
    let seed = rng.clone();
    let start = || stack.start(&tape, SIZES.batch);
    let (ys, _) = training(&stack, &mut seed.clone()).run(xs, start());
    let mask = Tensor::bernoulli([SIZES.batch, 4], 0.5, &mut seed.clone()) * 2.0;
    let [below, above] = stack.layers() else { panic!("two layers") };
    let by_hand = above.forward(below.forward(xs).0 * &mask).0;
    assert_near(&[ys.value()], &[by_hand.value()], 1e-14);
    let draws = &mut seed.clone();
    let windows = training(&stack, draws).truncated(Truncation::new(2, 3));
    let whole = &mut bptt_layers::rng(seed.clone().next_u64());
    let (whole, _) = training(&stack, whole).run(xs, start());
    assert_near(&[windows.run(xs, start()).0.value()], &[whole.value()], 1e-13);
}

/// Noise reaches layers within layers. Each draws its own, in the order of the layers, whatever wraps them.
#[test]
fn noise_reaches_every_layer() {
    let rng = &mut random(10);
    let mut zoned = || Zoneout::new(random_cell::gru_after(rng, SIZES), &[0.5]);
    let both = Bidirectional::new(zoned(), Reversed::new(zoned()));
    let model = LearnedStart::new(Residual::new(
        Stack::new(vec![zoned(), zoned()]).dropout(Dropout::new(0.4)),
    ));
    let tape = Tape::new();
    let xs = tape.constant(uniform([SIZES.steps, SIZES.batch, SIZES.input], rng));
    let seed = rng.clone();
    let (ys, _) = training(&model, &mut seed.clone()).run(xs, model.start(&tape, SIZES.batch));
    let stack = &model.layer.layer;
    let draws = &mut seed.clone();
    let zeros = || tape.constant(Tensor::zeros([SIZES.batch, 4]));
    let (below, _) = training(&stack.layers()[0], draws).run(xs, zeros());
    let below = Dropout::new(0.4).apply(draws, below);
    let (above, _) = training(&stack.layers()[1], draws).run(below, zeros());
    assert_near(&[ys.value()], &[(xs + above).value()], 1e-13);
    let (evaluation, _) = model.forward(xs);
    assert_ne!(evaluation.value(), ys.value());

    let (ys, _) = training(&both, &mut seed.clone()).run(xs, both.start(&tape, SIZES.batch));
    let draws = &mut seed.clone();
    let (ahead, _) = training(&both.forward, draws).run(xs, zeros());
    let (also_ahead, _) = training(&both.backward.layer, draws).run(xs, zeros());
    assert_near(&[ys.value()], &[V::concat(&[ahead, also_ahead], -1).value()], 1e-13);
}

/// A carried state stays bounded for any number of steps. If it were scaled at each step, it would grow to 1e59.
#[test]
fn variational_dropout_spares_the_carried_state() {
    fn largest<C: NoisyCell<f64> + StateSizes>(cell: C) -> f64 {
        let rng = &mut random(4);
        let half = Dropout::new(0.5);
        let layer = VariationalDropout::new(cell, half, &[half]);
        let tape = Tape::new();
        let xs = tape.constant(uniform([200, 8, INPUT], rng));
        let start = layer.start(&tape, 8);
        let (hs, _) = training(&layer, rng).run(xs, start);
        hs.value().as_slice().iter().fold(0.0, |most: f64, h| most.max(h.abs()))
    }

    let rng = &mut random(3);
    let largest = [
        largest(Gru::new(rng, INPUT, HIDDEN)),
        largest(Gru::new(rng, INPUT, HIDDEN).reset(Reset::Before)),
        largest(LayerNormGru::new(rng, INPUT, HIDDEN)),
        largest(MinimalGatedUnit::new(rng, INPUT, HIDDEN)),
        largest(EchoState::new(rng, INPUT, HIDDEN).leak(0.1)),
    ];
    assert!(largest.iter().all(|&largest| largest > 0.0 && largest <= 1.0), "{largest:?}");
}

/// Dropping units that a product reads equals dropping rows of its weights: `(h ⊙ m) U = h (diag(m) U)`.
fn drops_rows<C: TestCell + NoisyCell<f64>>(
    make: impl Fn(&mut Random) -> C,
    readers: &[(usize, &str)],
) {
    let rng = &mut random(5);
    let cell = make(rng);
    let cell = randomized(cell, rng);
    let sizes = Sizes { steps: 5, batch: 1, input: INPUT, ..SIZES };
    let inputs = sizes.inputs(&cell, rng);
    let [half, none] = [0.5, 0.0].map(Dropout::new);
    let variables = cell.state_sizes();
    let is_read = |variable| readers.iter().any(|&(read, _)| read == variable);
    let rates: Vec<_> =
        (0..variables.len()).map(|variable| if is_read(variable) { half } else { none }).collect();
    let dropout = VariationalDropout::new(cell.clone(), none, &rates);
    let seed = rng.clone();
    let noisy = run(&dropout, &inputs, |dropout, x| {
        recurrence_run(dropout, training(dropout, &mut seed.clone()), x)
    });

    let drawn = &mut seed.clone();
    let mut masks = vec![None; variables.len()];
    for (variable, &size) in variables.iter().enumerate().filter(|&(variable, _)| is_read(variable))
    {
        let kept: Tensor<f64> = Tensor::bernoulli([1, size], 0.5, drawn);
        masks[variable] = Some(kept.map(|kept| 2.0 * kept).reshape([size]));
    }
    let mut rows_dropped = cell;
    rows_dropped.for_each_parameter_mut(|name, weight| {
        for (variable, _) in readers.iter().filter(|(_, reader)| *reader == name) {
            let mask = masks[*variable].as_ref().expect("it is read");
            let scale = match weight.shape()[..] {
                // the last rows of a window multiply the input
                [rows, _] => Tensor::from_fn([rows, 1], |row| {
                    mask.as_slice().get(row).copied().unwrap_or(1.0)
                }),
                _ => mask.clone(),
            };
            weight.set(weight.value() * &scale);
        }
    });
    let by_hand = run(&rows_dropped, &inputs, layer_run);
    assert_near(&noisy.values, &by_hand.values, 1e-13);
    assert_near(&noisy.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
}

#[test]
fn variational_dropout_drops_the_operands_of_products() {
    let (i, h) = (INPUT, HIDDEN);
    drops_rows(|rng| Elman::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| FullyRecurrent::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| IndRnn::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| OutputToHidden::new(rng, i, h, 2), &[(0, "w_oh")]);
    drops_rows(|rng| Window::new(rng, i, h, 3), &[(0, "w_ih")]);
    drops_rows(|rng| EchoState::new(rng, i, h).leak(0.3), &[(0, "w_hh")]);
    drops_rows(|rng| Lstm::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| CoupledLstm::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| Lstm1997::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| ProjectedLstm::new(rng, i, h, 2), &[(0, "w_hh")]);
    drops_rows(|rng| LayerNormLstm::new(rng, i, h), &[(0, "w_hh")]);
    let peepholes = [(0, "w_hh"), (1, "peepholes.p_i"), (1, "peepholes.p_f"), (1, "peepholes.p_o")];
    drops_rows(|rng| PeepholeLstm::new(rng, i, h), &peepholes);
    drops_rows(|rng| LayerNormLstm::new(rng, i, h).peepholes(true), &peepholes);
    drops_rows(|rng| MemoryBlocks::new(rng, i, 2, 2), &[(0, "w_hh")]);
    for reset in [Reset::After, Reset::Before] {
        let readers = [(0, "w_hh_rz"), (0, "w_hh_n")];
        drops_rows(|rng| Gru::new(rng, i, h).reset(reset), &readers);
    }
    drops_rows(|rng| LayerNormGru::new(rng, i, h), &[(0, "w_hh")]);
    drops_rows(|rng| MinimalGatedUnit::new(rng, i, h), &[(0, "w_hh_f"), (0, "w_hh_n")]);
    drops_rows(|rng| CoRnn::new(rng, i, h), &[(0, "w_hh"), (1, "w_vh")]);
    drops_rows(|rng| Lem::new(rng, i, h), &[(0, "w_hh"), (1, "w_ch")]);
    drops_rows(|rng| Sru::new(rng, i, h), &[(0, "p_f"), (0, "p_r")]);
    drops_rows(|rng| RecurrentHighway::new(rng, i, h, 2), &[(0, "w_hh.0"), (0, "w_hh.1")]);
    drops_rows(|rng| MultiplicativeLstm::new(rng, i, h), &[(0, "w_hm")]);
    let readers = [(0, "w_hu"), (0, "w_hh"), (1, "w_mu"), (1, "w_mh")];
    drops_rows(|rng| LegendreMemory::new(rng, i, h, 3, 5.0), &readers);
    drops_rows(|rng| PhasedLstm::new(rng, i - 1, h), &peepholes);
    drops_rows(|rng| Clockwork::new(rng, i, h, &[1, 2]), &[(0, "w_hh")]);
    drops_rows(|rng| LeakyIntegrateAndFire::new(rng, i, h), &[(0, "w_hh")]);
}

/// Checks the value that a step writes with dropout of its candidate, from random states. Where the candidate is
/// dropped, the value is that without a candidate. Elsewhere the candidate is scaled so that the expectation is kept.
fn drops_candidates<C: TestCell + NoisyCell<f64>>(
    make: impl Fn(&mut Random) -> C,
    without_candidate: impl FnOnce(C) -> C,
    variable: usize,
) {
    const RATE: f64 = 0.25;
    let rng = &mut random(6);
    let cell = make(rng);
    let cell = randomized(cell, rng);
    let sizes = Sizes { steps: 1, batch: 30, input: INPUT, ..SIZES };
    let inputs = sizes.inputs(&cell, rng);
    let [some, none] = [RATE, 0.0].map(Dropout::new);
    let mut rates = vec![none; cell.state_sizes().len()];
    rates[variable] = some;
    let dropout = RecurrentDropout::new(cell.clone(), &rates);
    let noisy = run(&dropout, &inputs, |dropout, x| {
        recurrence_run(dropout, training(dropout, &mut random(7)), x)
    });
    let whole = run(&cell, &inputs, layer_run);
    let kept = run(&without_candidate(cell), &inputs, layer_run);
    let [noisy, whole, kept] = [noisy, whole, kept].map(|run| run.values[1 + variable].clone());
    let more = &kept + (&whole - &kept).map(|written| written / (1.0 - RATE));
    let mut dropped = 0;
    for k in 0..noisy.len() {
        let [noisy, kept, more] = [&noisy, &kept, &more].map(|values| values.as_slice()[k]);
        if (noisy - kept).abs() < 1e-14 {
            dropped += 1;
        } else {
            assert!((noisy - more).abs() < 1e-13, "{noisy}, neither {kept} nor {more}");
        }
    }
    let share = f64::from(dropped) / noisy.len() as f64;
    assert!((0.1..0.4).contains(&share), "{share}");
}

#[test]
fn recurrent_dropout_drops_candidates() {
    let nothing = || Activation::Custom(|z| z * 0.0);
    let (i, h) = (INPUT, HIDDEN);
    /// The cell, its candidate, and the variable into which that is written.
    macro_rules! check {
        ($($make:expr, $variable:expr;)*) => {$(
            drops_candidates($make, |cell| cell.candidate_activation(nothing()), $variable);
        )*};
    }
    check! {
        |rng| Lstm::new(rng, i, h), 1;
        |rng| CoupledLstm::new(rng, i, h), 1;
        |rng| Lstm1997::new(rng, i, h), 1;
        |rng| PeepholeLstm::new(rng, i, h), 1;
        |rng| LayerNormLstm::new(rng, i, h), 1;
        |rng| ProjectedLstm::new(rng, i, h, 2), 1;
        |rng| MemoryBlocks::new(rng, i, 2, 2), 1;
        |rng| Gru::new(rng, i, h), 0;
        |rng| Gru::new(rng, i, h).reset(Reset::Before), 0;
        |rng| LayerNormGru::new(rng, i, h), 0;
        |rng| MinimalGatedUnit::new(rng, i, h), 0;
        |rng| MinGru::new(rng, i, h), 0;
        |rng| MinLstm::new(rng, i, h), 0;
        |rng| Lem::new(rng, i, h), 1;
        |rng| RecurrentHighway::new(rng, i, h, 1), 0;
        |rng| MultiplicativeLstm::new(rng, i, h), 1;
        |rng| Brc::new(rng, i, h), 0;
        |rng| Nbrc::new(rng, i, h), 0;
        |rng| HyperLstm::new(rng, i, h, 2, 2), 1;
        |rng| PhasedLstm::new(rng, i - 1, h), 1;
        |rng| ConvLstm::new(rng, [1, i], 1, 2, [1, 3]), 1;
        |rng| SLstm::new(rng, i, h, 2), 1;
    }
    drops_candidates(|rng| CoRnn::new(rng, i, h), |cell| cell.activation(nothing()), 1);
    drops_candidates(
        |rng| EchoState::new(rng, i, h).leak(0.3),
        |cell| cell.activation(nothing()),
        0,
    );
}

/// The noise on a candidate is drawn anew at each step, or once if it is locked.
#[test]
fn recurrent_dropout_of_each_step() {
    let shape = [SIZES.steps, SIZES.batch, SIZES.hidden];
    recurrent_dropout_with_masks(Dropout::new(0.5), &shape);
    recurrent_dropout_with_masks(Dropout::new(0.5).locked(), &shape[1..]);
}

fn recurrent_dropout_with_masks(dropout: Dropout, drawn: &[usize]) {
    let rng = &mut random(8);
    let cell = random_cell::gru_after(rng, SIZES);
    let inputs = SIZES.inputs(&cell, rng);
    let layer = RecurrentDropout::new(cell, &[dropout]);
    let seed = rng.clone();
    let dropped = run(&layer, &inputs, |layer, x| {
        recurrence_run(layer, training(layer, &mut seed.clone()), x)
    });
    let masks: Tensor<f64> = Tensor::bernoulli(drawn, 0.5, &mut seed.clone());
    let masks = masks.broadcast_to([SIZES.steps, SIZES.batch, SIZES.hidden]);
    // h = carried part + written part; only the second is dropped
    let carrying = layer.cell.clone().candidate_activation(Activation::Custom(|z| z * 0.0));
    let by_hand = run(&layer, &inputs, |layer, x| {
        let mut h = x[1];
        let mut ys = Vec::new();
        for t in 0..SIZES.steps {
            let x = x[0].index_first(t);
            let (carried, _) = carrying.step(x, h);
            let (whole, _) = layer.cell.step(x, h);
            h = carried + (whole - carried) * &masks.index_first(t).map(|kept| 2.0 * kept);
            ys.push(h);
        }
        vec![V::stack(&ys, 0), h]
    });
    assert_near(&dropped.values, &by_hand.values, 1e-13);
    assert_near(&dropped.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
}
