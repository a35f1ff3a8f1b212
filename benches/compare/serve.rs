//! A work as a peer of another driver, by the protocol of `peers/shared.py`.

use std::io;

use crate::blocks::{answer, warm_up};
use crate::figure;
use crate::works::{Sizes, Work};

/// One size of a work, on the command line.
pub(crate) type NamedSize = (String, usize);

/// Parses `NAME=SIZE`.
pub(crate) fn named_size(text: &str) -> Result<NamedSize, String> {
    let (name, size) = text.split_once('=').ok_or("must be NAME=SIZE")?;
    let size = size.parse().map_err(|error| format!("{error}"))?;
    let known = Sizes::default().named().map(|(name, _)| name);
    match known.contains(&name) {
        true => Ok((name.to_owned(), size)),
        false => Err(format!("the sizes are {}", known.join(", "))),
    }
}

/// Takes steps of the work for each line of standard input, until the input ends.
pub(crate) fn serve(work: &Work, sizes: &[NamedSize]) -> io::Result<()> {
    let mut step = (work.prepare)(work.sizes.with(sizes));
    println!("variant\t{}\tbptt\nready", figure(&warm_up(&mut step)));
    answer(&mut [step])
}
