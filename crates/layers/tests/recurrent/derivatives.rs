//! First and second derivatives against finite differences, along random directions through the
//! space of inputs, states and parameters at once.

#[path = "../common/differences.rs"]
mod differences;

pub(crate) use differences::check;

use crate::support::{Random, Sizes, TestCell, unrolled};

fn of_a_sequence<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    check(&cell, &inputs, rng, unrolled);
}

for_every_cell!(of_a_sequence, 24);
