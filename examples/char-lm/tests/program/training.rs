//! What a run learns, and that it is the same run whatever happens to it.

use bptt::Module;
use char_lm::checkpoint::Snapshot;
use char_lm::error::Error;
use char_lm::ngram::NGram;
use char_lm::train::{Divergence, Ending, Trainer};
use tempfile::TempDir;

use crate::support::{
    argument, assert_loadable, bytes, char_lm, corpus, file, files, periodic, plan, resume, run,
    small, stdout,
};

#[test]
fn every_kind_of_cell_learns_a_periodic_text() {
    let corpus = corpus(&periodic());
    let unigram = NGram::count(1, corpus.vocabulary.len(), &corpus.train);
    for cell in ["lstm", "gru", "elman"] {
        let folder = TempDir::new().expect("a folder");
        let plan = plan(&format!("--cell {cell} --steps 150 --validate-every 50 --dropout 0.1"));
        let mut trainer = Trainer::new(&corpus, plan).expect("enough text");
        let guessing = (corpus.vocabulary.len() as f64).ln();
        let start = trainer.best().score.0;
        assert!((start - guessing).abs() < 0.5, "{cell} starts at {start}, not near {guessing}");
        run(&mut trainer, &files(&folder), 150).expect("no divergence");
        let unigram = unigram.score(trainer.validation().tokens());
        let learnt = trainer.best().score;
        assert!(learnt.0 < 0.25 * unigram.0, "{cell}: {learnt:?} after 150 steps, {unigram:?}");
    }
}

#[test]
fn a_model_is_trained_judged_and_lets_write() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let out = argument(&folder.path().join("made/for it/model.safetensors"));
    let flags = format!("--steps 120 --validate-every 60 --text {text}");
    let told = char_lm(&[small(&flags), vec!["--out".into(), out.clone()]].concat());
    let told = stdout(&told);
    assert!(told.contains("model  2-layer lstm of 16, "), "{told}");
    assert!(told.contains(&format!("best weights, of step 120: {out}\n")), "{told}");
    let table = |told: &str| {
        let rows = told.lines().skip_while(|line| !line.starts_with("validation loss")).take(3);
        rows.map(str::to_owned).collect::<Vec<_>>()
    };

    let judged = char_lm(&["eval", "--weights", &out, "--text", &text]);
    assert_eq!(table(stdout(&judged)), table(told), "the same model on the same text");
    assert_eq!(table(told).len(), 3, "{told}");
    let counted = "\nThe 4-gram model is counted on the rest of this same text.\n";
    assert!(stdout(&judged).ends_with(counted), "{}", stdout(&judged));

    let generate = |more: &[&str]| {
        let arguments = ["generate", "--weights", &out, "--prime", "the quick ", "--length", "30"];
        stdout(&char_lm(&[&arguments, more].concat())).to_owned()
    };
    let likeliest = generate(&["--top-k", "1"]);
    assert_eq!(likeliest, "the quick brown fox jumps over the lazy \n");
    let free = |seed: &str| generate(&["--temperature", "3", "--seed", seed]);
    assert_eq!(free("1"), free("1"));
    assert_ne!(free("1"), free("2"));
}

#[test]
fn without_a_prime_a_new_line_is_continued() {
    for (text, start) in [("\tx = 1;\n", "\n"), ("yzyx", "x")] {
        let folder = TempDir::new().expect("a folder");
        let corpus = corpus(&text.repeat(100));
        let mut trainer = Trainer::new(&corpus, plan("--steps 2")).expect("enough text");
        run(&mut trainer, &files(&folder), 2).expect("no divergence");
        let out = argument(&files(&folder).best);
        let free = char_lm(&["generate", "--weights", &out]);
        let primed = char_lm(&["generate", "--weights", &out, "--prime", start]);
        assert_eq!(format!("{start}{}", stdout(&free)), stdout(&primed));
    }
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let train = |name: &str, seed: u32, threads: u32| {
        let out = folder.path().join(name).with_extension("safetensors");
        let flags = "--steps 3 --validate-every 2 --hidden 96 --batch 24 --window 32 --dropout 0.2";
        let flags = format!("{flags} --text {text} --seed {seed} --threads {threads}");
        let arguments = format!("{flags} --out {}", argument(&out));
        stdout(&char_lm(&arguments.split(' ').collect::<Vec<_>>()));
        bytes(&out)
    };
    let one = train("one", 1, 1);
    assert!(one == train("again", 1, 1), "another run");
    assert!(one == train("two", 1, 2), "two threads");
    assert!(one == train("five", 1, 5), "five threads");
    assert!(one != train("other", 2, 1), "another seed");
}

