//! The command line. Each program is a command, so that `--help` lists all of them, and a misspelled name gets a suggestion.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::catalog;
use crate::program::Program;

/// What to do.
pub(crate) enum Choice {
    List,
    Run(Vec<&'static Program>, Settings),
}

/// The settings of a run.
pub(crate) struct Settings {
    /// Train only a little, as a smoke test. A program that is shortened by this judges nothing.
    pub(crate) quick: bool,
    /// Each program writes to a folder of its own in this folder.
    pub(crate) out: PathBuf,
    /// Draw pictures as PNG, and not as SVG.
    pub(crate) png: bool,
}

/// Reads the arguments of this process. Ends it if they ask for help or are wrong.
pub(crate) fn read() -> Choice {
    let mut matches = command().get_matches();
    let settings = Settings {
        quick: matches.get_flag("quick"),
        out: matches.remove_one("out").expect("it has a default"),
        png: matches.get_flag("png"),
    };
    match matches.subcommand_name().expect("a command is required") {
        "list" => Choice::List,
        "all" => Choice::Run(catalog::PROGRAMS.to_vec(), settings),
        name => {
            let named = catalog::PROGRAMS.iter().filter(|program| program.name == name);
            Choice::Run(named.copied().collect(), settings)
        }
    }
}

fn command() -> Command {
    let quick = Arg::new("quick").long("quick").action(ArgAction::SetTrue).global(true);
    let out = Arg::new("out").long("out").value_name("FOLDER").global(true);
    let png = Arg::new("png").long("png").action(ArgAction::SetTrue).global(true);
    let programs = catalog::PROGRAMS.iter().map(|it| Command::new(it.name).about(it.shows));
    Command::new("classics")
        .about("The tasks, mechanisms, claims and tables of texts on recurrent networks")
        .subcommand_required(true)
        .arg(quick.help("Train only a little, as a smoke test; what is shortened is not judged"))
        .arg(
            out.help("Write numbers and pictures to FOLDER/PROGRAM")
                .default_value("target/classics")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(png.help("Draw pictures as PNG, and not as SVG"))
        .subcommand(Command::new("list").about("List the programs and the texts they come from"))
        .subcommand(Command::new("all").about("Run all programs, one after the other"))
        .subcommands(programs)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
