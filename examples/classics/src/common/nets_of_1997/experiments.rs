//! The experiments, with the settings that the paper gives.

use super::architecture::{Architecture, Gates, Shortcuts, Signal, Squash, Update};
use super::tasks::Task;
use super::trials::{Experiment, Rule};

/// What most experiments have in common: biases of all units, and logistic functions within the paper's bounds.
pub(super) const COMMON: Architecture = Architecture {
    inputs: 1,
    blocks: 2,
    block_size: 2,
    outputs: 1,
    range: 0.1,
    input_gates: Gates::Random,
    output_gates: Gates::Random,
    has_cell_biases: true,
    has_output_biases: true,
    start: 0.0,
    has_memory: true,
    is_recurrent: true,
    shortcuts: Shortcuts::None,
    g: Squash::Within(2.0),
    h: Squash::Within(1.0),
    signal: Signal::Squared,
    update: Update::Online,
};

/// Experiment 1, the embedded Reber grammar, as the paper describes it.
pub(crate) fn embedded_reber(blocks: usize, block_size: usize, rate: f64) -> Experiment {
    Experiment {
        architecture: Architecture {
            inputs: 7,
            blocks,
            block_size,
            outputs: 7,
            range: 0.2,
            output_gates: Gates::Each(&[-1.0, -2.0, -3.0, -4.0]),
            has_cell_biases: false,
            has_output_biases: false,
            ..COMMON
        },
        task: Task::EmbeddedReber { targets: [0.0, 1.0] },
        rate,
        added_at: &[],
        rules: vec![Rule::Test { sequences: 512, wrong: 1, error: f64::INFINITY }],
        cap: 200_000,
        interval: 50,
        final_test: 0,
    }
}

/// Experiment 1 with the net of Elman (1990): logistic units without biases, which read those of the step before as constants.
pub(crate) fn elman(units: usize, rate: f64) -> Experiment {
    let experiment = embedded_reber(units, 1, rate);
    let architecture = Architecture {
        input_gates: Gates::Open,
        output_gates: Gates::Open,
        has_memory: false,
        g: Squash::Logistic,
        h: Squash::Identity,
        ..experiment.architecture
    };
    Experiment { architecture, ..experiment }
}

/// Experiments 2a and 2b, a first symbol that comes back after `p` steps. The cell and its input gate read only inputs,
/// as the number of weights tells.
pub(crate) fn first_and_last(p: usize, is_random: bool) -> Experiment {
    Experiment {
        architecture: Architecture {
            inputs: p + 1,
            blocks: 1,
            block_size: 1,
            outputs: p + 1,
            range: 0.2,
            input_gates: Gates::Unbiased,
            output_gates: Gates::Open,
            has_cell_biases: false,
            has_output_biases: false,
            is_recurrent: false,
            shortcuts: Shortcuts::Random,
            g: Squash::Logistic,
            h: Squash::Identity,
            ..COMMON
        },
        task: Task::FirstAndLast { p, is_random },
        rate: 1.0,
        added_at: &[1000],
        rules: vec![Rule::Test { sequences: 10_000, wrong: 1, error: f64::INFINITY }],
        cap: 10_000,
        interval: 20,
        final_test: 0,
    }
}

/// Experiment 2a by back-propagation through time, with a logistic hidden unit in place of the cell.
pub(crate) fn first_and_last_by_bptt(p: usize) -> Experiment {
    let experiment = first_and_last(p, false);
    let architecture = Architecture {
        input_gates: Gates::Open,
        has_memory: false,
        is_recurrent: true,
        update: Update::FullGradient,
        ..experiment.architecture
    };
    Experiment { architecture, added_at: &[], ..experiment }
}

/// Experiment 2c: a symbol is recalled after at least `q` distractors, each of `p` kinds.
pub(crate) fn trigger(p: usize, q: usize) -> Experiment {
    Experiment {
        architecture: Architecture {
            inputs: p + 4,
            block_size: 1,
            outputs: 2,
            range: 0.2,
            input_gates: Gates::Unbiased,
            output_gates: Gates::Unbiased,
            has_cell_biases: false,
            has_output_biases: false,
            ..COMMON
        },
        task: Task::Trigger { p, q },
        rate: 0.01,
        added_at: &[],
        rules: vec![Rule::Test { sequences: 10_000, wrong: 1, error: f64::INFINITY }],
        cap: 300_000,
        interval: 50,
        final_test: 0,
    }
}

