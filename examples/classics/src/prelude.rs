//! What most programs are written with.

pub(crate) use bptt::analysis::plot::{HeatMap, Lines, Picture};
pub(crate) use bptt::prelude::*;

pub(crate) use crate::error::Result;
pub(crate) use crate::program::{Program, Text};
pub(crate) use crate::session::Session;
