//! What most programs are written with.

#[allow(unused_imports)]
pub(crate) use bptt::analysis::plot::{HeatMap, Lines, Picture};
pub(crate) use bptt::prelude::*;
#[allow(unused_imports)]
pub(crate) use bptt::tasks;

pub(crate) use crate::error::Result;
pub(crate) use crate::program::{Program, Text};
pub(crate) use crate::session::Session;
