//! LLVM's compiler for many small functions at once. What its back end refuses is left out, with what it says.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::tool;

/// A function, and what it needs in its module.
#[derive(Clone)]
pub struct Function {
    pub name: String,
    pub text: String,
    /// Whether it is compiled alone.
    pub alone: bool,
}

/// Functions in a module: a crash of the compiler costs as much time again.
const MODULE: usize = 400;

/// Compiles functions into object files, or into what a `-filetype` among the arguments says; gives those, and why functions
/// are missing in them.
///
/// Each module begins with `prelude`.
pub fn compile(
    folder: &Path,
    prelude: &str,
    functions: Vec<Function>,
    arguments: &[String],
) -> (Vec<PathBuf>, BTreeMap<String, String>) {
    let (mut objects, mut refused) = (Vec::new(), BTreeMap::new());
    let (alone, together): (Vec<_>, Vec<_>) = functions.into_iter().partition(|function| function.alone);
    for part in together.chunks(MODULE).chain(alone.chunks(1)) {
        module(folder, prelude, part.to_vec(), arguments, &mut objects, &mut refused);
    }
    (objects, refused)
}

fn module(
    folder: &Path,
    prelude: &str,
    mut functions: Vec<Function>,
    arguments: &[String],
    objects: &mut Vec<PathBuf>,
    refused: &mut BTreeMap<String, String>,
) {
    while !functions.is_empty() {
        let source = folder.join(format!("{}.ll", objects.len()));
        let object = folder.join(format!("{}.o", objects.len()));
        let text: String = functions.iter().map(|function| function.text.as_str()).collect();
        fs::write(&source, format!("{prelude}\n{text}\n!0 = !{{}}\n")).unwrap();
        let output = Command::new(tool("llc").expect("the tool is there"))
            .args(arguments.iter().all(|argument| !argument.starts_with("-filetype=")).then_some("-filetype=obj"))
            .arg("-o")
            .args([&object, &source])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the tool starts");
        if output.status.success() {
            objects.push(object);
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let invalid = said.contains(&format!("{}:", source.display())) || said.contains("is broken");
        assert!(!invalid, "the corpus has IR that makes no sense: {said}");
        let named = complaints(&said);
        let before = functions.len();
        functions.retain(|function| !named.contains_key(&function.name));
        refused.extend(named);
        if functions.len() < before {
            continue;
        }
        if let [function] = functions.as_slice() {
            let first = said.lines().next().unwrap_or("no message").to_owned();
            refused.insert(function.name.clone(), first);
            return;
        }
        let second = functions.split_off(functions.len() / 2);
        module(folder, prelude, functions, arguments, objects, refused);
        functions = second;
    }
}

/// The functions that the compiler names in its messages, each with the first thing it says.
fn complaints(said: &str) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    let first = said.lines().next().unwrap_or_default().to_owned();
    for line in said.lines() {
        let after = |mark: &str| line.find(mark).map(|at| &line[at + mark.len()..]);
        let name = after("in function ").or_else(|| after("In function: ")).or_else(|| after("on function '@"));
        let Some(name) = name else { continue };
        let name = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).next().unwrap_or_default();
        let why = if line.contains("in function ") { line.to_owned() } else { first.clone() };
        named.entry(name.to_owned()).or_insert(why);
    }
    named
}
