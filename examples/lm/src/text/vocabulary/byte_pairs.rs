//! Byte-pair encoding (Sennrich, Haddow and Birch, 2016) of UTF-8 bytes, by the `tokenizers` crate.

use serde::Deserialize;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::Split;
use tokenizers::processors::PostProcessorWrapper;

use crate::text::error::InvalidVocabulary;

/// A byte-level tokenizer that loses nothing: the bytes of the tokens of a text are the text's.
#[derive(Clone, Debug)]
pub(super) struct BytePairs {
    tokenizer: Box<Tokenizer>,
    /// The bytes of each token.
    bytes: Vec<Box<[u8]>>,
    /// The tokenizer in its own form, JSON.
    json: String,
}

impl PartialEq for BytePairs {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl BytePairs {
    /// Learns at most `size` tokens from a text that comes in segments: the 256 bytes, and the most frequent pairs.
    pub(super) fn train(
        segments: impl Iterator<Item = String> + Send,
        size: usize,
    ) -> Result<Self, InvalidVocabulary> {
        let bytes = ByteLevel::alphabet().into_iter().collect();
        let trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(size)
            .min_frequency(2)
            .initial_alphabet(bytes)
            .build();
        let mut tokenizer = Tokenizer::new(BPE::default());
        let whole = ByteLevel::default().add_prefix_space(false);
        tokenizer.with_pre_tokenizer(Some(whole)).with_decoder(Some(whole));
        tokenizer.train(&mut TrainerWrapper::from(trainer), segments)?;
        Self::new(tokenizer)
    }

    /// Reads a `tokenizer.json`.
    pub(super) fn parse(json: &str) -> Result<Self, InvalidVocabulary> {
        let affixes: Affixes = serde_json::from_str(json).map_err(tokenizers::Error::from)?;
        // Read first, because the tokenizer's own reader panics at some prefixes.
        let affixes = [affixes.model.continuing_subword_prefix, affixes.model.end_of_word_suffix];
        if affixes.iter().flatten().any(|affix| !affix.is_empty()) {
            return Err(unsupported("its tokens have prefixes or suffixes"));
        }
        Self::new(json.parse()?)
    }

    fn new(mut tokenizer: Tokenizer) -> Result<Self, InvalidVocabulary> {
        expect_lossless(&tokenizer)?;
        tokenizer.with_truncation(None)?;
        tokenizer.with_padding(None).with_post_processor(None::<PostProcessorWrapper>);
        let bytes = bytes_of_tokens(&tokenizer)?;
        let json = tokenizer.to_string(false)?;
        Ok(Self { tokenizer: Box::new(tokenizer), bytes, json })
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn json(&self) -> &str {
        &self.json
    }

    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        &self.bytes[token as usize]
    }

    pub(super) fn encode(&self, segment: &str, tokens: &mut Vec<u32>) {
        let encoding = self.tokenizer.encode_fast(segment, false);
        tokens.extend_from_slice(encoding.expect("every byte has a token").get_ids());
    }
}

/// What the reader of the tokenizer trusts.
#[derive(Deserialize)]
struct Affixes {
    model: ModelAffixes,
}

#[derive(Deserialize)]
struct ModelAffixes {
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
}

/// Refuses a tokenizer that can change a text, or draws its tokens at random.
fn expect_lossless(tokenizer: &Tokenizer) -> Result<(), InvalidVocabulary> {
    let ModelWrapper::BPE(model) = tokenizer.get_model() else {
        return Err(unsupported("it is no byte-pair encoding"));
    };
    if model.dropout.is_some_and(|dropout| dropout > 0.0) || model.byte_fallback {
        return Err(unsupported("it has dropout or a fallback to bytes"));
    }
    if tokenizer.get_normalizer().is_some() {
        return Err(unsupported("it normalizes text"));
    }
    let splits = match tokenizer.get_pre_tokenizer() {
        Some(PreTokenizerWrapper::Sequence(sequence)) => sequence.as_ref(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let is_whole = |split: &PreTokenizerWrapper| match split {
        PreTokenizerWrapper::Split(Split { behavior, .. }) => {
            *behavior != tokenizers::SplitDelimiterBehavior::Removed
        }
        PreTokenizerWrapper::Digits(_) => true,
        _ => false,
    };
    match splits {
        [before @ .., PreTokenizerWrapper::ByteLevel(last)]
            if before.iter().all(is_whole) && !last.add_prefix_space => {}
        _ => return Err(unsupported("it does not split text into bytes, unchanged")),
    }
    let added = tokenizer.get_added_tokens_decoder();
    if added.values().any(|token| token.lstrip || token.rstrip || token.content.is_empty()) {
        return Err(unsupported("it has tokens that take the white space beside them"));
    }
    Ok(())
}

/// Returns the bytes that each token stands for. An added token is its own text, so the pairs may make it of the same
/// bytes alone.
fn bytes_of_tokens(tokenizer: &Tokenizer) -> Result<Vec<Box<[u8]>>, InvalidVocabulary> {
    let pairs = tokenizer.get_vocab(false);
    let vocabulary = tokenizer.get_vocab(true);
    let added = tokenizer.get_added_tokens_decoder();
    let mut bytes = vec![None; vocabulary.len()];
    for (token, id) in &vocabulary {
        let of_pairs: Option<Box<[u8]>> = token.chars().map(byte_of).collect();
        let of_text = added.get(id).map(|added| Box::from(added.content.as_bytes()));
        let of_token = match of_text {
            None => of_pairs,
            Some(of_text) if of_pairs.as_ref() == Some(&of_text) => of_pairs,
            Some(of_text) => (!pairs.contains_key(token)).then_some(of_text),
        };
        match (bytes.get_mut(*id as usize), of_token) {
            (Some(place @ None), Some(of_token)) => *place = Some(of_token),
            _ => return Err(unsupported("its tokens are not bytes, numbered without gaps")),
        }
    }
    if (0..=u8::MAX).any(|byte| !pairs.contains_key(&*char_of(byte).to_string())) {
        return Err(unsupported("it lacks tokens for some bytes"));
    }
    Ok(bytes.into_iter().flatten().collect())
}

/// Returns the character that stands for a byte in byte-level vocabularies (Radford et al., 2019): itself if it is
/// printed with a width in Latin-1, and else the next one from U+0100.
fn char_of(byte: u8) -> char {
    let code = match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u32::from(byte),
        0x00..=0x20 => 0x100 + u32::from(byte),
        0x7f..=0xa0 => 0x121 + u32::from(byte) - 0x7f,
        0xad => 0x143,
    };
    char::from_u32(code).expect("below the surrogates")
}

/// The inverse of [`char_of`].
fn byte_of(character: char) -> Option<u8> {
    let byte = match u32::from(character) {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => code,
        code @ 0x100..=0x120 => code - 0x100,
        code @ 0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

fn unsupported(what: &str) -> InvalidVocabulary {
    InvalidVocabulary::Tokenizer(format!(
        "{what}; give one of byte-level byte-pair encoding, as GPT-2's"
    ))
}

impl From<tokenizers::Error> for InvalidVocabulary {
    fn from(error: tokenizers::Error) -> Self {
        Self::Tokenizer(error.to_string())
    }
}
