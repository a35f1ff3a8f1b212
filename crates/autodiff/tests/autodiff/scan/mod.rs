//! Recurrences as one operation: against the loop that specifies them, and by their plans.

mod at_step;
mod binding;
mod checkpoint;
mod cost;
mod dedupe;
mod defer;
mod errors;
mod flatten;
mod fuse;
mod hoist;
mod merge;
mod narrow;
mod nested;
mod norm;
mod normal;
mod orders;
mod random;
mod reciprocal;
mod repeat;
mod reverse;
mod schedule;
mod softmax;
mod split;
mod stepper;
mod support;
mod threads;
