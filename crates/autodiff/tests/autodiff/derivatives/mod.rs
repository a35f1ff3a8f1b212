//! What is particular to derivatives, exactly: closed forms, the subgradients that are documented, what
//! may be differentiated, and what is not computed. That every operation obeys the laws of derivatives
//! is tested with `bptt-gradcheck`.

mod custom;
mod kinks;
mod operands;
mod orders;
mod precision;
mod sources;
mod stretched;
mod substitution;
mod support;
mod zeros;
