//! Derive macros of the `bptt` framework: [`Module`](macro@Module) for types with parameters, and
//! [`State`](macro@State) for the state that a cell carries from step to step.
//!
//! Users depend on `bptt`, which exports both together with the traits that they implement. The documentation and its
//! examples are there too: this crate is published before `bptt` and cannot depend on it.

#![forbid(unsafe_code)]

mod attributes;
mod module;
mod scalar;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Implements `bptt::Module` for a struct or an enum. Documented in `bptt`, beside the trait.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    module::expand(input).unwrap_or_else(Error::into_compile_error).into()
}

/// Implements `bptt::State` and `bptt::Tree` for a struct of variables. Documented in `bptt`, beside the trait.
#[proc_macro_derive(State, attributes(state))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    state::expand(input).unwrap_or_else(Error::into_compile_error).into()
}
