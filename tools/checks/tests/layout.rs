//! Source files are short, and no more than two of them import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Item, UseTree, Visibility};

/// A module by its path from the root of its crate.
type Module = Vec<String>;

const LINES: usize = 400;

fn crates() -> Vec<PathBuf> {
    let crates = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates"));
    let folders = fs::read_dir(crates).expect("a folder").map(|entry| entry.expect("an entry"));
    folders.map(|folder| folder.path().join("src")).collect()
}

/// The files below a folder, with what they hold.
fn sources(folder: &Path, module: &Module, all: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut module = module.clone();
        if !matches!(&*name, "mod" | "lib") {
            module.push(name);
        }
        if path.is_dir() {
            sources(&path, &module, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.insert(module, fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

/// What a file imports or exports again: the names, and the paths that they stand for from the root of the crate.
type Names = Vec<(String, Module)>;

/// The names that files import for themselves, and those that they export again.
fn uses(sources: &BTreeMap<Module, String>) -> BTreeMap<&Module, [Names; 2]> {
    let mut uses = BTreeMap::new();
    for (module, text) in sources {
        let mut names = [Vec::new(), Vec::new()];
        for item in syn::parse_file(text).expect("Rust").items {
            if let Item::Use(item) = item {
                let is_export = !matches!(item.vis, Visibility::Inherited);
                leaves(&item.tree, &mut Vec::new(), &mut names[usize::from(is_export)]);
            }
        }
        let resolved = |names: Names| -> Names {
            let path =
                |(name, path): (String, Module)| Some((name, resolved(&path, module, sources)?));
            names.into_iter().filter_map(path).collect()
        };
        uses.insert(module, names.map(resolved));
    }
    uses
}

/// Of every file the files that define what it imports.
fn imports(sources: &BTreeMap<Module, String>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let uses = uses(sources);
    let imported = |file: &Module| {
        let names = uses[file][0].iter();
        let origins = names.filter_map(|(_, path)| origin(path, &uses));
        origins.filter(|&origin| origin != file).collect()
    };
    uses.keys().map(|&file| (file, imported(file))).collect()
}

/// The file that defines what has this path, which others may export again.
fn origin<'a>(path: &[String], uses: &BTreeMap<&'a Module, [Names; 2]>) -> Option<&'a Module> {
    let find =
        |n: usize| uses.get_key_value(&path[..n].to_vec()).map(|(&file, uses)| (n, file, uses));
    let (n, file, [_, exports]) = (0..=path.len()).rev().find_map(find)?;
    let exported = path.get(n).and_then(|name| exports.iter().find(|(export, _)| export == name));
    match exported {
        Some((_, inner)) => origin(&[inner, &path[n + 1..]].concat(), uses),
        None => Some(file),
    }
}

fn leaves(tree: &UseTree, path: &mut Module, all: &mut Names) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path, all);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, all)),
        UseTree::Name(name) if name.ident == "self" => {
            all.push((path.last().cloned().unwrap_or_default(), path.clone()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            all.push((name.clone(), [&path[..], &[name]].concat()));
        }
        UseTree::Rename(name) => {
            let path = [&path[..], &[name.ident.to_string()]].concat();
            all.push((name.rename.to_string(), path));
        }
        UseTree::Glob(_) => all.push((String::new(), path.clone())),
    }
}

/// The path from the root of the crate. Other paths lead to other crates.
fn resolved(
    path: &[String],
    module: &[String],
    sources: &BTreeMap<Module, String>,
) -> Option<Module> {
    let (first, mut rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => vec![],
        "self" => module.to_vec(),
        "super" => module[..module.len() - 1].to_vec(),
        child => {
            let child = [module, &[child.to_owned()]].concat();
            sources.contains_key(&child).then_some(child)?
        }
    };
    while let Some((first, more)) = rest.split_first()
        && first == "super"
    {
        base.pop();
        rest = more;
    }
    Some([&base, rest].concat())
}

/// All files from which `file` imports, at first or second hand.
fn reached<'a>(
    file: &'a Module,
    imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(file) = waiting.pop() {
        waiting.extend(imports[file].iter().copied().filter(|&file| reached.insert(file)));
    }
    reached
}

#[test]
fn files_are_short() {
    for folder in crates() {
        let mut all = BTreeMap::new();
        sources(&folder, &vec![], &mut all);
        for (module, text) in all {
            let lines = text.lines().count();
            assert!(lines <= LINES, "{}: {module:?} has {lines} lines", folder.display());
        }
    }
}

#[test]
fn circles_have_two_files() {
    for folder in crates() {
        let mut all = BTreeMap::new();
        sources(&folder, &vec![], &mut all);
        all.retain(|module, _| !module.iter().any(|name| name == "tests"));
        let imports = imports(&all);
        let reached: BTreeMap<_, _> =
            all.keys().map(|file| (file, reached(file, &imports))).collect();
        for file in all.keys() {
            let circle: Vec<_> =
                reached[file].iter().filter(|&&other| reached[other].contains(file)).collect();
            assert!(circle.len() <= 2, "{}: a circle of {circle:?}", folder.display());
        }
    }
}
