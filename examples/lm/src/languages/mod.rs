//! Formal languages whose entropy is known exactly.
