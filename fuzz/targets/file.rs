//! A weight file of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    bptt_fuzz::read::<f32>(bytes);
    bptt_fuzz::read::<f64>(bytes);
});
