//! The page that shows an inspection.

/// The page without its data. Its script puts texts into the page as text, never as HTML.
const TEMPLATE: &str = include_str!("page.html");

/// Returns the page with data in JSON and a drawing of the gradient by lag in SVG.
///
/// An HTML parser ends a script at `</script>`, wherever it stands. In JSON `<` occurs only in texts, and there it can
/// be written as an escape sequence.
pub(super) fn page(json: &str, lags: &str) -> String {
    let (head, rest) = TEMPLATE.split_once("{{lags}}").expect("the template has a place for it");
    let (middle, tail) = rest.split_once("{{data}}").expect("the template has a place for it");
    [head, lags, middle, &json.replace('<', "\\u003c"), tail].concat()
}
