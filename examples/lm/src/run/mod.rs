//! The folder of a run: its configuration, log, weights and report.
