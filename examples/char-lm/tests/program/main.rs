//! The program as a user meets it, on texts and models so small that all of it takes seconds.

mod interruption;
mod output;
mod report;
mod saving;
mod support;
mod text;
mod training;
mod weights;
