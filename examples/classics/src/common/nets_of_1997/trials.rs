//! Trials of an experiment: networks that learn until they satisfy its stopping rules. A trial is stored when it ends, so that
//! a later run resumes.

use std::collections::VecDeque;
use std::thread;

use bptt::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::entries::Sequence;
use super::nets::Nets;
use super::tasks::{Source, Task};
use crate::error::Result;
use crate::session::{Queue, Session};

/// The networks that a worker trains at once.
const BATCH: usize = 32;
/// To be raised when a change of the code changes results, so that stored trials are not used again.
const VERSION: u32 = 1;
/// The most recent sequences that a rule looks at.
const RECENT: usize = 2000;
/// What is subtracted from the biases of the gates of a block that is not there yet: σ(−50) is 0 for all purposes.
const ABSENT: f64 = 50.0;

/// A row of a table, in one of its variants.
#[derive(Clone, Debug)]
pub(crate) struct Experiment {
    pub(crate) architecture: Architecture,
    pub(crate) task: Task,
    /// The learning rate.
    pub(crate) rate: f64,
    /// The number of sequences after which each block is added to a network, 0 for those with which it begins; empty if it
    /// begins with all.
    pub(crate) added_at: &'static [usize],
    /// To be satisfied one after the other.
    pub(crate) rules: Vec<Rule>,
    /// The number of sequences after which a network that has not satisfied all rules has failed.
    pub(crate) cap: usize,
    /// The number of sequences between two looks at the rules.
    pub(crate) interval: usize,
    /// The number of new sequences that judge a network which satisfies a rule.
    pub(crate) final_test: usize,
}

/// When a network has learned its task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// Of the 2000 most recent sequences, fewer than `wrong` were wrong, with a mean error below `error`.
    Recent { wrong: usize, error: f64 },
    /// Of this many sequences of a test, fewer than `wrong` are wrong, with a mean error below `error`.
    Test { sequences: usize, wrong: usize, error: f64 },
}

/// The result of a network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// The settings of the experiment.
    settings: String,
    pub(crate) seed: usize,
    /// What it has reached, rule by rule. A failure lacks the last.
    pub(crate) reached: Vec<Reached>,
}

/// A rule that is satisfied.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// The number of sequences until then.
    pub(crate) sequences: usize,
    /// The number of wrong sequences in the final test, and the mean error.
    pub(crate) wrong: usize,
    pub(crate) error: f64,
}

impl Experiment {
    /// Trains a network from each of `seeds` seeds, on all cores. Those that an earlier run has finished are not trained
    /// again.
    pub(crate) fn run(&self, session: &Session, seeds: usize) -> Result<Vec<Trial>> {
        let settings = self.settings();
        let known = session.records::<Trial>()?;
        let mut trials: Vec<Trial> =
            known.into_iter().filter(|it| it.settings == settings && it.seed < seeds).collect();
        let missing: Vec<usize> =
            (0..seeds).filter(|seed| trials.iter().all(|trial| trial.seed != *seed)).collect();
        let results = session.workers(missing.len(), |queue| self.work(queue, &missing, session));
        for result in results {
            trials.extend(result?);
        }
        trials.sort_by_key(|trial| trial.seed);
        trials.dedup_by_key(|trial| trial.seed); // two programs may have written to one folder
        Ok(trials)
    }

    /// Writes everything on which the results depend.
    fn settings(&self) -> String {
        let Self { architecture, task, rate, added_at, rules, cap, interval, final_test } = self;
        let settings = (architecture, task, rate, added_at, rules, cap, interval, final_test);
        format!("{VERSION}: {settings:?}")
    }

