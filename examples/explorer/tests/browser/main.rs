//! The page in a headless browser, as its user sees it.
//!
//! The browser is the program that the variable `CHROME` names, or else the first Chromium or Chrome on the `PATH`. If
//! there is none, or the variable is empty, every test is ignored and a banner says so. One browser runs all tests. Each test
//! has a server and a private context of its own, and fails if a tab logs an error or asks another origin for anything.
//!
//! Variables: `CHROME` names the browser, `AXE` the file of axe-core for the test `axe`, and `EXPLORER_PICTURES` the
//! folder for the pictures of the guide.

mod accessibility;
mod address;
mod frames;
mod harness;
mod keyboard;
mod layout;
mod pictures;
mod restart;
mod settings;
mod tour;
mod training;
mod values;
mod views;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::run([
        harness::TESTS,
        training::TESTS,
        settings::TESTS,
        address::TESTS,
        restart::TESTS,
        views::TESTS,
        values::TESTS,
        tour::TESTS,
        keyboard::TESTS,
        accessibility::TESTS,
        layout::TESTS,
        frames::TESTS,
        pictures::TESTS,
    ])
}
