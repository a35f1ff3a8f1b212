//! Attention, decoding, encoder–decoders and pointer networks: against equations written as loops, exhaustive
//! search, by their laws, and by what they learn.

extern crate bptt_layers as bptt; // what the derive macros generate refers to the façade

#[allow(dead_code, unused_macros, reason = "each test crate uses a part")]
#[path = "../recurrent/support.rs"]
mod support;

mod attention;
mod decoding;
mod encoder_decoder;
mod pointer_network;
mod sampling;
