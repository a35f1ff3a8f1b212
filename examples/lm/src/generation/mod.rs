//! Text that a model writes.

mod beam;
mod sample;

pub use beam::beam;
pub use sample::Continuation;

#[cfg(test)]
mod tests;
