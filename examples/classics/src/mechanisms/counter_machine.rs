//! A hand-wired net that runs a machine of counters, and so multiplies.
//!
//! A counter machine (Minsky 1967) has two instructions: increment a counter; or decrement it, but jump if it is 0. With
//! two counters it computes whatever a Turing machine computes. The net is the Elman net `h = max(h₋ W_hh + b, 0)` with small
//! integers as weights. Each instruction `i` takes two steps:
//!
//! ```text
//! step 1  taken_i = max(mark_i + min(c, 1) − 1, 0)   jump_i = max(mark_i − min(c, 1), 0)   with min(c, 1) = c − less_c
//! step 2  mark_i = Σ taken or jump that lead to i    c = max(c ± taken_i, 0)               less_c = max(c ± taken_i − 1, 0)
//! ```
//!
//! An increment is always taken. One mark is 1 before step 1, and one branch before step 2. All others are 0.
//!
//! The figure shows the counters while the net multiplies.

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "counter-machine",
    shows: "a hand-wired net runs a counter machine exactly for more than 10 000 steps",
    sources: &[(Text::Crowley, "Recurrent Neural Networks")],
    run,
};

const COUNTERS: [&str; 4] = ["a", "b", "product", "copy of b"];
const HALT: usize = 6;

/// The counter, its change, and the next instruction: usually, and after a decrement of 0, which changes nothing.
type Instruction = (usize, i32, usize, usize);

/// `a` times: adds `b` to the product and to the copy, and then restores `b` from the copy.
const MULTIPLY: [Instruction; HALT] =
    [(0, -1, 1, HALT), (1, -1, 2, 4), (2, 1, 3, 3), (3, 1, 1, 1), (3, -1, 5, 0), (1, 1, 4, 4)];

fn run(session: &mut Session) -> Result<()> {
    let trace = interpret([40, 42, 0, 0]);
    let mut online = stepper(&wired(), [1, 1]);
    let state = online.state_mut(0);
    [state[MARK], state[COUNT], state[COUNT + 1]] = [1.0, 40.0, 42.0];
    [state[LESS], state[LESS + 1]] = [39.0, 41.0];
    let net = trace.iter().map(|_| {
        online.step(&[&[0.0]]);
        online.step(&[&[0.0]]);
        [0, 1, 2, 3].map(|counter| online.output(0)[COUNT + counter])
    });
    let net: Vec<[f32; 4]> = net.collect();

    let product = net[net.len() - 1][2];
    session.number("units", UNITS as f64);
    session.number("steps of the net", 2.0 * net.len() as f64);
    session.number("40 · 42 by the net", product.into());
    let is_right = product == 1680.0 && 2 * net.len() > 10_000;
    session.check("the product is right, after more than 10 000 steps", is_right);
    let follows = net == trace.iter().map(|it| it.map(|value| value as f32)).collect::<Vec<_>>();
    session.check("after each instruction, all counters are those of the machine", follows);

    let mut lines = Lines::new("the first two additions of 42", "instruction", "counter");
    for (counter, name) in COUNTERS.into_iter().enumerate() {
        let points = net.iter().enumerate().take(450).step_by(2);
        lines = lines.line(name, points.map(|(t, values)| (t as f64, values[counter].into())));
    }
    session.figure("counters", &lines.picture())?;
    let limit = (1_u32 << f32::MANTISSA_DIGITS) as f32;
    session.claim(Text::Crowley, "recurrent networks are Turing universal").qualified(
        follows && limit + 1.0 == limit,
        &format!("only with exact numbers: a counter in f32 ends at {limit}"),
    );
    Ok(())
}

/// Returns the counters after each instruction.
fn interpret(mut counters: [i32; 4]) -> Vec<[i32; 4]> {
    let (mut at, mut trace) = (0, Vec::new());
    while let Some(&(counter, change, next, if_zero)) = MULTIPLY.get(at) {
        let is_jump = change < 0 && counters[counter] == 0;
        counters[counter] += if is_jump { 0 } else { change };
        at = if is_jump { if_zero } else { next };
        trace.push(counters);
    }
    trace
}

// Where the units of each kind begin: one for each instruction, then one for each counter.
const MARK: usize = 0;
const TAKEN: usize = HALT;
const JUMP: usize = 2 * HALT;
const COUNT: usize = 3 * HALT;
const LESS: usize = COUNT + COUNTERS.len();
const UNITS: usize = LESS + COUNTERS.len();

fn wired() -> Elman<f32> {
    let (mut w, mut b) = (Tensor::zeros([UNITS, UNITS]), Tensor::zeros([UNITS]));
    let mut wire = |from, to, weight| w.as_mut_slice()[from * UNITS + to] = weight;
    for counter in 0..COUNTERS.len() {
        wire(COUNT + counter, COUNT + counter, 1.0);
        wire(COUNT + counter, LESS + counter, 1.0);
        b.as_mut_slice()[LESS + counter] = -1.0;
    }
    for (i, (counter, change, next, if_zero)) in MULTIPLY.into_iter().enumerate() {
        wire(MARK + i, TAKEN + i, 1.0);
        wire(TAKEN + i, MARK + next, 1.0);
        wire(TAKEN + i, COUNT + counter, change as f32);
        wire(TAKEN + i, LESS + counter, change as f32);
        if change < 0 {
            for (branch, sign) in [(TAKEN + i, 1.0), (JUMP + i, -1.0)] {
                wire(COUNT + counter, branch, sign);
                wire(LESS + counter, branch, -sign);
            }
            b.as_mut_slice()[TAKEN + i] = -1.0;
            wire(MARK + i, JUMP + i, 1.0);
            if if_zero != HALT {
                wire(JUMP + i, MARK + if_zero, 1.0);
            }
        }
    }
    let mut net = Elman::new(&mut bptt::rng(0), 1, UNITS).activation(Activation::Relu);
    net.w_hh.set(w);
    net.b = Some(Param::new(b));
    net
}
