//! Checks of laws on random cases, and the search for the smallest case that breaks a law.

use std::any::Any;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::Law;
use crate::evidence::Evidence;
use crate::report::{Failure, Finding, Report};
use crate::values::seed_of_case;
use crate::violation::Violation;

pub(crate) mod sealed {
    /// Only this crate implements kinds of subjects, since only it can record evidence.
    pub trait Sealed {}
}

/// A kind of subjects and the laws that hold for them: [`Cells`](crate::Cells) or [`Functions`](crate::Functions).
pub trait Family: sealed::Sealed {
    /// The data from which a random case is made.
    type Case: Clone + Debug;

    /// The subject's name in reports, unless it is [named](Check::named).
    fn name(&self) -> String;

    /// The laws, in order.
    fn laws(&self) -> Vec<Law>;

    /// The random case with this seed.
    fn case(&self, law: Law, seed: u64) -> BoxedStrategy<Self::Case>;

    /// The number of cases for a law, if `cases` are asked for in general.
    fn number_of_cases(&self, law: Law, cases: u32) -> u32;

    /// Looks for a violation.
    ///
    /// # Errors
    ///
    /// If it finds one.
    fn hold(&self, law: Law, case: &Self::Case, evidence: &mut Evidence) -> Result<(), Violation>;
}

/// Laws to be checked on random cases of a subject.
///
/// The cases follow from a seed and are the same in every run: a check that fails one time in a million helps nobody.
/// Two environment variables change them for a run: `GRADCHECK_CASES`, the number of cases for each law, and
/// `GRADCHECK_SEED`. If `GRADCHECK_REPORT` names a folder, [`check`](Self::check) saves its [report](Report::html)
/// there.
#[must_use = "a check checks nothing until it is run"]
pub struct Check<F> {
    pub(crate) family: F,
    name: Option<String>,
    cases: u32,
    seed: u64,
    replay: Option<u64>,
    without: Vec<Law>,
    only: Option<Vec<Law>>,
}

/// Cases for each law.
const CASES: u32 = 16;

/// Attempts to make a failing case smaller.
const ATTEMPTS: usize = 512;

impl<F> Check<F> {
    pub(crate) fn of(family: F) -> Self {
        Self {
            family,
            name: None,
            cases: CASES,
            seed: 0,
            replay: None,
            without: Vec::new(),
            only: None,
        }
    }

    /// Sets the subject's name in reports; by default, it is that of its type.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the number of random cases for each law, 16 by default. Costly laws are checked on fewer.
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Sets the seed from which cases are drawn, 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks only the case with this seed, which a failure's report names.
    pub fn replay(mut self, seed: u64) -> Self {
        self.replay = Some(seed);
        self
    }

    /// Leaves out laws that the subject does not obey. Say why, where you call this.
    pub fn without(mut self, laws: &[Law]) -> Self {
        self.without.extend_from_slice(laws);
        self
    }

    /// Checks only these laws.
    pub fn only(mut self, laws: &[Law]) -> Self {
        self.only = Some(laws.to_vec());
        self
    }
}

impl<F: Family> Check<F> {
    /// Checks the laws, and panics with a [report](Report) if one is broken.
    ///
    /// # Panics
    ///
    /// If a law is broken, or if the report cannot be saved to the folder in `GRADCHECK_REPORT`.
    #[track_caller]
    pub fn check(self) {
        let report = self.run();
        let folder = std::env::var_os("GRADCHECK_REPORT");
        let saved = folder.map(|folder| report.save_in(folder.as_ref()));
        assert!(report.holds(), "{report}");
        if let Some(Err(error)) = saved {
            panic!("GRADCHECK_REPORT: {error}");
        }
    }

