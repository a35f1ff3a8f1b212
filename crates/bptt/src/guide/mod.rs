//! The guides: how to begin, what the library offers, and how it works.
//!
//! Begin with the [quickstart]. This module exists in the documentation only.

// The guides are in `docs/` of the repository, as a book of their own. There, `[text][cells.md]` leads to a file. Here,
// it leads to a module: the first of two definitions of a link counts, and `links.md` comes first.
macro_rules! guides {
    ($($(#[$condition:meta])? $name:ident $file:literal)*) => {$(
        $(#[$condition])?
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/", $file))]
        pub mod $name {}
    )*};
}

guides! {
    quickstart "quickstart.md"
    cells "cells.md"
    sequences "sequences.md"
    training "training.md"
    #[cfg(any(doc, feature = "trainers"))] // its examples need the feature
    trainers "trainers.md"
    #[cfg(any(doc, feature = "tasks"))] // its examples need the feature
    tasks "tasks.md"
    weights "weights.md"
    #[cfg(any(doc, feature = "onnx"))] // its examples need the feature
    onnx "onnx.md"
    pretrained "pretrained.md"
    language_models "language-models.md"
    write_a_cell "write-a-cell.md"
    test_your_cell "test-your-cell.md"
    #[cfg(any(doc, feature = "record"))] // its examples need the feature
    see_inside "see-inside.md"
    explorer "explorer.md"
    how_the_tape_works "how-the-tape-works.md"
    how_scan_works "how-scan-works.md"
    performance "performance.md"
    architecture "architecture.md"
    add_an_operation "add-an-operation.md"
    gradcheck_mutants "gradcheck-mutants.md"
    decisions "decisions.md"
    glossary "glossary.md"
}
