//! The fixed points of a network that was trained, not wired: the flip-flop of Sussillo and Barak (2013), with two bits.

use bptt_analysis::dynamics::{Dynamics, Stability};
use bptt_autodiff::Tape;
use bptt_layers::{
    Adam, Gru, Layer, Linear, Module, Optimizer, Schedule, Xoshiro256PlusPlus, clip_norm,
};
use bptt_tensor::Tensor;

const BITS: usize = 2;
const STEPS: usize = 50;
const BATCH: usize = 16;

#[derive(Module)]
struct Memory<T> {
    gru: Gru<T>,
    output: Linear<T>,
}

/// Returns pulses of ±1, or 0, for each bit, and the last pulse of each: `[T, B, 2]` both.
fn task(rng: &mut Xoshiro256PlusPlus) -> (Tensor<f32>, Tensor<f32>) {
    let shape = [STEPS, BATCH, BITS];
    let signs = Tensor::<f32>::bernoulli(shape, 0.5, rng) * 2.0 - 1.0;
    let mut is_pulse = Tensor::<f32>::bernoulli(shape, 0.08, rng);
    is_pulse.as_mut_slice()[..BATCH * BITS].fill(1.0);
    let pulses = signs * is_pulse;
    let mut last = [0.0; BATCH * BITS];
    let targets = Tensor::from_fn(shape, |i| {
        let (bit, pulse) = (i % (BATCH * BITS), pulses.as_slice()[i]);
        last[bit] = if pulse == 0.0 { last[bit] } else { pulse };
        last[bit]
    });
    (pulses, targets)
}

#[test]
fn a_memory_of_two_bits_rests_at_four_stable_points_one_for_each_value() {
    let mut rng = bptt_layers::rng(3);
    let gru = Gru::<f32>::new(&mut rng, BITS, 12);
    let mut memory = Memory { gru, output: Linear::new(&mut rng, 12, BITS) };
    let mut optimizer = Adam::new(0.02);
    let schedule = Schedule::cosine(0.02, 400, 1e-3);
    for step in 0..400 {
        optimizer.set_learning_rate(schedule.at(step));
        let (pulses, targets) = task(&mut rng);
        let tape = Tape::new();
        let (hs, _) = memory.gru.forward(tape.constant(pulses));
        let loss = (memory.output.forward(hs) - &targets).square().mean_all();
        let mut gradients = tape.backward(loss);
        clip_norm(&memory, &mut gradients, 1.0).unwrap();
        optimizer.step(&mut memory, &gradients);
    }

    let dynamics = Dynamics::new(&memory.gru);
    let starts = dynamics.visited(&task(&mut rng).0, 60, 0.1, &mut rng).unwrap();
    let found = dynamics.fixed_points(&Tensor::zeros([BITS])).run(&starts).unwrap();
    let stable = found.fixed().filter(|point| point.stability(1e-3) == Stability::Stable);
    let outputs = stable.map(|point| {
        let tape = Tape::inference();
        let state = tape.constant(point.state.cast().reshape([1, 12]));
        memory.output.forward(state).value().map(f32::round).to_vec()
    });
    let mut outputs: Vec<_> = outputs.collect();
    outputs.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(outputs, [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]);
}
