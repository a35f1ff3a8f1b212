//! What `inspect` measures, against finite differences, models whose memory is known, and values by hand.

use std::path::Path;

use bptt::weights::Archive;
use lm::config::Config;
use lm::inspection::{
    Activations, GradientByLag, Inspection, PROPERTIES, Places, Reading, gradient_by_lag,
    loss_by_context, properties, read, read_value, units,
};
use lm::model::LanguageModel;
use lm::text::{Tokens, Vocabulary};

/// Returns a model with these settings in TOML, and its weights changed.
fn model(settings: &str, tokens: usize, change: impl FnOnce(&mut Archive<f32>)) -> LanguageModel {
    let text = format!("[model]\n{settings}");
    let config = Config::from_toml(&text, Path::new("test")).expect("settings");
    let Config { model, regularization, .. } = &config;
    let fresh = LanguageModel::new(model, regularization, tokens, &mut bptt::rng(5));
    let mut weights = Archive::of(&fresh.expect("settings that suit each other"));
    change(&mut weights);
    LanguageModel::with_weights(model, regularization, tokens, &weights).expect("its weights")
}

const TINY: &str = "cell = \"gru\"\nlayers = 2\nhidden_size = 5\nembedding_size = 3";

fn windowed(context: usize) -> String {
    format!(
        "cell = \"window\"\nlayers = 1\nhidden_size = 6\nembedding_size = 3\ncontext = {context}"
    )
}

/// Each token occurs once, so the gradient with respect to an embedded input is that of one row of the embedding. The
/// text has one place only, after which nothing follows.
#[test]
fn gradients_by_lag_are_those_of_finite_differences() {
    const LAGS: usize = 4;
    let tokens = Tokens::from((0..=2 * LAGS as u32).collect::<Vec<_>>());
    let places = Places::draw(&tokens, LAGS, 3, 1).expect("one place");
    let found = gradient_by_lag(&model(TINY, tokens.len(), |_| ()), &tokens, &places);
    assert_eq!((found.norms.len(), found.places), (LAGS, 3));

    let loss = |row: usize, column: usize, by: f32| {
        let moved = model(TINY, tokens.len(), |weights| {
            let mut table = weights.tensor("embedding.table").expect("it has one").clone();
            table.as_mut_slice()[3 * row + column] += by;
            weights.insert("embedding.table", table);
        });
        read(&moved, &tokens, 0, usize::MAX).surprisals[2 * LAGS].expect("it has tokens before")
    };
    for (lag, norm) in found.norms.iter().enumerate() {
        let slope = |column| {
            let row = 2 * LAGS - 1 - lag;
            let by = 1.0 / 64.0;
            (loss(row, column, by) - loss(row, column, -by)) / f64::from(2.0 * by)
        };
        let expected = (0..3).map(|column| slope(column).powi(2)).sum::<f64>().sqrt();
        assert!((norm - expected).abs() < 1e-4 + 1e-2 * expected, "{lag}: {norm} {expected}");
        assert!(*norm > 1e-4, "the test would see nothing at lag {lag}");
    }
}

#[test]
fn a_window_of_n_tokens_learns_from_no_lag_beyond() {
    let tokens = Tokens::from((0..200).map(|i| i * i % 7).collect::<Vec<_>>());
    let places = Places::draw(&tokens, 16, 40, 1).expect("long enough");
    for context in [1, 3, 8] {
        let norms = gradient_by_lag(&model(&windowed(context), 7, |_| ()), &tokens, &places).norms;
        assert!(norms[..context].iter().all(|&norm| norm > 0.0), "{context}: {norms:?}");
        assert!(norms[context..].iter().all(|&norm| norm == 0.0), "{context}: {norms:?}");
    }
}

#[test]
fn shares_are_of_the_sum_of_all_norms() {
    let tokens = Tokens::from((0..200).map(|i| i * i % 7).collect::<Vec<_>>());
    let places = Places::draw(&tokens, 16, 40, 1).expect("long enough");
    let mut found = gradient_by_lag(&model(TINY, 7, |_| ()), &tokens, &places);
    found.norms = vec![6.0, 1.0, 1.0];
    assert_eq!([0, 1, 2, 3, 100].map(|lags| found.share(lags)), [0.0, 0.75, 0.875, 1.0, 1.0]);
}