/// 2430 characters to learn from make 38 windows a pass, so the run crosses from one pass to the
/// next; it is stopped in the first pass, at its end, after it, and between measurements.
#[test]
fn a_resumed_run_ends_like_one_that_never_stopped() {
    let alike = corpus(&periodic());
    // The more is learnt from it, the worse it predicts its own end, so that early weights are best.
    let misleading = corpus(&("abc".repeat(810) + &"cba".repeat(90)));
    for (cell, corpus) in [("lstm", &alike), ("gru", &alike), ("elman", &misleading)] {
        let plan = plan(&format!("--cell {cell} --steps 47 --validate-every 10 --dropout 0.3"));
        let whole = TempDir::new().expect("a folder");
        let mut trainer = Trainer::new(corpus, plan.clone()).expect("enough text");
        let ending = run(&mut trainer, &files(&whole), usize::MAX).expect("no divergence");
        assert_eq!((ending, trainer.steps_done()), (Ending::Finished, 47));
        assert_eq!(trainer.best().step, if cell == "elman" { 0 } else { 47 });

        let parts = TempDir::new().expect("a folder");
        let mut trainer = Trainer::new(corpus, plan).expect("enough text");
        for steps in [0, 3, 17, 18, 5, 4] {
            let ending = run(&mut trainer, &files(&parts), steps).expect("no divergence");
            let left = trainer.steps_done() < 47;
            assert_eq!(ending == Ending::Interrupted, left);
            assert_loadable(&files(&parts));
            trainer = resume(corpus, &files(&parts)).expect("its own checkpoint");
        }
        assert_eq!(trainer.steps_done(), 47);
        let [whole, parts] = [files(&whole), files(&parts)];
        assert!(bytes(&whole.best) == bytes(&parts.best), "{cell}: the best weights");
        assert!(bytes(&whole.checkpoint) == bytes(&parts.checkpoint), "{cell}: the run");

        // As if killed after the checkpoint was saved and before the best weights were.
        std::fs::remove_file(&parts.best).expect("it was there");
        run(&mut trainer, &parts, 0).expect("nothing left to do");
        assert!(bytes(&whole.best) == bytes(&parts.best), "{cell}: the best weights again");
    }
}

#[test]
fn a_finished_run_can_be_made_longer() {
    let corpus = corpus(&periodic());
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let mut trainer = Trainer::new(&corpus, plan("--steps 4")).expect("enough text");
    run(&mut trainer, &files(&folder), 4).expect("no divergence");
    let out = argument(&files(&folder).best);
    let longer = char_lm(&["--resume", "--text", &text, "--out", &out, "--steps", "6"]);
    assert!(stdout(&longer).contains("start  step 4 of 6"), "{}", stdout(&longer));
    let note = String::from_utf8_lossy(&longer.stderr);
    assert!(note.contains("note: 6 steps instead of 4: the learning rate goes on"), "{note}");
    assert_eq!(resume(&corpus, &files(&folder)).expect("it was saved").steps_done(), 6);
}

#[test]
fn a_diverging_run_stops_and_leaves_the_best_weights() {
    let corpus = corpus(&periodic());
    let folder = TempDir::new().expect("a folder");
    // 10³ leaves every value finite, 10⁶⁰ none.
    for rate in ["1e3", "1e60"] {
        let mut plan = plan("--steps 50 --validate-every 2");
        plan.settings.learning_rate = rate.parse().expect("a number");
        let mut trainer = Trainer::new(&corpus, plan).expect("enough text");
        let error = run(&mut trainer, &files(&folder), 50).expect_err("divergence");
        let message = error.to_string();
        let Error::Diverged { fault, best_step, best } = error else { panic!("{message}") };
        let expected = match (rate, fault) {
            ("1e3", Divergence::Loss { step, loss, guessing }) => {
                assert!(loss > guessing && step < 50, "{message}");
                format!("step {step}: a loss of {loss} nats, where guessing has {guessing:.2}: ")
            }
            ("1e60", Divergence::Value { step, fault }) => {
                assert_eq!(fault.operation(), "parameter");
                format!("step {step}: {fault}: ")
            }
            _ => panic!("{message}"),
        };
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.contains("lower --learning-rate"), "{message}");

        assert_loadable(&files(&folder));
        let saved = Snapshot::load(&best).expect("complete");
        assert_eq!(saved.step, best_step);
        let good = saved.model().expect("its own weights").score(trainer.validation());
        assert_eq!(good, saved.score, "the weights are those of that loss");
        let finite = |model: &dyn Module<f32>| {
            let parameters = model.parameters();
            parameters.iter().all(|(_, p)| p.value().as_slice().iter().all(|w| w.is_finite()))
        };
        assert!(finite(&saved.model().expect("its own weights")));
    }
}
