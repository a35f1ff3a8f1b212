//! Texts: units, vocabularies, files, and the windows of parallel streams that training reads.
