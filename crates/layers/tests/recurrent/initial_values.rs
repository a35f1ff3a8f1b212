//! Initial values of cells: their distributions, the biases of gates, and parts that are optional.

use bptt_layers::{
    Brc, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, Elman, ExpRnn, FullyRecurrent, Gate,
    Gru, HyperLstm, IndRnn, Init, LayerNormGru, LayerNormLstm, LeakyIntegrateAndFire,
    LegendreMemory, Lem, Linear, LinearAttention, Lru, Lstm, Lstm1997, MLstm, MemoryBlocks, MinGru,
    MinLstm, MinimalGatedUnit, Module, MultiHeadSelectiveScan, MultiplicativeLstm, Nbrc,
    OutputToHidden, PeepholeLstm, PhasedLstm, ProjectedLstm, RecurrentHighway, Reset, Rwkv7, SLstm,
    SelectiveScan, Sru, StackRnn, Window,
};
use bptt_tensor::Tensor;

use crate::support::{parameter, random};

const INPUT: usize = 3;
const HIDDEN: usize = 4;

/// Checks that an `Init` draws these parameters between 5 and 6, separately for each of their gates, and does not
/// change any other.
fn drawn<M: Module<f64> + Clone>(module: &M, start: impl FnOnce(M, Init) -> M, names: &[&str]) {
    let started = start(module.clone(), Init::Uniform { low: 5.0, high: 6.0 });
    for ((name, before), (_, after)) in module.parameters().iter().zip(started.parameters()) {
        let values = after.value().as_slice();
        if names.contains(&name.as_str()) {
            assert!(values.iter().all(|value| (5.0..6.0).contains(value)), "{name}: {values:?}");
        } else {
            assert_eq!(after.value(), before.value(), "{name}");
        }
    }
    let known = module.parameters();
    assert!(names.iter().all(|name| known.iter().any(|(other, _)| other == name)), "{names:?}");
}

/// Each matrix has an `Init` of its own.
macro_rules! starts {
    ($($cell:expr => $($start:ident [$($name:literal),*]),+;)*) => {$({
        let cell = $cell;
        $(drawn(&cell, |cell, init| cell.$start(&mut random(1), init), &[$($name),*]);)+
    })*};
}

