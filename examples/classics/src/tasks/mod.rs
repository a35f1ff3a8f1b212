//! Tasks: a net is trained, and its result is compared with a baseline.
