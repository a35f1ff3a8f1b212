//! Every `f32`.

use std::thread;

use super::*;

/// Judges every `f32`, with this machine's arithmetic and without FMA, and prints the largest
/// errors.
fn sweep(function: &Function) {
    const BLOCK: u32 = 1 << 12;
    const BLOCKS: u32 = 1 << 20;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let worst_of_every = |first: usize| {
        let mut worst = [(0.0, 0.0); 2];
        for block in (0..BLOCKS).skip(first).step_by(threads) {
            let x: Vec<f32> = (0..BLOCK).map(|i| f32::from_bits(block * BLOCK + i)).collect();
            let mut y = vec![0.0; x.len()];
            (function.slice_f32)(&x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let exact = exact_f32(function, x);
                let portable = (function.lane_f32)(Math { fma: false }, x);
                for (worst, y) in worst.iter_mut().zip([y, portable]) {
                    let error = ulps_f32(y, exact);
                    assert!(error <= function.ulps, "{}({x:e}): {error} ULP", function.name);
                    if error > worst.0 {
                        *worst = (error, x);
                    }
                }
            }
        }
        worst
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || worst_of_every(first))).collect();
        for worker in workers {
            let worst = worker.join().expect("no worker found an error beyond the bound");
            println!("{}: worst [(ULP, x)], here and without FMA: {worst:?}", function.name);
        }
    });
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_exp() {
    sweep(&EXP);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_expm1() {
    sweep(&EXPM1);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_log1p() {
    sweep(&LOG1P);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_ln() {
    sweep(&LN);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_tanh() {
    sweep(&TANH);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_sigmoid() {
    sweep(&SIGMOID);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_softplus() {
    sweep(&SOFTPLUS);
}

#[test]
#[ignore = "sweeps all 2^32 f32 values, minutes"]
fn sweep_erf() {
    sweep(&ERF);
}
