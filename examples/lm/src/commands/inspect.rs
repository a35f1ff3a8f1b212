//! `lm inspect`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::eval::PartName;
use super::shared::{MachineArgs, last_run};
use crate::config::rules::at_least_one;
use crate::error::Error;
use crate::inspection::{
    GradientByLag, Inspection, PROPERTIES, Places, gradient_by_lag, loss_by_context, read_value,
};
use crate::text::{Corpus, TextSettings, Tokens};
use crate::training::Saved;
use bptt::analysis::record::replace;

/// Flags of `inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// Folder of a run, or a file of weights [default: the last of target/lm/run-N]
    #[arg(long, value_name = "PATH")]
    pub run: Option<PathBuf>,

    /// Text to read [default: a part of the text of the run]
    #[arg(long, value_name = "FILE", conflicts_with = "prime")]
    pub text: Option<PathBuf>,

    /// Text to read, on the command line
    #[arg(long, value_name = "TEXT")]
    pub prime: Option<String>,

    /// Part of the run's text to read
    #[arg(long, value_enum, default_value_t = PartName::Validation, conflicts_with_all = ["text", "prime"])]
    pub part: PartName,

    /// Value of the cells to show in place of their outputs, such as c or f of an LSTM
    #[arg(long, value_name = "NAME")]
    pub value: Option<String>,

    /// Tokens of the text that are read before the first one that is shown
    #[arg(long, value_name = "N", default_value = "0")]
    pub skip: usize,

    /// Tokens to show
    #[arg(long, value_name = "N", default_value = "2000", value_parser = at_least_one)]
    pub length: usize,

    /// Units to show for each property of the text
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    pub top: usize,

    /// Lags over which gradients are measured
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub lags: usize,

    /// Random places of the text over which gradients and losses are averaged
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub places: usize,

    /// Seed of the places, and of the shifts that give the correlation of chance
    #[arg(long, default_value = "1")]
    pub seed: u64,

    /// Folder for inspect.html and inspect.json [default: that of the weights]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Inspects a model: writes `inspect.html` and `inspect.json`, and tells what stands out.
///
/// # Errors
///
/// If the model or the text cannot be used, or a file cannot be written.
pub fn inspect(args: &InspectArgs, out: &mut (impl Write + Send)) -> Result<(), Error> {
    args.machine.start_threads()?;
    rayon::scope(|_| run(args, out))
}

fn run(args: &InspectArgs, out: &mut impl Write) -> Result<(), Error> {
    let path = args.run.clone().unwrap_or_else(last_run);
    let saved = Saved::load(&path)?;
    let (tokens, text) = text(args, &saved)?;
    let places = Places::draw(&tokens, args.lags, args.places, args.seed);
    saved.expect_memory(places.as_ref().map_or(1, Places::read_at_once))?;
    let model = saved.model()?;

    let reading = read_value(&model, &tokens, [args.skip, args.length], args.value.as_deref())?;
    if reading.tokens.is_empty() {
        return Err(Error::NothingToShow { skip: args.skip, tokens: tokens.len() });
    }
    let text = match &args.value {
        Some(value) => format!("{text}, `{value}` of each layer"),
        None => text,
    };
    let names = [format!("{}, step {}", saved.config.model.name(), saved.step), text];
    let inspection = Inspection::new(names, &saved.vocabulary, &reading, args.top, args.seed);
    let gradient = places.as_ref().map(|places| gradient_by_lag(&model, &tokens, places));
    let contexts = places.as_ref().map(|places| loss_by_context(&model, &tokens, places));
    let inspection = inspection.with_lags(gradient, contexts.unwrap_or_default());

    let folder = args.out.clone().unwrap_or_else(|| folder_of(&path));
    let [page, numbers] = ["inspect.html", "inspect.json"].map(|name| folder.join(name));
    replace(&page, &inspection.to_html())?;
    replace(&numbers, &inspection.to_json())?;
    report(&inspection, out)?;
    writeln!(out, "\npage     {}", page.display())?;
    Ok(writeln!(out, "numbers  {}", numbers.display())?)
}

/// Returns the text to read, and its name.
fn text(args: &InspectArgs, saved: &Saved) -> Result<(Tokens, String), Error> {
    if let Some(prime) = &args.prime {
        return Ok((saved.vocabulary.encode(prime)?.into(), "the text of --prime".to_owned()));
    }
    let (settings, name) = match &args.text {
        Some(file) => {
            let settings =
                TextSettings { validation: Some(file.clone()), ..TextSettings::default() };
            (settings, file.display().to_string())
        }
        None => (saved.config.text.clone(), format!("the {}", args.part)),
    };
    let corpus = Corpus::open_with(&settings, &saved.vocabulary, &args.machine.store)?;
    let end = args.skip.saturating_add(args.length);
    let part = args.part.of(&corpus)?;
    let end = end.min(part.tokens.len());
    Ok((part.tokens.clone(), format!("tokens {} to {end} of {name}", args.skip)))
}

/// Returns the folder of a run, or that of a file of weights.
fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.into() } else { path.parent().unwrap_or(Path::new("")).into() }
}

/// Writes what stands out.
fn report(inspection: &Inspection, out: &mut impl Write) -> Result<(), Error> {
    writeln!(out, "model    {}\ntext     {}", inspection.model, inspection.text)?;
    writeln!(out, "\nproperty              most related unit         r   chance")?;
    let units = &inspection.units;
    for (index, name) in PROPERTIES.iter().enumerate() {
        let Some(best) = units.most_related(index, 1).pop() else {
            writeln!(out, "{name:<20}  the same all over the text")?;
            continue;
        };
        let (r, chance) = (best.correlations[index], units.chance[index]);
        let unit = format!("{} of layer {}", best.unit, best.layer + 1);
        writeln!(out, "{name:<20}  {unit:<20}  {r:6.3}   {chance:6.3}")?;
    }
    if let Some(gradient) = &inspection.gradient_by_lag {
        report_lags(gradient, out)?;
        writeln!(out, "\ntokens read   nats")?;
        for context in &inspection.loss_by_context {
            writeln!(out, "{:>11}   {:.4}", context.tokens, context.nats)?;
        }
    }
    Ok(())
}

fn report_lags(gradient: &GradientByLag, out: &mut impl Write) -> Result<(), Error> {
    let window = gradient.norms.len();
    writeln!(out, "\nfirst lags   share of the gradient over {window} lags")?;
    for lags in [1, 10, 50, 100].into_iter().filter(|&lags| lags < window) {
        writeln!(out, "{lags:>10}   {:.1} %", 100.0 * gradient.share(lags))?;
    }
    Ok(())
}