#[test]
fn each_matrix_has_a_start_of_its_own() {
    let rng = &mut random(0);
    let (i, h) = (INPUT, HIDDEN);
    let output = Linear::new(rng, h, 2);
    starts! {
        Lstm::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        CoupledLstm::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        Lstm1997::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        PeepholeLstm::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"],
            peephole_init ["peepholes.p_i", "peepholes.p_f", "peepholes.p_o"];
        LayerNormLstm::new(rng, i, h).peepholes(true) => input_init ["w_ih"], recurrent_init ["w_hh"],
            bias_init ["b"], peephole_init ["peepholes.p_i", "peepholes.p_f", "peepholes.p_o"];
        ProjectedLstm::new(rng, i, h, 2) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"],
            projection_init ["w_hr"];
        MemoryBlocks::new(rng, i, 2, 2).gate_biases(0.0, 0.0).cell_biases().output(output)
            => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b_g", "b_io"];
        Gru::new(rng, i, h) => input_init ["w_ih"],
            recurrent_init ["w_hh_rz", "w_hh_n"], bias_init ["b", "b_hh_n"];
        LayerNormGru::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"],
            bias_init ["norm_ih_rz.bias", "norm_ih_n.bias"];
        MinimalGatedUnit::new(rng, i, h) => input_init ["w_ih"],
            recurrent_init ["w_hh_f", "w_hh_n"], bias_init ["b"];
        MinGru::new(rng, i, h) => input_init ["w_ih"], bias_init ["b"];
        MinLstm::new(rng, i, h) => input_init ["w_ih"], bias_init ["b"];
        Elman::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        FullyRecurrent::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        IndRnn::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        OutputToHidden::new(rng, i, h, 2) => input_init ["w_ih"], recurrent_init ["w_oh"], bias_init ["b"];
        Window::new(rng, i, h, 2) => input_init ["w_ih"], bias_init ["b"];
        CoRnn::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh", "w_vh"], bias_init ["b"];
        Lem::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh", "w_ch"], bias_init ["b"];
        Sru::new(rng, i, h) => input_init ["w_ih", "w_ir"], peephole_init ["p_f", "p_r"], bias_init ["b"];
        RecurrentHighway::new(rng, i, h, 2) => input_init ["w_ih"],
            recurrent_init ["w_hh.0", "w_hh.1"], bias_init ["b.0", "b.1"];
        MultiplicativeLstm::new(rng, i, h) => input_init ["w_im", "w_ih"],
            recurrent_init ["w_hm", "w_mh"], bias_init ["b"];
        Brc::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh_a", "w_hh_z"];
        Nbrc::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh_az"];
        HyperLstm::new(rng, i, h, 2, 2) => input_init ["w_ih"], recurrent_init ["w_hh"];
        LegendreMemory::new(rng, i, h, 3, 5.0) => encoder_init ["w_iu", "w_hu", "w_mu"],
            input_init ["w_ih", "w_mh"], recurrent_init ["w_hh"];
        ExpRnn::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        Lru::new(rng, i, h) => input_init ["w_ih"], output_init ["w_ho"];
        PhasedLstm::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"],
            peephole_init ["peepholes.p_i", "peepholes.p_f", "peepholes.p_o"],
            open_share_init ["open_share"];
        Clockwork::new(rng, i, h, &[1, 2]) => input_init ["w_ih"], recurrent_init ["w_hh"],
            bias_init ["b"];
        LeakyIntegrateAndFire::new(rng, i, h) => input_init ["w_ih"], recurrent_init ["w_hh"],
            bias_init ["b"];
        ConvLstm::new(rng, [2, 3], 1, 2, [3, 3]) => input_init ["conv_ih.w"],
            recurrent_init ["conv_hh.w"], bias_init ["conv_ih.b"],
            peephole_init ["peepholes.p_i", "peepholes.p_f", "peepholes.p_o"];
        StackRnn::new(rng, i, h, [2, 3], 1) => input_init ["w_ih"],
            recurrent_init ["w_hh", "w_sh"], stack_init ["w_ha", "w_hs"];
        MLstm::new(rng, i, h, 2) => input_init ["w_ih", "w_ih_if"], bias_init ["b", "b_if"];
        DeltaNet::new(rng, i, h, 2) => input_init ["w_ih", "w_i_beta"];
        LinearAttention::new(rng, i, h, 2) => input_init ["w_ih"];
        SelectiveScan::new(rng, i, 2, 2) => input_init ["w_ir", "w_ib", "w_ic"];
        MultiHeadSelectiveScan::new(rng, i, h, 2, 3) => input_init ["w_ih", "w_ib", "w_ic"];
        Rwkv7::new(rng, i, h, 2) => input_init ["w_ih"], bias_init ["b"];
        SLstm::new(rng, i, h, 2) => input_init ["w_ih"], recurrent_init ["w_hh"], bias_init ["b"];
        Linear::new(rng, i, h) => weight_init ["w"], bias_init ["b"];
        Lstm::new(rng, i, h).bias(false) => bias_init [];
        LayerNormLstm::new(rng, i, h) => peephole_init [];
    }
}

/// The `Init` of fused weights draws separately for each gate, as the constructor does.
#[test]
fn starts_draw_gates_apart() {
    let lstm = Lstm::<f64>::new(&mut random(0), INPUT, HIDDEN);
    let again = lstm.clone().input_init(&mut random(2), Init::Xavier);
    let fused: Tensor<f64> = Init::Xavier.gates(&mut random(2), 4, [INPUT, HIDDEN]);
    assert_eq!(parameter(&again, "w_ih"), fused);
    let identity = lstm.recurrent_init(&mut random(2), Init::Identity { scale: 1.0 });
    let gates = parameter(&identity, "w_hh").split(1);
    assert_eq!(gates, [0; 4].map(|_| Tensor::eye(HIDDEN)));
}

