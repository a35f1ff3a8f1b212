//! Studies: a claim of a text is stated and judged, over seeds.
