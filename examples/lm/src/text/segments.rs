//! Segments: the stretches into which a long text is cut for its units.

/// A text of at most this many bytes is one segment.
pub(super) const LONGEST: usize = 1 << 16;

/// Returns the segments of `text`, the same for a text that is read in pieces of any size.
///
/// A segment has at most [`LONGEST`] bytes. It ends before the last space that follows a character other than white
/// space. Patterns of byte-pair encodings join a space with what follows, so no pair spans such an end. Without such a
/// space, it ends behind the last white space, and without any white space, between two characters.
pub(super) fn segments(text: &str) -> impl Iterator<Item = &str> {
    segments_within(text, LONGEST)
}

/// Returns the segments of at most so many bytes.
pub(super) fn segments_within(mut text: &str, longest: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = if text.len() <= longest { text.len() } else { segment_end(text, longest) };
        let (segment, rest) = text.split_at(end);
        text = rest;
        (!segment.is_empty()).then_some(segment)
    })
}

/// Returns the end of the first segment of a text longer than `longest`.
fn segment_end(text: &str, longest: usize) -> usize {
    let end = (0..=longest).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let head = &text[..end];
    let mut spaces = head.rmatch_indices(' ').map(|(space, _)| space);
    let follows_word = |&space: &usize| {
        head[..space].chars().next_back().is_some_and(|character| !character.is_whitespace())
    };
    spaces
        .find(follows_word)
        .or_else(|| Some(head.trim_end_matches(|c: char| !c.is_whitespace()).len()))
        .filter(|&end| end > 0)
        .unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::read::Segments;
    use crate::text::sources::Sources;
    use crate::text::tests::{Files, read, texts};
    use crate::text::{Units, Vocabulary};

    fn words(text: &str) -> Vec<&str> {
        text.split_inclusive('\n')
            .flat_map(|line| line.split_whitespace().chain(line.ends_with('\n').then_some("\n")))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn segments_are_those_of_the_whole_text(text in texts(), longest in 4_usize..20, block in 1_usize..9) {
            let files = Files::new(&[&text]);
            let sources = Sources::find(&files.parts(Units::Words)).expect("a file");
            let streamed = Segments::within(&sources.train[0], block, longest);
            let streamed: Vec<String> = streamed.map(|it| it.expect("text")).collect();
            let text = read(&text);
            let whole: Vec<&str> = segments_within(&text, longest).collect();
            prop_assert_eq!(&streamed, &whole);
            prop_assert_eq!(whole.concat(), &text[..]);
            prop_assert!(whole.iter().all(|segment| segment.len() <= longest));
            if words(&text).iter().all(|word| word.len() < longest) {
                let segmented: Vec<&str> = whole.iter().flat_map(|segment| words(segment)).collect();
                prop_assert_eq!(segmented, words(&text));
            }
        }

        #[test]
        fn byte_pairs_end_where_a_segment_does(parts in prop::collection::vec("[ab'\n  ,1é]{0,6}[ab,1'é]", 1..20), longest in 16_usize..40) {
            let text = parts.join(" ");
            let pairs = Vocabulary::byte_pairs(std::iter::repeat_n(text.clone(), 2), 300).expect("pairs");
            let mut segmented = Vec::new();
            for segment in segments_within(&text, longest) {
                pairs.encode_segment(segment, &mut segmented).expect("any text");
            }
            prop_assert_eq!(segmented, pairs.encode(&text).expect("any text"));
        }
    }
}
