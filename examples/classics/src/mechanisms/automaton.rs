//! A hand-wired net that runs a finite automaton, exactly and for ever.
//!
//! The automaton is the remainder modulo 7 of a binary number that is read bit by bit: from the state `q`, the bit `a` leads
//! to `(2 q + a) mod 7`. The net is the Elman net `h = max(x W_ih + h₋ W_hh − 1, 0)`. It has a unit for each pair of a state
//! and a bit, which is 1 if that bit was read in that state:
//!
//! ```text
//! h_{q,a} = max(x_a + Σ h₋_{p,b} − 1, 0)     over the pairs (p, b) that lead to q
//! ```
//!
//! One pair at most is marked, so the sum is 0 or 1. The unit is the logical *and* of "the state is q" and "the bit is
//! a". All weights and units are 0, 1 or −1, and nothing is ever rounded.
//!
//! The figure shows the units while the net reads the first bits.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "automaton",
    shows: "a hand-wired net runs a finite automaton exactly for 10 000 steps",
    sources: &[(Text::Crowley, "Recurrent Neural Networks")],
    run,
};

const STEPS: usize = 10_000;
const SHOWN: usize = 40;
const MODULUS: usize = 7;
/// The pair of the state `q` and the bit `a` is `2 q + a`.
const PAIRS: usize = 2 * MODULUS;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let bits: Vec<usize> = (0..STEPS).map(|_| rng.random_range(0..2)).collect();
    let mut remainder = 0;
    let exact: Vec<usize> = (bits.iter())
        .map(|bit| {
            remainder = (2 * remainder + bit) % MODULUS;
            remainder
        })
        .collect();

    let mut online = stepper(&wired(), [1, 2]);
    online.state_mut(0)[0] = 1.0; // as if 0 had been read in the state 0
    let mut units = Vec::new();
    let states = bits.iter().map(|&bit| {
        online.step(&[&[[1.0, 0.0], [0.0, 1.0]][bit]]);
        units.extend_from_slice(online.output(0));
        online.output(0).iter().position(|&unit| unit == 1.0).map(leads_to)
    });
    let states: Vec<_> = states.collect();

    session.number("units", PAIRS as f64);
    session.number("bits", STEPS as f64);
    session.number("remainder of all bits", remainder as f64);
    session.check(
        "after each bit, the state is the remainder",
        states.iter().copied().eq(exact.into_iter().map(Some)),
    );
    let marked = units.iter().filter(|&&unit| unit == 1.0).count();
    let zeros = units.iter().filter(|&&unit| unit == 0.0).count();
    session.check(
        "one unit is exactly 1, and the others are exactly 0",
        (marked, zeros) == (STEPS, STEPS * (PAIRS - 1)),
    );

    let shown = Tensor::from_slice([SHOWN, PAIRS], &units[..SHOWN * PAIRS]);
    let names = (0..PAIRS).map(|pair| format!("state {}, bit {}", pair / 2, pair % 2));
    let picture = HeatMap::over_time("the remainder modulo 7, read bit by bit", &shown)
        .columns(&bits[..SHOWN])
        .rows(names)
        .between(0.0, 1.0);
    session.figure("units", &picture.picture().sized(760, 380))
}

/// Returns the state to which a pair of a state and a bit leads.
fn leads_to(pair: usize) -> usize {
    pair % MODULUS // of 2 q + a
}

fn wired() -> Elman<f32> {
    let mut net = Elman::new(&mut bptt::rng(0), 2, PAIRS).activation(Activation::Relu);
    let one_if = |holds: bool| f32::from(u8::from(holds));
    let reads = |at: usize| one_if(at / PAIRS == at % PAIRS % 2);
    let follows = |at: usize| one_if(leads_to(at / PAIRS) == at % PAIRS / 2);
    net.w_ih.set(Tensor::from_fn([2, PAIRS], reads));
    net.w_hh.set(Tensor::from_fn([PAIRS, PAIRS], follows));
    net.b = Some(Param::new(Tensor::full([PAIRS], -1.0)));
    net
}
