//! Training runs on disk.

mod files;
mod training;
