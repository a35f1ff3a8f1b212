//! What was found, as a page.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use bptt_gradcheck::Law;

use crate::Found;

const INTRODUCTION: &str = "# What the gradient kit finds

`bptt-gradcheck` is tested on bugs. Each row is one, put into an operation or a cell whose correct twin obeys all the
laws that it is held to; the kit must find them all, and every law must find one. Cells are held to them in few cases, and
not to the second and third order, which cost more than all other laws together. *Found in* is the text that prints the
fault (see [Test your cell][test-your-cell.md]), *common* where it is an ordinary one. The case is the smallest that
breaks the first of the laws.

[test-your-cell.md]: test-your-cell.md

This page is written by the test itself:

```text
GRADCHECK_BLESS=1 cargo test -p bptt-gradcheck --test mutants
```
";

const LAWS: &str = "
## What each law is for

How many mutants break a law, and which ones nothing else would have found.

| law | breaks in | alone |
|---|---|---|
";

pub(crate) fn markdown(all: &[Found]) -> String {
    let mut page = format!("{INTRODUCTION}\nMutants: {}. Killed: all.\n", all.len());
    let mut subject = "";
    for found in all {
        if found.subject != subject {
            subject = found.subject;
            let head = "| mutant | what is wrong | found in | killed by | smallest case |\n|---|---|---|---|---|";
            line(&mut page, format_args!("\n## `{subject}`\n\n{head}"));
        }
        let laws: Vec<_> = found.killed_by.iter().map(|law| law.name()).collect();
        let (laws, mutant, case) = (laws.join(", "), &found.mutant, &found.case);
        line(
            &mut page,
            format_args!(
                "| {} | {} | {} | {laws} | `{case}` |",
                mutant.name, mutant.wrong, mutant.source
            ),
        );
    }
    page.push_str(LAWS);
    for law in Law::ALL {
        let by_it: Vec<_> = all.iter().filter(|found| found.killed_by.contains(law)).collect();
        let alone: Vec<_> = by_it
            .iter()
            .filter(|found| found.killed_by.len() == 1)
            .map(|found| found.mutant.name)
            .collect();
        line(&mut page, format_args!("| {law} | {} | {} |", by_it.len(), alone.join(", ")));
    }
    page
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a string takes any text");
}

/// Compares the page with the one in `docs`, or writes it there.
pub(crate) fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gradcheck-mutants.md");
    if env::var_os("GRADCHECK_BLESS").is_some() {
        fs::write(&path, page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    for (n, (written, found)) in written.lines().zip(page.lines()).enumerate() {
        assert_eq!(written, found, "{}:{}: see GRADCHECK_BLESS", path.display(), n + 1);
    }
    assert_eq!(
        written.lines().count(),
        page.lines().count(),
        "{}: see GRADCHECK_BLESS",
        path.display()
    );
}
