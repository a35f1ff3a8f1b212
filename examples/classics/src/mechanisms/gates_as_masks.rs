//! Gates as masks: a product with a sigmoid keeps or erases, nearly as a boolean would.
//!
//! A hand-wired LSTM is a memory of eight places. At each step the input names the places to write, `m ∈ {0, 1}⁸`, and a
//! value `v`. The gates read the mask with a weight `K`, and ignore everything else:
//!
//! ```text
//! i = σ(K (2m − 1))     f = σ(K (1 − 2m))     c = f ⊙ c₋ + i ⊙ tanh v
//! ```
//!
//! A boolean memory does the same with `i = m` and `f = 1 − m`. For a finite `K` each step leaks about `e⁻ᴷ`, which adds up
//! over the steps that a place is kept. In `f32` the leak is lost in rounding once `K` is large.
//!
//! The figures show the forget gate, and the difference from the boolean memory as `K` grows.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "gates-as-masks",
    shows: "an LSTM whose gates are wired as masks is a memory with eight places",
    sources: &[
        (Text::Asperti, "C-line and gates"),
        (Text::Asperti, "Cell updating"),
        (Text::Int301, "LSTM Architecture – input gate"),
    ],
    run,
};

const PLACES: usize = 8;
const STEPS: usize = 1000;
const SHOWN: usize = 48;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let mut writes = Tensor::<f32>::bernoulli([STEPS, PLACES], 0.02, rng);
    writes.as_mut_slice()[..PLACES].fill(1.0);
    let values = Tensor::<f32>::uniform([STEPS, 1], -1.0, 1.0, rng);
    let xs = Tensor::from_fn([STEPS, 1, PLACES + 1], |at| match at % (PLACES + 1) {
        PLACES => values[[at / (PLACES + 1), 0]],
        place => writes[[at / (PLACES + 1), place]],
    });
    let exact = boolean_memory(&writes, &values);

    let strengths: Vec<f64> = (1..=48).map(f64::from).collect();
    let mut errors = Vec::new();
    for &strength in &strengths {
        let tape = Tape::inference();
        let probes = tape.probes();
        let _ = wired(strength).forward(tape.constant(xs.clone()));
        let memory = probes.get("c").value().reshape([STEPS, PLACES]);
        errors.push(f64::from((&memory - &exact).abs().max(&[0, 1]).item()));
        if strength == 6.0 {
            let f = probes.get("f").value().reshape([STEPS, PLACES]).slice(0, 0..SHOWN);
            let picture =
                HeatMap::over_time("forget gate, K = 6", &f).between(0.0, 1.0).quantity("f");
            session.figure("forget-gate", &picture.picture().sized(600, 260))?;
        }
    }
    let points = strengths.iter().zip(&errors).filter(|(_, error)| **error > 0.0);
    let picture = Lines::new(
        "difference from a boolean memory",
        "weight K of the gates",
        "largest difference",
    )
    .log()
    .line("measured in 1000 steps", points.map(|(&k, &error)| (k, error)))
    .dashed("1000 e⁻ᴷ", strengths.iter().take(30).map(|&k| (k, 1000.0 * (-k).exp())));
    session.figure("difference", &picture.picture())?;

    for k in [2, 6, 12] {
        session.number(&format!("largest difference in 1000 steps, K = {k}"), errors[k - 1]);
    }
    let exact_from = 1 + errors.iter().rposition(|&error| error > 0.0).map_or(0, |at| at + 1);
    session.number("K from which f32 is exact", exact_from as f64);
    session.check(
        "K = 12 differs by less than 1000 e⁻ᴷ, the sum of all leaks",
        errors[11] < 1000.0 * (-12_f64).exp(),
    );
    session.check("from K = 40 on, nothing differs in 1000 steps", exact_from <= 40);
    session
        .claim(Text::Asperti, "the product with a sigmoid layer simulates a boolean mask")
        .qualified(
            errors[1] > 0.1 && errors[11] < 1e-2 && exact_from <= 40,
            &format!("with K = 2 values leak away; in f32 it is exact from K = {exact_from}"),
        );
    Ok(())
}

/// Returns what each place holds after each step, `[T, 8]`.
fn boolean_memory(writes: &Tensor<f32>, values: &Tensor<f32>) -> Tensor<f32> {
    let candidates = values.tanh();
    let mut held = [0.0; PLACES];
    let after_each = (0..STEPS).flat_map(|t| {
        let written = (0..PLACES).filter(|&place| writes[[t, place]] == 1.0);
        written.for_each(|place| held[place] = candidates[[t, 0]]);
        held
    });
    Tensor::from_vec([STEPS, PLACES], after_each.collect())
}

/// Returns the LSTM with the gates `i = σ(K (2m − 1))` and `f = σ(K (1 − 2m))`.
fn wired(strength: f64) -> Lstm<f32> {
    let mut lstm = Lstm::new(&mut bptt::rng(0), PLACES + 1, PLACES)
        .gate_bias(Gate::Input, -strength)
        .gate_bias(Gate::Forget, strength);
    let k = 2.0 * strength as f32;
    // the columns of i, f, g, o; the last row is of the value
    let weight = |at: usize| {
        let (row, gate, place) = (at / (4 * PLACES), at / PLACES % 4, at % PLACES);
        match gate {
            0 if row == place => k,
            1 if row == place => -k,
            2 if row == PLACES => 1.0,
            _ => 0.0,
        }
    };
    lstm.w_ih.set(Tensor::from_fn([PLACES + 1, 4 * PLACES], weight));
    lstm.w_hh.set(Tensor::zeros([PLACES, 4 * PLACES]));
    lstm
}
