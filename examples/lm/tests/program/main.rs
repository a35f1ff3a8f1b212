//! The program as a user starts it: what it tells, runs that are stopped at any moment, and files that are not what they
//! should be.

mod damage;
mod eval;
mod full;
mod kills;
mod lines;
mod support;
