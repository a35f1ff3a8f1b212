//! Reports of training: JSON lines, TensorBoard events and a page of HTML.
