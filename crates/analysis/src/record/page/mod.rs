//! The page of a training, which needs no other file.

mod charts;
mod tables;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::entries::Record;
use super::log::Entry;
use super::number::decimal;
use super::warnings::diagnose;
use tables::{ParameterRow, ValueRow};

const TEMPLATE: &str = include_str!("page.html");

/// Returns the page. The engine escapes every text but the drawings.
pub(super) fn render(records: &[Record]) -> String {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    let page = engine.render_named_str("page.html", TEMPLATE, Serde(Page::new(records)));
    page.expect("the template is a valid constant, and fits the page")
}

/// What the template shows.
#[derive(Debug, Serialize)]
struct Page {
    facts: Vec<Fact>,
    warnings: Vec<Diagnosis>,
    charts: Vec<String>,
    /// The step of the tables.
    step: u64,
    parameters: Vec<ParameterRow>,
    values: Vec<ValueRow>,
}

/// A number that tells how the training goes.
#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    number: String,
}

/// Warnings with the same remedy, such as those of several gates.
#[derive(Debug, Serialize)]
struct Diagnosis {
    causes: Vec<String>,
    remedy: &'static str,
}

impl Page {
    fn new(records: &[Record]) -> Self {
        let warnings = diagnose(records);
        let alike = warnings.chunk_by(|a, b| a.remedy() == b.remedy());
        let warnings = alike.map(|alike| Diagnosis {
            causes: alike.iter().map(ToString::to_string).collect(),
            remedy: alike[0].remedy(),
        });
        let last = records.iter().rev().find_map(|record| match record {
            Record::Details { step, parameters, values, .. } => Some((*step, parameters, values)),
            _ => None,
        });
        let (step, parameters, values) = match last {
            Some((step, parameters, values)) => (step, &parameters[..], &values[..]),
            None => (0, &[][..], &[][..]),
        };
        Self {
            facts: facts(records),
            warnings: warnings.collect(),
            charts: charts::charts(records),
            step,
            parameters: parameters.iter().map(ParameterRow::new).collect(),
            values: values.iter().map(ValueRow::new).collect(),
        }
    }
}

/// Returns the numbers at the top.
fn facts(records: &[Record]) -> Vec<Fact> {
    let losses = charts::losses(records);
    let best = charts::validation(records);
    let best = best.into_iter().filter(|it| it.1.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1));
    let steps = records.iter().map(Entry::step).max().unwrap_or(0);
    let seconds = records.iter().rev().find_map(Entry::seconds).unwrap_or(0.0);
    let mut facts = vec![
        Fact { name: "steps", number: steps.to_string() },
        Fact { name: "time", number: clock(seconds) },
    ];
    if !losses.is_empty() {
        let recent = &losses[losses.len() - losses.len().div_ceil(50)..];
        let mean = recent.iter().map(|it| it.1).sum::<f64>() / recent.len() as f64;
        facts.push(Fact { name: "recent training loss", number: decimal(mean, 4) });
    }
    if let Some((step, loss)) = best {
        facts.push(Fact {
            name: "best validation",
            number: format!("{}, step {step}", decimal(loss, 4)),
        });
    }
    facts
}

/// Returns a time as hours, minutes and seconds.
fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}
