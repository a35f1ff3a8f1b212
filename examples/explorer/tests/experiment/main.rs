//! Experiments against the library, and against what the page says of them.

mod bits;
mod by_hand;
mod gradients;
mod page;
mod settings;
mod walk;
