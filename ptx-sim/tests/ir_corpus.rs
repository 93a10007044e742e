//! Each operation of LLVM IR on each type: PTX of LLVM's back end on the simulator, against the same IR compiled for the
//! host.
//!
//! Each way to compile takes its share of the corpus. `GEOBACTER_IR_CORPUS=full` runs everything in each way; that takes
//! minutes. `GEOBACTER_IR_CASES` is a part of the names of the cases to run.

#[path = "support/ir_corpus/mod.rs"]
mod ir_corpus;
mod support;

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use ir_corpus::{
    case::Case,
    cases,
    device::{INPUTS, Way, execute},
    host::{Host, compute},
    inputs::inputs,
};
use support::have_llvm;

/// The corpus, its inputs, and the host's results: once for all tests.
struct Corpus {
    cases: Vec<Case>,
    inputs: HashMap<String, Vec<Vec<Vec<u128>>>>,
    host: Host,
}

/// The ways to compile share the vectors in so many turns, and the scalar cases in so many.
const TURNS: (usize, usize) = (26, 4);

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Whether any way of a test run takes a case: the vectors are many.
fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let only = std::env::var("GEOBACTER_IR_CASES").ok();
        let mut cases = cases();
        cases.retain(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())));
        let mut number = 0;
        cases.retain(|case| {
            number += 1;
            let vector = case.arguments.iter().any(|(ty, _)| ty.lanes > 1);
            !vector || number % TURNS.0 < WAYS.len() || is_set("GEOBACTER_IR_CORPUS") || only.is_some()
        });
        let inputs: HashMap<_, _> =
            cases.iter().map(|case| (case.name.clone(), inputs(&case.name, &case.arguments, INPUTS))).collect();
        let host = compute(&cases, &inputs);
        Corpus { cases, inputs, host }
    })
}

/// The ways to compile. LLVM's versions of PTX are those that have all instructions of the target.
const WAYS: [Way; 5] = [
    Way { target: "sm_70", version: "ptx63", level: "-O0" },
    Way { target: "sm_70", version: "ptx63", level: "-O2" },
    Way { target: "sm_80", version: "ptx74", level: "-O2" },
    Way { target: "sm_90", version: "ptx83", level: "-O0" },
    Way { target: "sm_90", version: "ptx83", level: "-O2" },
];

fn check(turn: usize) {
    if !have_llvm() {
        return;
    }
    let Corpus { cases, inputs, host } = corpus();
    let way = WAYS[turn];
    let everything = is_set("GEOBACTER_IR_CORPUS") || is_set("GEOBACTER_IR_CASES");
    let taken: Vec<&Case> = cases
        .iter()
        .enumerate()
        .filter(|(number, case)| {
            let vector = case.arguments.iter().any(|(ty, _)| ty.lanes > 1);
            let turns = if vector { WAYS.len() } else { TURNS.1 };
            everything || number % turns == turn % turns
        })
        .map(|(_, case)| case)
        .collect();
    let outcome = execute(way, &taken, inputs, host);
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, why) in &outcome.refused {
        let why: String = why.chars().filter(|c| !c.is_ascii_digit()).collect();
        reasons.entry(why).or_default().push(name);
    }
    for (why, names) in reasons {
        println!("{way:?}: LLVM refuses {}: {why}: {}", names.len(), names.join(" "));
    }
    println!(
        "{way:?}: {} kernels, {} refused by LLVM, {} cases without reference, {} wrong",
        outcome.kernels,
        outcome.refused.len(),
        outcome.without_reference,
        outcome.wrong.len()
    );
    assert!(everything || outcome.kernels > 500, "{} kernels have run", outcome.kernels);
    assert!(outcome.wrong.is_empty(), "{}", outcome.wrong.join("\n"));
}

#[test]
fn sm_70_unoptimised() {
    check(0);
}

#[test]
fn sm_70() {
    check(1);
}

#[test]
fn sm_80() {
    check(2);
}

#[test]
fn sm_90_unoptimised() {
    check(3);
}

#[test]
fn sm_90() {
    check(4);
}