/// Experiments 3a to 3c, the two-sequence problem. `letter` names the experiment.
pub(crate) fn two_sequence(letter: char, steps: usize, signal: usize) -> Experiment {
    let test = |wrong, error| Rule::Test { sequences: 256, wrong, error };
    let (rules, rate, cap) = match letter {
        'a' => (vec![test(1, f64::INFINITY), test(1, 0.01)], 1.0, 500_000),
        'b' => (vec![test(6, f64::INFINITY), test(6, 0.04)], 1.0, 500_000),
        _ => (vec![test(1, 0.015)], 0.1, 3_000_000),
    };
    Experiment {
        architecture: Architecture {
            blocks: 3,
            block_size: 1,
            input_gates: Gates::Each(&[-1.0, -3.0, -5.0]),
            output_gates: Gates::Each(&[-2.0, -4.0, -6.0]),
            has_output_biases: false,
            ..COMMON
        },
        task: Task::TwoSequence {
            steps,
            signal,
            has_noisy_signal: letter == 'b',
            has_noisy_targets: letter == 'c',
        },
        rate,
        added_at: &[],
        rules,
        cap,
        interval: 100,
        final_test: 2560,
    }
}

/// Experiment 4, the adding problem.
pub(crate) fn adding(steps: usize) -> Experiment {
    Experiment {
        architecture: Architecture { inputs: 2, input_gates: Gates::Each(&[-3.0, -6.0]), ..COMMON },
        task: Task::Marked { steps, is_product: false, marks_first_pair: true },
        rate: 0.5,
        added_at: &[],
        rules: vec![Rule::Recent { wrong: 1, error: 0.01 }],
        cap: 500_000,
        interval: 50,
        final_test: 2560,
    }
}

/// Experiment 5, the multiplication problem.
pub(crate) fn multiplication() -> Experiment {
    let recent = |wrong| Rule::Recent { wrong, error: f64::INFINITY };
    Experiment {
        architecture: Architecture { inputs: 2, ..COMMON },
        task: Task::Marked { steps: 100, is_product: true, marks_first_pair: true },
        rate: 0.1,
        added_at: &[],
        rules: vec![recent(140), recent(13)],
        cap: 2_000_000,
        interval: 50,
        final_test: 2560,
    }
}

/// Experiments 6a and 6b, temporal order.
pub(crate) fn temporal_order(places: usize) -> Experiment {
    let rate = if places == 2 { 0.5 } else { 0.1 };
    Experiment {
        architecture: Architecture {
            inputs: 8,
            blocks: places,
            outputs: 1 << places,
            input_gates: Gates::Each(&[-2.0, -4.0, -6.0]),
            ..COMMON
        },
        task: Task::TemporalOrder { places },
        rate,
        added_at: &[],
        rules: vec![Rule::Recent { wrong: 1, error: 0.1 }],
        cap: 3_000_000,
        interval: 50,
        final_test: 2560,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_weights_are_those_of_the_paper() {
        // of tables 10, 1 (an estimate), 2 and 3
        let sizes = [
            ("1, four blocks", embedded_reber(4, 1, 0.1), 264),
            ("1, three blocks", embedded_reber(3, 2, 0.1), 276),
            ("2a", first_and_last(100, false), 10_504),
            ("2c, p = 50", trigger(50, 50), 364),
            ("3a", two_sequence('a', 100, 3), 102),
            ("4", adding(100), 93),
            ("5", multiplication(), 93),
            ("6a", temporal_order(2), 156),
            ("6b", temporal_order(3), 308),
            ("1, Elman", elman(15, 0.1), 435),
            ("2a, BPTT", first_and_last_by_bptt(100), 10_404),
            ("2c, p = 200", trigger(200, 1000), 1264),
        ];
        for (name, Experiment { architecture, .. }, expected) in sizes {
            let hidden: f64 = architecture.learnable().iter().sum();
            let output = architecture.outputs * architecture.output_reads();
            assert_eq!(hidden as usize + output, expected, "{name}");
        }
    }
}
