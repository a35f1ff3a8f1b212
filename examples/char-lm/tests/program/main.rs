//! The program as a user meets it, on texts and models so small that all of it takes seconds.

mod interruption;
mod model;
mod output;
mod repository;
mod saving;
mod support;
mod text;
mod training;
mod weights;