/// A window of four tokens is not helped by more, and its loss then is that of reading the whole text.
#[test]
fn a_window_is_not_helped_by_what_it_does_not_see() {
    let tokens = Tokens::from((0..33).map(|i| i * i % 7).collect::<Vec<_>>());
    let model = model(&windowed(4), 7, |_| ());
    let places = Places::draw(&tokens, 16, 40, 1).expect("one place, the last"); // 2·16 tokens come before it
    let contexts = loss_by_context(&model, &tokens, &places);
    assert_eq!(contexts.iter().map(|it| it.tokens).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
    let nats: Vec<_> = contexts.iter().map(|it| it.nats).collect();
    assert!(nats[0] != nats[1] && nats[1] != nats[2], "{nats:?}");
    assert!(nats[3..].iter().all(|&it| (it - nats[2]).abs() < 1e-6), "{nats:?}");
    let whole = read(&model, &tokens, 0, usize::MAX).surprisals[32].expect("tokens before");
    assert!((nats[4] - whole).abs() < 1e-6, "{} {whole}", nats[4]);
}

#[test]
fn a_text_too_short_for_the_lags_narrows_them() {
    let of = |length: u32| Tokens::from(vec![0; length as usize]);
    assert_eq!(Places::draw(&of(2), 16, 5, 1), None);
    let places = Places::draw(&of(8), 16, 5, 1).expect("three lags");
    let model = model(TINY, 2, |_| ());
    assert_eq!(gradient_by_lag(&model, &of(8), &places).norms.len(), 3);
}

/// Whatever is skipped, the rest is read in the same state: its numbers are those of the whole reading. 300 tokens are
/// more than are read at once.
#[test]
fn a_piece_of_a_text_is_read_after_what_comes_before() {
    let tokens = Tokens::from((0..300).map(|i| i * i % 7).collect::<Vec<_>>());
    let model = model(TINY, 7, |_| ());
    let whole = read(&model, &tokens, 0, usize::MAX);
    assert_eq!(whole.surprisals.iter().position(Option::is_none), Some(0));
    assert_eq!(whole.surprisals.iter().flatten().count(), 299);
    for (skip, length) in [(0, 300), (1, 5), (127, 3), (128, 1), (290, 100), (300, 1)] {
        let kept = skip..(skip + length).min(300);
        let piece = read(&model, &tokens, skip, length);
        assert_eq!(piece.tokens, whole.tokens[kept.clone()]);
        assert_eq!(piece.surprisals.len(), kept.len());
        for (a, b) in piece.surprisals.iter().zip(&whole.surprisals[kept.clone()]) {
            assert!((a.unwrap_or(-1.0) - b.unwrap_or(-1.0)).abs() < 1e-6);
        }
        for (a, b) in piece.layers.iter().zip(&whole.layers).filter(|_| !kept.is_empty()) {
            for unit in 0..5 {
                let expected = b.of_unit(unit).skip(skip).take(length);
                assert!(a.of_unit(unit).zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
                assert_eq!(a.of_unit(unit).count(), kept.len());
            }
        }
    }
}

/// The output of an LSTM is `o ⊙ tanh c`, over all windows and after what is skipped.
#[test]
fn a_reading_of_a_value_has_that_of_the_cells() {
    let tokens = Tokens::from((0..300).map(|i| i * i % 7).collect::<Vec<_>>());
    let model = model(&TINY.replace("gru", "lstm"), 7, |_| ());
    let reading = |value| read_value(&model, &tokens, [3, 290], value).expect("it has the value");
    let [h, o, c] = [None, Some("o"), Some("c")].map(reading);
    assert_eq!(h, read(&model, &tokens, 3, 290));
    for (layer, unit) in [(0, 0), (1, 4)] {
        let of = |reading: &Reading| reading.layers[layer].of_unit(unit).collect::<Vec<_>>();
        let [h, o, c] = [&h, &o, &c].map(of);
        assert_eq!((h.len(), c.len()), (290, 290));
        for ((h, o), c) in h.iter().zip(o).zip(c) {
            assert!((h - o * c.tanh()).abs() < 1e-6, "{h} {o} {c}");
        }
    }
    let unknown = read_value(&model, &tokens, [0, 9], Some("z")).expect_err("no such gate");
    let told = unknown.to_string();
    assert_eq!(told, "the cells of this model have no value `z`: they have f, i, g, c, o, h");
}

#[test]
fn properties_are_those_after_the_last_character_of_a_token() {
    let of = |name| {
        let tokens = ["a (\"", "B", "\"", ")\n", "  ", "7", "\n\n"].map(str::to_owned);
        let index = PROPERTIES.iter().position(|it| *it == name).expect("a property");
        properties(&tokens)[index].clone()
    };
    assert_eq!(of("inside quotes"), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(of("position in line"), [4.0, 5.0, 6.0, 0.0, 2.0, 3.0, 0.0]);
    assert_eq!(of("line break"), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(of("indentation"), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(of("upper case"), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(of("white space"), [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
    assert_eq!(of("digit"), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(of("depth of brackets"), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Four units over a text: one that is on inside quotes, one against it, one that is constant, and noise.
fn reading() -> (Vec<String>, Reading) {
    let text = "he said \"no\" and <b>\"what\"</b> he & she \"did\" was not said.\n".repeat(8);
    let tokens: Vec<String> = text.chars().map(String::from).collect();
    let quoted = &properties(&tokens)[0];
    let noise = (0_u32..).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0);
    let values = quoted.iter().zip(noise);
    let values =
        values.flat_map(|(&quoted, noise)| [quoted as f32, 1.0 - 3.0 * quoted as f32, 0.5, noise]);
    let layers = vec![Activations::new(4, values.collect())];
    let surprisals = (0..tokens.len()).map(|i| (i > 0).then_some(1.5)).collect();
    let known = Vocabulary::characters(text.chars()).expect("some");
    (tokens, Reading { tokens: known.encode(&text).expect("its own"), surprisals, layers })
}

#[test]
fn units_are_ranked_by_their_correlation_with_a_property() {
    let (tokens, reading) = reading();
    let found = units(&reading.layers, &properties(&tokens), 1);
    let r: Vec<_> = found.units.iter().map(|it| it.correlations[0]).collect();
    assert!((r[0] - 1.0).abs() < 1e-12 && (r[1] + 1.0).abs() < 1e-12, "{r:?}");
    assert_eq!((r[2], found.units[2].variance, found.units[2].mean), (0.0, 0.0, 0.5));
    assert!(r[3].abs() < 0.1, "{r:?}");
    let best: Vec<_> = found.most_related(0, 2).iter().map(|it| it.unit).collect();
    assert!(best == [0, 1] || best == [1, 0], "{best:?}");
    assert_eq!(found.most_varied(1)[0].unit, 1);
    let digit = PROPERTIES.iter().position(|it| *it == "digit").expect("a property");
    assert!(found.most_related(digit, 4).is_empty(), "the text has none");
    assert!((0.05..0.99).contains(&found.chance[0]), "{}", found.chance[0]);
    // the share of quoted places is a mean, and its variance is p (1 − p)
    let p = found.units[0].mean;
    assert!((found.units[0].variance - p * (1.0 - p)).abs() < 1e-12);
}

fn inspection() -> Inspection {
    let (tokens, reading) = reading();
    let known = Vocabulary::characters(tokens.concat().chars()).expect("some");
    Inspection::new(["m".to_owned(), "</script><b>".to_owned()], &known, &reading, 1, 1)
}

#[test]
fn the_page_is_self_contained_and_holds_texts_as_data_only() {
    let page = inspection().to_html();
    for reference in ["src=", "href=", "url(", "@import", "<link", "file:"] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert_eq!(page.matches("</script>").count(), 2, "only the page's own");
    assert!(!page.contains("<b>") && page.contains("\\u003c/script>\\u003cb>"));
    assert_eq!(page, inspection().to_html(), "it depends on nothing else");
    let data = page.split_once("id=\"data\">").expect("its data").1;
    let data = data.split_once("</script>").expect("an end").0;
    let [data, numbers] = [data, &inspection().to_json()]
        .map(|json| serde_json::from_str::<serde_json::Value>(json).expect("JSON"));
    assert_eq!(data, numbers);
}

#[test]
fn the_page_draws_the_gradient_by_lag() {
    assert!(!inspection().to_html().contains("<svg"));
    let gradient = GradientByLag { places: 3, norms: vec![1.0, 0.1, 0.0, 0.01] };
    let page = inspection().with_lags(Some(gradient), Vec::new()).to_html();
    for text in ["lag k (tokens)", "10⁻²", "not positive or not finite"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_numbers_have_every_unit_and_the_outputs_of_the_best() {
    let inspection = inspection();
    assert_eq!(inspection.nats(), 1.5);
    let numbers: serde_json::Value = serde_json::from_str(&inspection.to_json()).expect("JSON");
    assert_eq!(numbers["units"].as_array().expect("a list").len(), 4);
    assert_eq!(numbers["surprisals"][0], serde_json::Value::Null);
    assert_eq!(numbers["surprisals"][1], 1.5);
    let shown = numbers["shown"].as_array().expect("a list");
    let length = inspection.tokens.len();
    assert!(
        shown.iter().all(|it| it["activations"].as_array().is_some_and(|it| it.len() == length))
    );
    assert!(shown.iter().any(|it| it["unit"] == 1));
}
