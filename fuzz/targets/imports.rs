//! Tensors under the names of PyTorch and Keras, some left out, changed in name or shape, load or are refused; a model
//! that refuses them stays as it was.
#![no_main]

use bptt::weights::{Archive, WeightsError, keras, pytorch};
use bptt::{Bidirectional, Gru, Lstm, Module, Stack, Tensor};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Change {
    /// Which tensor, counted around.
    tensor: u8,
    kind: Kind,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Drop,
    Rename(String),
    Reshape([u8; 2]),
    Fill(f32),
}

fn changed(archive: &Archive<f32>, changes: &[Change]) -> Archive<f32> {
    let mut tensors: Vec<(String, Tensor<f32>)> = archive
        .names()
        .map(|name| (name.to_owned(), archive.tensor(name).expect("its name").clone()))
        .collect();
    for change in changes {
        if tensors.is_empty() {
            break;
        }
        let i = usize::from(change.tensor) % tensors.len();
        match &change.kind {
            Kind::Drop => drop(tensors.remove(i)),
            Kind::Rename(name) => tensors[i].0.clone_from(name),
            Kind::Reshape(shape) => tensors[i].1 = Tensor::ones(shape.map(usize::from)),
            Kind::Fill(value) => tensors[i].1 = Tensor::full(tensors[i].1.shape(), *value),
        }
    }
    let mut changed = Archive::new();
    for (name, tensor) in tensors {
        if name != "__metadata__" && !changed.has_tensor(&name) {
            changed.insert(name, tensor);
        }
    }
    changed
}

fn check<M: Module<f32> + Clone>(
    model: &M,
    archive: &Archive<f32>,
    load: impl Fn(&mut M, &Archive<f32>) -> Result<(), WeightsError>,
) {
    let mut loaded = model.clone();
    if let Err(error) = load(&mut loaded, archive) {
        assert!(!error.to_string().is_empty());
        for ((_, before), (_, after)) in model.parameters().into_iter().zip(loaded.parameters()) {
            assert_eq!(before.value(), after.value());
        }
    }
}

fuzz_target!(|changes: Vec<Change>| {
    let mut rng = bptt::rng(0);
    let lstm = Stack::new(vec![
        Bidirectional::new(Lstm::<f32>::new(&mut rng, 2, 3), Lstm::new(&mut rng, 2, 3)),
        Bidirectional::new(Lstm::new(&mut rng, 6, 3), Lstm::new(&mut rng, 6, 3)),
    ]);
    let archive = changed(&pytorch::archive(&lstm), &changes);
    check(&lstm, &archive, pytorch::load);
    check(&lstm, &archive, |model, archive| pytorch::load_matching(model, archive).map(drop));

    let gru = Gru::<f32>::new(&mut rng, 2, 3);
    let archive = changed(&keras::archive(&gru), &changes);
    check(&gru, &archive, keras::load);
    check(&gru, &archive, |model, archive| keras::load_matching(model, archive).map(drop));
});
