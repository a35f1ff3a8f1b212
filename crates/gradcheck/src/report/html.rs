//! Reports as a self-contained page, without scripts or anything to load.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Finding, Report};
use crate::evidence::Histogram;

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --line: #d5dae2; --bar: #3b6fb5; --bad: #b3261e; --good: #2e7d32; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --paper: #14181f; --line: #353c48; --bar: #7aa7e0; --bad: #ff8a80; --good: #81c784; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { border: 1px solid var(--bad); padding: .7rem; overflow-x: auto; }
.holds { color: var(--good); } .broken { color: var(--bad); font-weight: 600; }
svg rect { fill: var(--bar); } svg line { stroke: var(--line); }
";

/// Several reports as one page. Each has a table of laws, the broken laws, and a histogram of the errors of each
/// parameter at each lag.
#[must_use]
pub fn html(title: &str, reports: &[Report]) -> String {
    let title = escaped(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    if reports.len() > 1 {
        write_contents(&mut page, reports);
    }
    for (position, report) in reports.iter().enumerate() {
        write_report(&mut page, position, report);
    }
    page.push_str("</html>\n");
    page
}

/// A table of the subjects, with links.
fn write_contents(page: &mut String, reports: &[Report]) {
    page.push_str("<table>\n<tr><th>subject<th class=\"number\">cases<th>\n");
    for (position, report) in reports.iter().enumerate() {
        let (subject, cases) = (escaped(report.subject()), report.cases());
        let verdict = verdict(report.holds());
        put(
            page,
            format_args!(
                "<tr><td><a href=\"#s{position}\">{subject}</a><td class=\"number\">{cases}<td>{verdict}\n"
            ),
        );
    }
    page.push_str("</table>\n");
}

fn write_report(page: &mut String, position: usize, report: &Report) {
    put(page, format_args!("<h2 id=\"s{position}\">{}</h2>\n", escaped(report.subject())));
    page.push_str(
        "<table>\n<tr><th>law<th>what is checked<th class=\"number\">cases<th class=\"number\">compared\
         <th class=\"number\">excluded<th class=\"number\">largest error<th>\n",
    );
    for finding in report.findings() {
        let (law, evidence) = (finding.law(), finding.evidence());
        let numbers = [
            finding.cases().to_string(),
            evidence.compared().to_string(),
            evidence.excluded().to_string(),
            format!("{:.1e}", evidence.worst()),
        ];
        let numbers = numbers.map(|number| format!("<td class=\"number\">{number}")).concat();
        let (name, statement) = (escaped(law.name()), escaped(law.statement()));
        let verdict = verdict(finding.failure().is_none());
        put(page, format_args!("<tr><td>{name}<td>{statement}{numbers}<td>{verdict}\n"));
    }
    page.push_str("</table>\n");
    for failure in report.failures() {
        put(page, format_args!("<pre>{}</pre>\n", escaped(&failure.to_string())));
    }
    for finding in report.findings() {
        write_histograms(page, finding);
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds {
        "<span class=\"holds\">holds</span>"
    } else {
        "<span class=\"broken\">broken</span>"
    }
}

/// A table of histograms, with a row for each parameter and input, and a column for each lag.
fn write_histograms(page: &mut String, finding: &Finding) {
    let errors = &finding.evidence().errors;
    if errors.is_empty() {
        return;
    }
    let lags: BTreeSet<_> = errors.keys().map(|(_, lag)| *lag).collect();
    let mut by_name: BTreeMap<&str, BTreeMap<_, &Histogram>> = BTreeMap::new();
    for ((name, lag), histogram) in errors {
        by_name.entry(name).or_default().insert(*lag, histogram);
    }
    put(
        page,
        format_args!(
            "<h3>{}: relative errors by parameter and lag</h3>\n\
         <p>Each bar is an order of magnitude, from 10<sup>{}</sup> and below to 10<sup>{}</sup>. \
         Heights are logarithmic.</p>\n<table>\n<tr><th>",
            escaped(finding.law().name()),
            Histogram::FIRST,
            Histogram::FIRST + Histogram::BINS as i32 - 1,
        ),
    );
    for lag in &lags {
        match lag {
            Some(lag) => put(page, format_args!("<th>lag {lag}")),
            None => page.push_str("<th>errors"),
        }
    }
    page.push('\n');
    for (name, row) in by_name {
        put(page, format_args!("<tr><th>{}", escaped(name)));
        for lag in &lags {
            page.push_str("<td>");
            if let Some(histogram) = row.get(lag) {
                write_bars(page, histogram);
            }
        }
        page.push('\n');
    }
    page.push_str("</table>\n");
}

/// A histogram as a drawing. Its title lists the counts.
fn write_bars(page: &mut String, histogram: &Histogram) {
    const WIDTH: usize = 8;
    const HEIGHT: f64 = 28.0;
    let width = WIDTH * Histogram::BINS;
    let counts = histogram.counts();
    let magnitude = |count: u64| (1.0 + count as f64).ln();
    let highest = counts.iter().map(|&count| magnitude(count)).fold(1.0, f64::max);
    put(
        page,
        format_args!(
            "<svg width=\"{width}\" height=\"{HEIGHT}\" role=\"img\"><title>{} entries; by order of magnitude {counts:?}\
         </title><line x1=\"0\" x2=\"{width}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>",
            histogram.total(),
        ),
    );
    for (bin, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let (x, height) = (bin * WIDTH, HEIGHT * magnitude(count) / highest);
        let (y, bar) = (HEIGHT - height, WIDTH - 1);
        put(
            page,
            format_args!("<rect x=\"{x}\" y=\"{y:.1}\" width=\"{bar}\" height=\"{height:.1}\"/>"),
        );
    }
    page.push_str("</svg>");
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes any text");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::{Law, cell, function, html};
    use bptt_layers::Elman;

    #[test]
    fn a_page_has_a_histogram_for_each_parameter_and_lag() {
        let report = cell(Elman::new).named("a < b & c").only(&[Law::Jacobian]).run();
        let page = report.html();
        assert!(page.contains("<h2 id=\"s0\">a &lt; b &amp; c</h2>"));
        // three steps at the most: each of w_ih, w_hh, b and x at three lags and the lags before them
        for heading in
            ["<tr><th>b", "<tr><th>w_ih", "<tr><th>w_hh", "<tr><th>x", "<th>lag 0", "<th>lag 2"]
        {
            assert!(page.contains(heading), "{heading} in {page}");
        }
        assert!(page.matches("<svg").count() >= 12, "{page}");
        assert!(!page.contains("http") && !page.contains("<script"), "it loads nothing");
        assert!(!page.contains("<pre>"));
    }

    #[test]
    fn a_page_of_several_says_what_is_broken() {
        let right = function(|x| x[0].tanh()).named("right").run();
        let wrong = function(|x| x[0].stop_gradient() * 2.0 + x[0]).named("wrong").run();
        let page = html("Both", &[right, wrong]);
        assert!(page.contains("<a href=\"#s1\">wrong</a>"));
        assert_eq!(page.matches("<pre>broken: Jacobian").count(), 1, "{page}");
        assert!(page.contains("the tape says    1e0"), "{page}");
    }
}
