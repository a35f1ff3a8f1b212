//! Cells at equal size.

use bptt::Module;

use super::budget::hidden_size_for;
use super::error::ComparisonError;
use crate::config::Config;
use crate::error::Error;
use crate::model::{CellChoice, LanguageModel};
use crate::runs::Planned;
use programs::terminal::memory::{self, Bytes};

/// The parameters of the largest model that the search makes, as a multiple of the budget.
const LARGEST: f64 = 4.0;

/// A cell with the hidden size at which it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Contender {
    /// All settings but the seed.
    pub config: Config,
    /// The number of parameters.
    pub parameters: usize,
}

/// Returns each of `cells` with the hidden size whose number of parameters is nearest to a budget: `parameters`, or
/// those of the first cell with the hidden size of `config`. Also returns the budget.
///
/// The parameters are those of the whole model. The search makes models of at most four times the budget, which is less
/// than training takes.
///
/// # Errors
///
/// If there is a cell twice, if a setting does not suit one, if a cell has more parameters at its smallest size, or if
/// there is too little memory.
pub fn contenders(
    config: &Config,
    cells: &[CellChoice],
    parameters: Option<usize>,
    vocabulary_size: usize,
) -> Result<(Vec<Contender>, usize), Error> {
    expect_distinct("cells", cells)?;
    let of = |cell, hidden_size| {
        let mut config = config.clone();
        (config.model.cell, config.model.hidden_size) = (cell, hidden_size);
        config
    };
    let expect_memory = |config: &Config| memory::expect(config.memory(vocabulary_size));
    let budget = match (parameters, cells.first()) {
        (None, Some(&first)) => {
            let first = of(first, config.model.hidden_size);
            expect_memory(&first)?;
            count(&first, vocabulary_size)?
        }
        (budget, _) => budget.unwrap_or_default(),
    };
    memory::expect(Bytes(LARGEST * budget as f64 * size_of::<f32>() as f64))?;
    let contenders = cells.iter().map(|&cell| {
        let grain = cell.granularity();
        expect_memory(&of(cell, 2 * grain))?;
        let [smallest, next] =
            [1, 2].map(|grains| count(&of(cell, grains * grain), vocabulary_size));
        if smallest? == next? {
            return Err(ComparisonError::FixedSize.into());
        }
        let counted = |grains| {
            count(&of(cell, grains * grain), vocabulary_size).expect("other sizes are valid too")
        };
        let grains = hidden_size_for(budget, counted)
            .map_err(|source| ComparisonError::Budget { cell, source })?;
        Ok(Contender { config: of(cell, grains * grain), parameters: counted(grains) })
    });
    Ok((contenders.collect::<Result<_, Error>>()?, budget))
}

/// Returns the number of parameters of a model.
fn count(config: &Config, vocabulary_size: usize) -> Result<usize, Error> {
    let Config { model, regularization, .. } = config;
    let model = LanguageModel::new(model, regularization, vocabulary_size, &mut bptt::rng(0))?;
    Ok(model.parameter_count())
}

/// Returns the runs of a comparison: each contender with each seed. All contenders have a run of the first seed before
/// any has one of the second, so that a comparison that is stopped has compared something.
///
/// # Errors
///
/// If there is a seed twice.
pub fn plan(contenders: &[Contender], seeds: &[u64]) -> Result<Vec<Planned>, ComparisonError> {
    expect_distinct("seeds", seeds)?;
    let runs = seeds.iter().flat_map(|&seed| {
        contenders.iter().map(move |Contender { config, .. }| {
            let mut config = config.clone();
            config.training.seed = seed;
            Planned { name: format!("{}/seed-{seed}", config.model.cell), config }
        })
    });
    Ok(runs.collect())
}

fn expect_distinct<T: PartialEq + ToString>(
    flag: &'static str,
    values: &[T],
) -> Result<(), ComparisonError> {
    let again = values.iter().enumerate().find(|(place, it)| values[..*place].contains(it));
    match again {
        Some((_, value)) => Err(ComparisonError::Repeated { flag, value: value.to_string() }),
        None => Ok(()),
    }
}