    /// Checks the laws and returns the report, whether a law is broken or not.
    ///
    /// # Panics
    ///
    /// If no case or no law is left to check, or if [`only`](Self::only) names a law that does not apply to the
    /// subject.
    #[track_caller]
    pub fn run(&self) -> Report {
        let laws = self.family.laws();
        for law in self.only.iter().flatten() {
            assert!(laws.contains(law), "{law} is not among the laws of this subject: {laws:?}");
        }
        let chosen = laws.into_iter().filter(|law| {
            !self.without.contains(law) && self.only.as_ref().is_none_or(|only| only.contains(law))
        });
        let findings: Vec<_> = chosen.map(|law| self.finding(law)).collect();
        assert!(!findings.is_empty(), "a check of no law checks nothing");
        Report::new(self.name.clone().unwrap_or_else(|| self.family.name()), findings)
    }

    fn finding(&self, law: Law) -> Finding {
        let base = from_environment("GRADCHECK_SEED").unwrap_or(self.seed);
        let cases = match from_environment("GRADCHECK_CASES") {
            Some(cases) => u32::try_from(cases).unwrap_or(u32::MAX),
            None => self.cases,
        };
        assert!(cases > 0, "a check of no case checks nothing");
        let seeds: Vec<u64> = match self.replay {
            Some(seed) => vec![seed],
            None => (0..self.family.number_of_cases(law, cases))
                .map(|k| seed_of_case(mixed(base, k.into()), k.into()))
                .collect(),
        };
        let mut evidence = Evidence::default();
        let mut failure = None;
        let mut run = 0;
        for seed in seeds {
            run += 1;
            let mut of_case = Evidence::default();
            let mut tree = tree(&self.family.case(law, seed), seed);
            let result = self.attempt(law, &tree.current(), &mut of_case);
            evidence.add(of_case);
            if let Err(violation) = result {
                let (case, violation) = self.smallest(law, &mut *tree, violation);
                failure = Some(Failure::new(law, seed, format!("{case:?}"), violation));
                break;
            }
        }
        if failure.is_none() && evidence.compared() == 0 && evidence.excluded() > 0 {
            failure = Some(Failure::new(law, base, "all cases".into(), Violation::NothingCompared));
        }
        Finding::new(law, run, evidence, failure)
    }

    /// Looks for a violation. A panic of the equations is one.
    fn attempt(&self, law: Law, case: &F::Case, evidence: &mut Evidence) -> Result<(), Violation> {
        let hold = || self.family.hold(law, case, evidence);
        catch_unwind(AssertUnwindSafe(hold))
            .unwrap_or_else(|panic| Err(Violation::Panicked(message_of(&*panic))))
    }

    /// The smallest case found that still breaks the law.
    fn smallest(
        &self,
        law: Law,
        tree: &mut dyn ValueTree<Value = F::Case>,
        violation: Violation,
    ) -> (F::Case, Violation) {
        let mut smallest = (tree.current(), violation);
        let mut goes_on = tree.simplify();
        for _ in 0..ATTEMPTS {
            if !goes_on {
                break;
            }
            let case = tree.current();
            goes_on = match self.attempt(law, &case, &mut Evidence::default()) {
                Err(violation) => {
                    smallest = (case, violation);
                    tree.simplify()
                }
                Ok(()) => tree.complicate(),
            };
        }
        let (case, violation) = smallest;
        let mut in_detail = Evidence { in_detail: true, ..Evidence::default() };
        let violation = self.attempt(law, &case, &mut in_detail).err().unwrap_or(violation);
        (case, violation)
    }
}

impl<F> Debug for Check<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family: _, name, cases, seed, replay, without, only } = self;
        f.debug_struct("Check")
            .field("name", name)
            .field("cases", cases)
            .field("seed", seed)
            .field("replay", replay)
            .field("without", without)
            .field("only", only)
            .finish_non_exhaustive()
    }
}

/// The case of a seed, and the simpler cases that it shrinks to.
fn tree<C: Debug>(strategy: &BoxedStrategy<C>, seed: u64) -> Box<dyn ValueTree<Value = C>> {
    let mut bytes = [0; 32];
    for (i, part) in bytes.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&mixed(seed, i as u64).to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("the strategies here reject nothing")
}

/// A seed that depends on all bits of two numbers (the finalizer of `SplitMix64`).
fn mixed(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

/// The number in an environment variable: decimal, or hexadecimal as in reports.
fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let Ok(number) = number else { panic!("{name}={text} is not a number") };
    Some(number)
}
