//! The guide's table of the laws is that of the code.

use std::env;
use std::fs;

use bptt_gradcheck::Law;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/test-your-cell.md");
const BEGIN: &str = "<!-- laws: begin -->\n";
const END: &str = "<!-- laws: end -->\n";

/// Set `GRADCHECK_BLESS=1` to write it anew.
#[test]
fn the_guide_lists_the_laws() {
    let guide = fs::read_to_string(GUIDE).expect("the guide");
    let (before, rest) = guide.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where it ends");
    let mut table = "| law | what is checked | what it catches |\n|---|---|---|\n".to_owned();
    for law in Law::ALL {
        table += &format!("| {law} | {} | {} |\n", law.statement(), law.catches());
    }
    let expected = [before, BEGIN, &table, END, after].concat();
    if env::var_os("GRADCHECK_BLESS").is_some() {
        fs::write(GUIDE, &expected).expect("the guide");
    }
    assert!(guide == expected, "the guide's table is not that of the code: GRADCHECK_BLESS=1");
}
