//! The page that shows an inspection.

/// The page without its data. Its script puts texts into the page as text, never as HTML.
const TEMPLATE: &str = include_str!("page.html");

/// Returns the page with data in JSON.
///
/// An HTML parser ends a script at `</script>`, wherever it stands. In JSON `<` occurs only in texts, and there it can
/// be written as an escape sequence.
pub(super) fn page(json: &str) -> String {
    let (head, tail) = TEMPLATE.split_once("{{data}}").expect("the template has a place for it");
    [head, &json.replace('<', "\\u003c"), tail].concat()
}
