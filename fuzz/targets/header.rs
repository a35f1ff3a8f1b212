//! A weight file whose header has the right length and says anything about its data is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (data, header) = input;
    let length = header.len() as u64;
    let data = vec![0x3f; usize::from(data)];
    let file = [&length.to_le_bytes(), header.as_bytes(), &data].concat();
    bptt_fuzz::read::<f32>(&file);
    bptt_fuzz::read::<f64>(&file);
});
