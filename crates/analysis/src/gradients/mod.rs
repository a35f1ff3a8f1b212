//! Gradients over time: with respect to states, by lag, and the bias of truncation.
