//! The list of all programs.

use crate::program::Program;
use crate::{mechanisms, studies, tables, tasks};

/// All programs, in the order in which `list` and `all` name them.
pub(crate) const PROGRAMS: &[&Program] = &[
    // tasks
    &tasks::binary_addition::PROGRAM,
    &tasks::caption::PROGRAM,
    &tasks::copy_memory::PROGRAM,
    &tasks::dates::PROGRAM,
    &tasks::five_topologies::PROGRAM,
    &tasks::function_continuation::PROGRAM,
    &tasks::genome::PROGRAM,
    &tasks::moving_dot::PROGRAM,
    &tasks::music::PROGRAM,
    &tasks::patches::PROGRAM,
    &tasks::phrase::PROGRAM,
    &tasks::polarity::PROGRAM,
    &tasks::q_learning::PROGRAM,
    &tasks::sensors::PROGRAM,
    &tasks::sorting::PROGRAM,
    &tasks::storage::PROGRAM,
    &tasks::t_maze::PROGRAM,
    &tasks::tagging::PROGRAM,
    &tasks::time_series::PROGRAM,
    &tasks::unsegmented_labels::PROGRAM,
    // mechanisms
    &mechanisms::automaton::PROGRAM,
    &mechanisms::carousel::PROGRAM,
    &mechanisms::counter_machine::PROGRAM,
    &mechanisms::gates_as_masks::PROGRAM,
    &mechanisms::hopfield::PROGRAM,
    &mechanisms::impulse_response::PROGRAM,
    &mechanisms::linear_collapse::PROGRAM,
    &mechanisms::repeated_sigmoid::PROGRAM,
    &mechanisms::saturation::PROGRAM,
    &mechanisms::windowed_error::PROGRAM,
    // studies
    &studies::learning_rate::PROGRAM,
    &studies::batch_size::PROGRAM,
    &studies::noise::PROGRAM,
    &studies::batch_or_online::PROGRAM,
    &studies::optimizers::PROGRAM,
    &studies::trainers::PROGRAM,
    &studies::pathological::PROGRAM,
    &studies::alternatives::PROGRAM,
    &studies::guessing::PROGRAM,
    &studies::online::PROGRAM,
    &studies::vanishing_and_exploding::PROGRAM,
    &studies::gradient_by_lag::PROGRAM,
    &studies::truncation_bias::PROGRAM,
    &studies::long_lags::PROGRAM,
    &studies::time_and_memory::PROGRAM,
    &studies::output_to_hidden::PROGRAM,
    &studies::neural_window::PROGRAM,
    &studies::unfolding::PROGRAM,
    &studies::activation_tables::PROGRAM,
    &studies::relu::PROGRAM,
    &studies::dying_relu::PROGRAM,
    &studies::initialisation::PROGRAM,
    &studies::learned_start::PROGRAM,
    // tables
    &tables::embedded_reber::PROGRAM,
    &tables::reber_deviations::PROGRAM,
    &tables::first_symbol::PROGRAM,
    &tables::distractors::PROGRAM,
    &tables::two_sequence::PROGRAM,
    &tables::marked_numbers::PROGRAM,
    &tables::temporal_order::PROGRAM,
    &tables::continual_reber::PROGRAM,
    &tables::counting::PROGRAM,
    &tables::polyphonic_music::PROGRAM,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_unique_and_those_of_the_files() {
        let names: BTreeSet<String> = PROGRAMS.iter().map(|program| program.name.into()).collect();
        assert_eq!(names.len(), PROGRAMS.len(), "a name stands twice");
        let files = ["tasks", "mechanisms", "studies", "tables"].map(files).concat();
        let files: BTreeSet<String> = files.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, files, "each file is a program of the catalogue");
    }

    #[test]
    fn a_program_is_read_in_one_sitting() {
        for (name, lines) in ["tasks", "mechanisms", "studies", "tables"].map(files).concat() {
            assert!(lines <= 120, "{name} has {lines} lines, more than 120");
        }
    }

    #[test]
    fn the_guide_of_a_text_names_its_programs() {
        let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/classics");
        for Program { name, sources, .. } in PROGRAMS {
            for (text, section) in *sources {
                let guide = fs::read_to_string(guides.join(text.guide())).expect("a guide");
                let link = format!("results/README.md#{name})");
                assert!(guide.contains(&link), "{}: {section} has no {name}", text.guide());
            }
        }
    }

    /// The programs of a folder by their files, with the number of lines.
    fn files(folder: &str) -> Vec<(String, usize)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let paths = fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path());
        let read = |path: std::path::PathBuf| {
            let name = path.file_stem().expect("a name").to_string_lossy().replace('_', "-");
            (name, fs::read_to_string(&path).expect("UTF-8").lines().count())
        };
        paths.map(read).filter(|(name, _)| name != "mod").collect()
    }
}
