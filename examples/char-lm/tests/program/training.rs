//! What a run learns, and that it is the same run whatever happens to it.

use tempfile::TempDir;

use crate::support::{
    argument, bytes, char_lm, file, files, load, number, periodic, place, resumed, small, stdout,
};

/// The first number after `before`.
fn number_after(told: &str, before: &str) -> f64 {
    let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("{before} in {told}"));
    rest.split_whitespace().next().expect("a number").parse().expect("a number")
}

#[test]
fn every_kind_of_cell_learns_a_periodic_text() {
    for cell in ["lstm", "gru", "elman"] {
        let folder = TempDir::new().expect("a folder");
        let text = file(&folder, "text.txt", periodic().as_bytes());
        let flags = format!("--cell {cell} --steps 150 --validate-every 50 --dropout 0.1");
        let output = char_lm(&[small(&flags), place(&text, &files(&folder))].concat());
        let told = stdout(&output);
        let start = number_after(told, "start  step 0 of 150, ");
        let guessing = 29_f64.ln();
        assert!((start - guessing).abs() < 0.5, "{cell} starts at {start}, not near {guessing}");
        let learnt = number_after(told, &format!("2-layer {cell} of 16 "));
        assert!(learnt < 0.25 * guessing, "{cell}: {learnt} after 150 steps");
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
        let text = file(&folder, "text.txt", text.repeat(100).as_bytes());
        stdout(&char_lm(&[small("--steps 2"), place(&text, &files(&folder))].concat()));
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

#[test]
fn a_finished_run_can_be_made_longer() {
    let folder = TempDir::new().expect("a folder");
    let (text, files) = crate::support::trained(&folder);
    let longer = [resumed(&text, &files), vec!["--steps".into(), "6".into()]].concat();
    let longer = char_lm(&longer);
    assert!(stdout(&longer).contains("start  step 2 of 6"), "{}", stdout(&longer));
    assert_eq!(number(&files.checkpoint, "step"), 6);
    assert_eq!(number(&files.checkpoint, "extra.steps"), 6);
}

#[test]
fn a_diverging_run_stops_and_leaves_the_best_weights() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    // 10³ leaves every value finite, 10⁶⁰ none.
    for (rate, cause) in [("1e3", "where guessing has 3.37"), ("1e60", "parameter")] {
        let mut arguments = [small("--steps 50 --validate-every 2"), place(&text, &files(&folder))];
        let learning_rate = arguments[0].iter().position(|it| it == "0.02").expect("a rate");
        arguments[0][learning_rate] = rate.to_owned();
        let output = char_lm(&arguments.concat());
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        let error = told.lines().last().expect("an error");
        assert!(error.starts_with("error: step ") && error.contains(cause), "{error}");
        let best = files(&folder).best;
        let expected = format!("of step {}, are in {}", number(&best, "step"), argument(&best));
        assert!(error.contains("lower --learning-rate") && error.ends_with(&expected), "{error}");
        let saved = load(&best);
        assert!(saved.names().all(|name| saved.tensor(name).expect("it has it").is_finite()));
    }
}