    /// Trains networks from the seeds of a queue, several at once.
    fn work(&self, queue: &Queue<'_>, seeds: &[usize], session: &Session) -> Result<Vec<Trial>> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let batch = BATCH.min(seeds.len().div_ceil(cores)); // so that all cores have work
        let mut trials = Vec::new();
        let mut nets = Nets::new(&self.architecture);
        let mut runs: Vec<Run> = Vec::new();
        loop {
            while runs.len() < batch
                && let Some(next) = queue.next()
            {
                let mut rng = bptt::rng(seeds[next] as u64);
                nets.push(&mut rng);
                self.remove_blocks(&mut nets, runs.len());
                let source = Source::new(&self.task, &mut rng);
                runs.push(Run::new(seeds[next], rng, source));
            }
            if runs.is_empty() || queue.is_stopped() {
                return Ok(trials);
            }
            let draw = |run: &mut Run| run.draw(self.interval);
            let sequences: Vec<_> = runs.iter_mut().map(draw).collect();
            let answers = nets.learn(&sequences, self.rate);
            for ((run, sequences), answers) in runs.iter_mut().zip(&sequences).zip(&answers) {
                run.note(sequences, answers, self.rules[run.reached.len()]);
            }
            for (net, run) in runs.iter().enumerate() {
                self.add_blocks(&mut nets, net, run.sequences);
            }
            self.look(&mut runs, &nets);
            let is_done =
                |run: &Run| run.reached.len() == self.rules.len() || run.sequences >= self.cap;
            let going_on: Vec<usize> =
                (0..runs.len()).filter(|&net| !is_done(&runs[net])).collect();
            if going_on.len() < runs.len() {
                nets = nets.gather(&going_on);
                for run in runs.extract_if(.., |run| is_done(run)) {
                    let Run { seed, reached, .. } = run;
                    let trial = Trial { settings: self.settings(), seed, reached };
                    session.record(&trial)?;
                    trials.push(trial);
                    queue.done();
                }
            }
        }
    }

    /// Removes the blocks from a new network that are added later.
    fn remove_blocks(&self, nets: &mut Nets<'_>, net: usize) {
        for (block, _) in self.added_at.iter().enumerate().filter(|(_, at)| **at > 0) {
            nets.move_biases(net, block, -ABSENT);
        }
    }

    /// Adds the blocks to a network whose time has come in the last `interval` of `sequences` sequences.
    fn add_blocks(&self, nets: &mut Nets<'_>, net: usize, sequences: usize) {
        let is_now = |at: usize| at > 0 && (at..at + self.interval).contains(&sequences);
        for (block, _) in self.added_at.iter().enumerate().filter(|(_, at)| is_now(**at)) {
            nets.move_biases(net, block, ABSENT);
        }
    }

    /// Looks which networks satisfy their next rules, and examines those.
    fn look(&self, runs: &mut [Run], nets: &Nets<'_>) {
        let all: Vec<usize> = (0..runs.len()).collect();
        for rule in 0..self.rules.len() {
            let at_rule = |net: &&usize| runs[**net].reached.len() == rule;
            let mut candidates: Vec<usize> = all.iter().filter(at_rule).copied().collect();
            let mut satisfied_after = vec![0; runs.len()];
            match self.rules[rule] {
                Rule::Recent { .. } => {
                    candidates.retain(|&net| runs[net].satisfied.is_some());
                    for &net in &candidates {
                        satisfied_after[net] = runs[net].satisfied.take().unwrap_or_default();
                    }
                }
                Rule::Test { sequences, wrong, error } => {
                    let results =
                        self.test(runs, nets, &candidates, (sequences, wrong), Source::test);
                    let passes = |result: Option<(usize, f64)>| {
                        result.is_some_and(|(_, found)| found < error)
                    };
                    candidates.retain(|&net| passes(results[net]));
                    for &net in &candidates {
                        satisfied_after[net] = runs[net].sequences;
                    }
                }
            }
            let fresh = |source: &Source, _, rng: &mut _| source.final_test(rng);
            let count = (self.final_test, usize::MAX);
            let final_tests = self.test(runs, nets, &candidates, count, fresh);
            for net in candidates {
                let (wrong, error) = final_tests[net].unwrap_or_default();
                let sequences = satisfied_after[net];
                runs[net].reached.push(Reached { sequences, wrong, error });
            }
        }
    }

