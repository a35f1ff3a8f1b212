//! Comparison of models: equal parameter budgets, and statistics over seeds.

pub mod budget;
pub mod statistics;