/// The biases of a gate have the place of its columns.
#[test]
fn biases_of_each_gate() {
    use Gate::{Candidate, Forget, Input, Output, Reset as ResetGate, Update};

    /// The gates of a cell, in their order, with the parameter that holds their biases.
    macro_rules! biases {
        ($($cell:expr => $($name:literal [$($gate:expr),*]),+;)*) => {$({
            let cell = $cell;
            $({
                let gates = [$($gate),*];
                for (position, gate) in gates.into_iter().enumerate() {
                    let before = parameter(&cell, $name);
                    let units = before.len() / gates.len();
                    let place = position * units..(position + 1) * units;
                    let mut expected = before.to_vec();
                    expected[place.clone()].fill(-1.5);
                    let set = cell.clone().gate_bias(gate, -1.5);
                    assert_eq!(parameter(&set, $name).to_vec(), expected);
                    let values: Vec<f64> = (1..=units).map(|unit| -(unit as f64)).collect();
                    expected[place].copy_from_slice(&values);
                    let set = cell.clone().unit_biases(gate, &values);
                    assert_eq!(parameter(&set, $name).to_vec(), expected);
                }
            })+
        })*};
    }

    let rng = &mut random(0);
    let (i, h) = (INPUT, HIDDEN);
    biases! {
        Lstm::<f64>::new(rng, i, h) => "b" [Input, Forget, Candidate, Output];
        PeepholeLstm::<f64>::new(rng, i, h) => "b" [Input, Forget, Candidate, Output];
        LayerNormLstm::<f64>::new(rng, i, h) => "b" [Input, Forget, Candidate, Output];
        ProjectedLstm::<f64>::new(rng, i, h, 2) => "b" [Input, Forget, Candidate, Output];
        CoupledLstm::<f64>::new(rng, i, h) => "b" [Forget, Candidate, Output];
        Lstm1997::<f64>::new(rng, i, h) => "b" [Candidate, Input, Output];
        MemoryBlocks::<f64>::new(rng, i, 3, 2).gate_biases(0.0, 0.0).cell_biases()
            => "b_g" [Candidate], "b_io" [Input, Output];
        Gru::<f64>::new(rng, i, h).reset(Reset::Before) => "b" [ResetGate, Update, Candidate];
        LayerNormGru::<f64>::new(rng, i, h)
            => "norm_ih_rz.bias" [ResetGate, Update], "norm_ih_n.bias" [Candidate];
        MinimalGatedUnit::<f64>::new(rng, i, h) => "b" [Forget, Candidate];
        MinGru::<f64>::new(rng, i, h) => "b" [Update, Candidate];
        MinLstm::<f64>::new(rng, i, h) => "b" [Forget, Input, Candidate];
        MultiplicativeLstm::<f64>::new(rng, i, h) => "b" [Input, Forget, Candidate, Output];
        Sru::<f64>::new(rng, i, h) => "b" [Forget, ResetGate];
        PhasedLstm::<f64>::new(rng, i, h) => "b" [Input, Forget, Candidate, Output];
        MLstm::<f64>::new(rng, i, h, 2) => "b_if" [Input, Forget];
        ConvLstm::<f64>::new(rng, [2, 3], 1, 2, [3, 3])
            => "conv_ih.b" [Input, Forget, Candidate, Output];
        SLstm::<f64>::new(rng, i, h, 2) => "b" [Input, Forget, Candidate, Output];
    }
    // the network of 1997, whose output gates open one block after the other
    let blocks = MemoryBlocks::<f64>::new(rng, 7, 3, 2)
        .gate_biases(0.0, 0.0)
        .unit_biases(Output, &[-1.0, -2.0, -3.0]);
    assert_eq!(parameter(&blocks, "b_io").to_vec(), [0.0, 0.0, 0.0, -1.0, -2.0, -3.0]);
}

/// An optional part can be removed and added again. An added part is zero.
#[test]
fn optional_parts() {
    let names = |module: &dyn Module<f64>| -> Vec<String> {
        module.parameters().into_iter().map(|(name, _)| name).collect()
    };
    let rng = &mut random(0);
    let lstm = Lstm::new(rng, INPUT, HIDDEN);
    assert_eq!(names(&lstm.clone().bias(false)), ["w_ih", "w_hh"]);
    assert_eq!(parameter(&lstm.clone().bias(true), "b"), parameter(&lstm, "b"));
    let again = lstm.bias(false).bias(true);
    assert_eq!(parameter(&again, "b"), Tensor::zeros([4 * HIDDEN]));

    let gru = Gru::new(rng, INPUT, HIDDEN);
    let before = gru.clone().reset(Reset::Before);
    assert_eq!(names(&gru), ["w_ih", "w_hh_rz", "w_hh_n", "b", "b_hh_n"]);
    assert_eq!(names(&before), ["w_ih", "w_hh_rz", "w_hh_n", "b"]);
    assert_eq!(names(&before.clone().bias(true)), names(&before));
    assert_eq!(names(&before.reset(Reset::After)), names(&gru));
    let without = gru.bias(false).reset(Reset::Before).reset(Reset::After);
    assert_eq!(names(&without), ["w_ih", "w_hh_rz", "w_hh_n"]);

    let peepholes = LayerNormLstm::new(rng, INPUT, HIDDEN).peepholes(true);
    assert_eq!(parameter(&peepholes, "peepholes.p_f"), Tensor::zeros([HIDDEN]));
    assert!(names(&peepholes.peepholes(false)).iter().all(|name| !name.contains("peepholes")));
}