    /// Tests some networks. Returns the number of wrong sequences and the mean error; `None` for a network that was not
    /// tested, or of which `wrong` sequences were wrong.
    fn test(
        &self,
        runs: &mut [Run],
        nets: &Nets<'_>,
        tested: &[usize],
        (sequences, wrong): (usize, usize),
        draw: impl Fn(&Source, usize, &mut Xoshiro256PlusPlus) -> Sequence,
    ) -> Vec<Option<(usize, f64)>> {
        let mut results = vec![None; runs.len()];
        let mut tested = tested.to_vec();
        tested.iter().for_each(|&net| results[net] = Some((0, 0.0)));
        let (mut next, mut count) = (0, 8); // few at first, since most networks fail early
        while next < sequences && !tested.is_empty() {
            let numbers = next..sequences.min(next + count);
            (next, count) = (numbers.end, self.interval.max(count).min(2 * count));
            let drawn: Vec<Vec<Sequence>> = tested
                .iter()
                .map(|&net| {
                    let Run { source, rng, .. } = &mut runs[net];
                    numbers.clone().map(|number| draw(source, number, rng)).collect()
                })
                .collect();
            let answers = nets.gather(&tested).answer(&drawn);
            for ((&net, drawn), answers) in tested.iter().zip(&drawn).zip(&answers) {
                for (sequence, answer) in drawn.iter().zip(answers) {
                    let (is_right, error) = runs[net].source.judge(answer, &sequence.expected);
                    if let Some((wrong, sum)) = &mut results[net] {
                        *wrong += usize::from(!is_right);
                        *sum += error / sequences as f64;
                    }
                }
                results[net] = results[net].filter(|(found, _)| *found < wrong);
            }
            tested.retain(|&net| results[net].is_some());
        }
        results
    }
}

/// What belongs to a network that learns.
#[derive(Debug)]
struct Run {
    seed: usize,
    rng: Xoshiro256PlusPlus,
    source: Source,
    sequences: usize,
    reached: Vec<Reached>,
    /// Whether recent sequences were right, and their mean errors.
    recent: VecDeque<(bool, f64)>,
    wrong: usize,
    /// The number of sequences after which the present rule was satisfied, if it looks at recent sequences.
    satisfied: Option<usize>,
}

impl Run {
    fn new(seed: usize, rng: Xoshiro256PlusPlus, source: Source) -> Self {
        let (reached, recent) = (Vec::new(), VecDeque::new());
        Self { seed, rng, source, sequences: 0, reached, recent, wrong: 0, satisfied: None }
    }

    fn draw(&mut self, count: usize) -> Vec<Sequence> {
        (0..count).map(|_| self.source.draw(&mut self.rng)).collect()
    }

    /// Notes how sequences were answered.
    fn note(&mut self, sequences: &[Sequence], answers: &[Vec<f64>], rule: Rule) {
        let Rule::Recent { wrong, error: bound } = rule else {
            self.sequences += sequences.len();
            return;
        };
        for (sequence, answer) in sequences.iter().zip(answers) {
            let (is_right, error) = self.source.judge(answer, &sequence.expected);
            self.sequences += 1;
            self.wrong += usize::from(!is_right);
            self.recent.push_back((is_right, error));
            if self.recent.len() > RECENT {
                let (was_right, _) = self.recent.pop_front().expect("it is not empty");
                self.wrong -= usize::from(!was_right);
            }
            if self.satisfied.is_none() && self.recent.len() == RECENT && self.wrong < wrong {
                let mean = self.recent.iter().map(|(_, error)| error).sum::<f64>() / RECENT as f64;
                self.satisfied = (mean < bound).then_some(self.sequences);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes answers that are each off by `error`, but for that of sequence `wrong`, if any, which is off by 0.5. Returns after
    /// how many sequences the rule was satisfied.
    fn satisfied_after(error: f64, wrong: Option<usize>, rule: Rule) -> Option<usize> {
        let task = Task::Marked { steps: 100, is_product: false, marks_first_pair: true };
        let mut rng = bptt::rng(0);
        let source = Source::new(&task, &mut rng);
        let mut run = Run::new(0, rng, source);
        for sequence in 0..3000 {
            let off = if Some(sequence) == wrong { 0.5 } else { error };
            let expected = Sequence { inputs: vec![], targets: vec![], expected: vec![0.2] };
            run.note(&[expected], &[vec![0.2 + off]], rule);
        }
        assert_eq!(run.sequences, 3000);
        run.satisfied
    }

    #[test]
    fn a_rule_looks_at_the_most_recent_sequences() {
        let rule = |wrong| Rule::Recent { wrong, error: 0.01 };
        assert_eq!(satisfied_after(0.009, None, rule(1)), Some(2000));
        assert_eq!(satisfied_after(0.011, None, rule(1)), None, "the mean error is too large");
        assert_eq!(
            satisfied_after(0.009, Some(30), rule(1)),
            Some(2031),
            "one wrong is one too many"
        );
        assert_eq!(
            satisfied_after(0.009, Some(30), rule(2)),
            Some(2000),
            "fewer than two are wrong"
        );
        assert_eq!(
            satisfied_after(0.009, Some(1500), rule(1)),
            None,
            "it stays for 2000 sequences"
        );
    }
}
