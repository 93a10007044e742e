//! Every SAFETY comment of the device language says what it relies on: a rule, by number; the contract of a function; or
//! Rust's own rules. docs/SOUNDNESS.md argues for each of the rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The comments that begin with `SAFETY:`, each with its line and with the code that follows.
fn comments(text: &str) -> Vec<(usize, String, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(first) = line.strip_prefix("// SAFETY:") {
            let more = lines[at + 1..].iter().take_while(|line| line.starts_with("//")).count();
            let rest = lines[at + 1..][..more].iter().map(|line| line.trim_start_matches("//"));
            let comment = rest.fold(first.to_owned(), |text, line| text + line);
            found.push((at + 1, comment, lines.get(at + 1 + more).copied().unwrap_or_default()));
        }
    }
    found
}

fn names_a_reason(comment: &str) -> bool {
    let rule = ["rule ", "Rule ", "rules "].iter().any(|word| {
        let mut numbers = comment.match_indices(word).map(|(at, _)| comment[at + word.len()..].chars().next());
        numbers.any(|number| number.is_some_and(|number| ('1'..='6').contains(&number)))
    });
    rule || ["contract", "Rust's own:", "as above", "as for ", "as in "].iter().any(|reason| comment.contains(reason))
}

#[test]
fn every_safety_comment_says_what_it_relies_on() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for package in ["geobacter-lang", "safe-lds"] {
        sources(&workspace.join(package).join("src"), &mut files);
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (line, comment, code) in comments(&text) {
            seen += 1;
            // Who implements an unsafe trait of ours keeps that trait's contract.
            let keeps_contract =
                code.starts_with("unsafe impl") && !code.contains(" Send for ") && !code.contains(" Sync for ");
            if !keeps_contract && !names_a_reason(&comment) {
                wrong.push(format!("{}:{line}:{comment}", file.display()));
            }
        }
    }
    assert!(seen > 50, "found only {seen} comments");
    assert!(wrong.is_empty(), "these name no rule, contract or other reason:\n{}", wrong.join("\n"));
}

#[test]
fn a_comment_without_a_reason_is_found() {
    let text = "    // SAFETY: this is\n    // fine.\n    unsafe { x }\n\n// SAFETY: by rule\n// 3.\nunsafe {}";
    let [(first_line, first, code), (_, second, _)] = &comments(text)[..] else { panic!() };
    assert_eq!((*first_line, &**first, *code), (1, " this is fine.", "unsafe { x }"));
    assert!(!names_a_reason(first) && names_a_reason(second) && !names_a_reason(" rule 9"));
}
