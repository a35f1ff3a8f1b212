//! The weights of an ONNX file are read, or are an error. What is read can be saved as a weight file.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    fs::write(&path, bytes).expect("a file");
    if let Ok(archive) = bptt::onnx::weights(&path) {
        archive.save(folder.path().join("weights.safetensors")).expect("an archive can be written");
    }
});
