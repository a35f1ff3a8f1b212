//! The rules of words, on texts in the forms of the Penn Treebank and of `WikiText`.

use super::*;

/// In Mikolov's form of the Penn Treebank, a line is a sentence between spaces.
const TREEBANK: &str =
    " aer banknote berlitz calloway \n pierre <unk> N years old \n mr. <unk> is \n";

#[test]
fn a_sentence_of_the_penn_treebank_ends_with_its_line() {
    let files = Files::new(&[TREEBANK, " mr. pierre is old \n mr. vinken N \n"]);
    let corpus = files.open(&files.parts(Units::Words)).expect("a corpus");
    assert_eq!(corpus.train.tokens.len(), 4 + 5 + 3 + 3);
    assert_eq!(corpus.vocabulary.len(), 10 + 2, "ten words, <unk>, <eos>");
    assert_eq!(
        decoded(&corpus, &corpus.train),
        "aer banknote berlitz calloway\npierre <unk> N years old\nmr. <unk> is\n"
    );
    assert_eq!(decoded(&corpus, &corpus.validation), "mr. pierre is old\nmr. <unk> N\n");
    assert_eq!((corpus.train.words, corpus.validation.words), (15, 9));
    assert_eq!(corpus.train.characters, TREEBANK.len() as u64);
}

#[test]
fn blank_lines_and_headings_of_wikitext_are_lines() {
    let text =
        " \n = Valkyria Chronicles III = \n \n The game 's 3 @,@ 000 role @-@ playing <unk> . \n";
    let files = Files::new(&[text, " \n"]);
    let corpus = files.open(&files.parts(Units::Words)).expect("a corpus");
    assert_eq!(corpus.train.tokens.len(), 1 + (5 + 1) + 1 + (11 + 1));
    assert_eq!(corpus.vocabulary.len(), 14 + 2, "both `=` are one word");
    assert_eq!(decoded(&corpus, &corpus.validation), "\n");
}

#[test]
fn frequent_words_come_first_and_ties_in_order() {
    let files = Files::new(&["b a c b\nb a <unk>", "a\n"]);
    let corpus = files.open(&files.parts(Units::Words)).expect("a corpus");
    assert_eq!(corpus.vocabulary.to_string(), "words\nb\n<eos>\na\n<unk>\nc");
    assert_eq!(corpus.train.tokens.to_vec(), [0, 2, 4, 0, 1, 0, 2, 3, 1], "the end ends the line");
}

#[test]
fn rare_words_are_counted_as_unknown() {
    let files = Files::new(&["a a a a b b b c c d e\n", "a z\n"]);
    let vocabulary = |min_count, vocabulary_size| {
        let settings = TextSettings { min_count, vocabulary_size, ..files.parts(Units::Words) };
        files.open(&settings).expect("a corpus").vocabulary.to_string()
    };
    assert_eq!(vocabulary(1, None), "words\na\nb\nc\n<eos>\nd\ne\n<unk>");
    assert_eq!(vocabulary(2, None), "words\na\nb\n<unk>\nc\n<eos>");
    assert_eq!(vocabulary(1, Some(4)), "words\n<unk>\na\nb\n<eos>");
    assert_eq!(vocabulary(3, Some(5)), "words\n<unk>\na\nb\n<eos>");
    assert_eq!(vocabulary(1, Some(2)), "words\n<unk>\n<eos>");
    assert_eq!(vocabulary(1, Some(100)), vocabulary(1, None));
}

#[test]
fn a_prime_does_not_end_its_line() {
    let files = Files::new(&[TREEBANK, "N"]);
    let vocabulary = files.open(&files.parts(Units::Words)).expect("a corpus").vocabulary;
    let tokens = vocabulary.encode("mr. pierre").expect("words");
    assert_eq!(vocabulary.decode(&tokens), "mr. pierre");
    assert_eq!(vocabulary.token_text(tokens[1]), "pierre");
}
