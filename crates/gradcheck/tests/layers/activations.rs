//! Activations, with their kinks and where they are flat.

use bptt_gradcheck::Domain::NonZero;
use bptt_gradcheck::{Law, cell, domains, function};
use bptt_layers::{Activation, Elman, Surrogate, Table};
use proptest::prelude::Just;

macro_rules! activations {
    ($($name:ident: $activation:expr;)*) => {$(
        #[test]
        fn $name() {
            let activation = $activation;
            function(|x| activation.apply(x[0])).named(stringify!($name)).domain(domains()).check();
        }
    )*};
}

activations! {
    identity: Activation::Identity;
    tanh: Activation::Tanh;
    sigmoid: Activation::Sigmoid;
    relu: Activation::Relu;
    softplus: Activation::Softplus;
    elu: Activation::Elu;
    silu: Activation::Silu;
    gelu: Activation::Gelu;
    gelu_tanh: Activation::GeluTanh;
    hard_tanh: Activation::HardTanh;
    hard_sigmoid: Activation::HardSigmoid { slope: 0.2 };
    softmax: Activation::Softmax;
    custom: Activation::Custom(|z| z.maximum(z * 0.01) + z.sin());
    table: Activation::Table(tanh_table(Table::linear));
}

/// Entries half a unit apart.
fn tanh_table(
    read: impl Fn(fn(f64) -> f64, std::ops::RangeInclusive<f64>, usize) -> Table,
) -> Table {
    read(f64::tanh, -4.0..=4.0, 17)
}

/// The gradient is that of the interpolation, not of the steps between the values.
#[test]
fn tables_of_constant_values() {
    for table in [Table::nearest, Table::range_addressable] {
        let table = Activation::Table(tanh_table(table));
        function(|x| table.apply(x[0])).domain(domains()).without(Law::BY_DIFFERENCES).check();
    }
}

const SURROGATES: [Surrogate; 3] = [
    Surrogate::FastSigmoid { beta: 3.0 },
    Surrogate::Arctangent { alpha: 2.0 },
    Surrogate::Triangle { gamma: 0.3 },
];

/// The gradient of spikes is the slope of another function: differences see none, and the laws that need none hold.
#[test]
fn spikes() {
    for surrogate in SURROGATES {
        let check = || function(|x| surrogate.apply(x[0] * x[1])).inputs([[3, 2]; 2]);
        check().domain(domains()).without(Law::BY_DIFFERENCES).check();
        let report = check().domain(Just(NonZero)).only(&[Law::Jacobian]).run();
        assert!(!report.holds(), "{surrogate:?} is the derivative");
        let spike = Activation::Spike(surrogate);
        cell(|rng, i, h| Elman::new(rng, i, h).activation(spike.clone()))
            .without(Law::BY_DIFFERENCES)
            .check();
    }
}
