//! Every link in a document leads somewhere, and every path that a document names exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{BrokenLink, Event, LinkType, Options, Parser, Tag, TagEnd};

/// Pages that will exist with the first release.
const FUTURE: [&str; 2] = ["crates.io/crates/bptt", "docs.rs/bptt"];

struct Document {
    /// From the root of the repository.
    path: PathBuf,
    links: Vec<Link>,
    /// Inline code.
    code: Vec<String>,
    /// The fragments of its headings.
    headings: Vec<String>,
}

struct Link {
    to: String,
    label: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn documents() -> BTreeMap<PathBuf, Document> {
    let mut all = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let (name, kind) = (entry.file_name(), entry.file_type().expect("a kind"));
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            if kind.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(".md") {
                let text = fs::read_to_string(root().join(&path)).expect("UTF-8");
                all.insert(path.clone(), document(path, &text));
            }
        }
    }
    all
}

fn document(path: PathBuf, text: &str) -> Document {
    let mut document = Document { path, links: vec![], code: vec![], headings: vec![] };
    let mut heading = None;
    let undefined = |link: BrokenLink<'_>| {
        let is_link = link.link_type == LinkType::Reference; // `[B, H]` is none
        is_link.then(|| (format!("undefined label {}", link.reference).into(), "".into()))
    };
    let options = Options::ENABLE_TABLES;
    for event in Parser::new_with_broken_link_callback(text, options, Some(undefined)) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                document.headings.extend(heading.take().map(|text| fragment(&text)));
            }
            Event::Start(Tag::Link { dest_url, id, .. } | Tag::Image { dest_url, id, .. }) => {
                document.links.push(Link { to: dest_url.into_string(), label: id.into_string() });
            }
            Event::Text(text) => heading.iter_mut().for_each(|heading| *heading += &text),
            Event::Code(text) => {
                heading.iter_mut().for_each(|heading| *heading += &text);
                document.code.push(text.into_string());
            }
            _ => {}
        }
    }
    document
}

/// What a link to a heading ends with.
fn fragment(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// `path` without `..`, as seen from the root.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        if component == Component::ParentDir {
            path.pop();
        } else {
            path.push(component);
        }
        path
    })
}

fn is_guide(path: &Path) -> bool {
    path.parent() == Some(Path::new("docs")) && path != Path::new("docs/SUMMARY.md")
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    let mut faults = Vec::new();
    for document in documents.values() {
        for link in &document.links {
            let mut fault = |what: &str| {
                faults.push(format!("{}: {}: {what}", document.path.display(), link.to));
            };
            if link.to.contains("://") {
                if FUTURE.iter().any(|page| link.to.contains(page)) {
                    fault("has no page before the first release");
                }
                continue;
            }
            let (file, heading) = link.to.split_once('#').unwrap_or((&link.to, ""));
            let folder = document.path.parent().expect("a file lies in a folder");
            let target = match file {
                "" => document.path.clone(),
                _ => normalized(&folder.join(file)),
            };
            if !root().join(&target).exists() {
                fault("no such file");
            } else if !heading.is_empty()
                && !documents
                    .get(&target)
                    .is_some_and(|to| to.headings.iter().any(|h| h == heading))
            {
                fault("no such heading");
            }
        }
    }
    assert_none(&faults);
}

/// The guides are hosted as modules of `bptt::guide`, where a link to a file leads nowhere. There, links are resolved
/// by their labels.
#[test]
fn links_between_guides_are_labelled() {
    let labels = root().join("crates/bptt/src/guide/links.md");
    let labels = fs::read_to_string(labels).expect("the labels");
    let mut faults = Vec::new();
    for document in documents().values().filter(|document| is_guide(&document.path)) {
        for link in document.links.iter().filter(|link| !link.to.contains("://")) {
            let Link { to, label } = link;
            let mut fault = |mend: String| {
                faults.push(format!("{}: {to}: {mend}", document.path.display()));
            };
            let (file, heading) = to.split_once('#').unwrap_or((to, ""));
            if file.is_empty() || file.starts_with("figures/") {
                continue; // in the module, the description of a figure stands for it
            }
            if label != to {
                fault(format!("write [text][{to}], and below the text [{to}]: {to}"));
            }
            let module = file.trim_end_matches(".md").replace('-', "_");
            let heading = if heading.is_empty() { String::new() } else { format!("#{heading}") };
            let definition = format!("[{to}]: crate::guide::{module}{heading}");
            if !labels.lines().any(|line| line == definition) {
                fault(format!("crates/bptt/src/guide/links.md lacks {definition}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn guides_are_listed() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the summary");
    let modules = fs::read_to_string(root().join("crates/bptt/src/guide/mod.rs")).expect("modules");
    let mut faults = Vec::new();
    for path in documents().into_keys().filter(|path| is_guide(path)) {
        let file = path.file_name().expect("a name").to_string_lossy();
        if !summary.contains(&format!("({file})")) {
            faults.push(format!("docs/SUMMARY.md lacks {file}"));
        }
        if !modules.contains(&format!("\"{file}\"")) {
            faults.push(format!("crates/bptt/src/guide/mod.rs lacks {file}"));
        }
    }
    assert_none(&faults);
}

/// Inline code that begins with a folder of the root is a path.
#[test]
fn paths_exist() {
    let mut faults = Vec::new();
    for document in documents().values() {
        for code in document.code.iter().filter(|code| !code.contains([' ', '*', '{', '…'])) {
            let Some((folder, _)) = code.split_once('/') else { continue };
            let known = ["crates", "docs", "examples", "benches", "tools", ".ci", "fuzz"];
            if known.contains(&folder) && !root().join(code).exists() {
                faults.push(format!("{}: no {code}", document.path.display()));
            }
        }
    }
    assert_none(&faults);
}
