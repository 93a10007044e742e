//! Each operation of LLVM IR on each type, on each target: machine code of LLVM's back end on the simulator, against the
//! same IR compiled for the host.
//!
//! A target's code is compiled in two or three ways. Each takes its share of the corpus: of the scalar cases a quarter, not
//! the same one as the target's other ways, and so many of the vectors that all ways together have each.
//! `GEOBACTER_IR_CORPUS=full` runs everything in each way; that takes minutes. `GEOBACTER_IR_CASES` is a part of the names of
//! the cases to run. In the folder `GEOBACTER_IR_EXECUTED` a file for each target then has the mnemonics that the corpus has
//! executed on it, one in a line.

#[path = "support/ir_corpus/mod.rs"]
mod ir_corpus;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::OnceLock,
};

use ir_corpus::{
    case::Case,
    cases,
    device::{INPUTS, Way, execute},
    host::{Host, compute},
    inputs::inputs,
};
use support::{cover, have_llvm, simulate};

/// The corpus, its inputs, and the host's results: once for all tests.
struct Corpus {
    cases: Vec<Case>,
    inputs: HashMap<String, Vec<Vec<Vec<u128>>>>,
    host: Host,
}

fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let cases = cases();
        let mut names = BTreeSet::new();
        for case in &cases {
            assert!(names.insert(case.name.as_str()), "two cases are named {}", case.name);
        }
        let inputs: HashMap<_, _> =
            cases.iter().map(|case| (case.name.clone(), inputs(&case.name, &case.arguments, INPUTS))).collect();
        let host = compute(&cases, &inputs);
        for (name, why) in &host.refused {
            println!("the host has no {name}: {why}");
        }
        Corpus { cases, inputs, host }
    })
}

/// The ways to compile share the vectors in so many turns, and the scalar cases in so many.
const TURNS: (usize, usize) = (13, 4);

/// Whether one of the ways to compile, which has this turn, takes a case.
fn is_taken(case: &Case, number: usize, way: Way, turn: usize) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let everything = is_set("GEOBACTER_IR_CORPUS") || is_set("GEOBACTER_IR_CASES");
    let scalar = case.arguments.iter().all(|(ty, _)| ty.lanes == 1);
    let turns = if scalar { TURNS.1 } else { TURNS.0 };
    way.takes(case) && (everything || number % turns == turn % turns)
}

fn check(target: &'static str, level: &'static str, wide: bool, turn: usize) {
    if !have_llvm() {
        return;
    }
    simulate("gfx90a,gfx942,gfx1030,gfx1100,gfx1201");
    cover();
    let Corpus { cases, inputs, host } = corpus();
    let way = Way { target, level, wide };
    let only = std::env::var("GEOBACTER_IR_CASES").ok();
    let taken: Vec<&Case> = cases
        .iter()
        .enumerate()
        .filter(|(number, case)| is_taken(case, *number, way, turn))
        .map(|(_, case)| case)
        .filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())))
        .collect();
    let outcome = execute(way, &taken, inputs, host);
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, why) in &outcome.refused {
        reasons.entry(without_numbers(why)).or_default().push(name);
    }
    for (why, names) in reasons {
        println!("{target} {level}: LLVM refuses {}: {why}: {}", names.len(), names.join(" "));
    }
    let executed = amdgpu_sim::executed_instructions(target);
    if let Some(folder) = std::env::var_os("GEOBACTER_IR_EXECUTED") {
        let lines: String = executed.iter().map(|mnemonic| format!("{mnemonic}\n")).collect();
        std::fs::write(std::path::Path::new(&folder).join(format!("{target}.txt")), lines).unwrap();
    }
    println!(
        "{target} {level}{}: {} kernels, {} refused by LLVM, {} cases without reference, {} wrong; {} instructions \
         of {target} executed so far",
        if wide { " in waves of 64" } else { "" },
        outcome.kernels,
        outcome.refused.len(),
        outcome.without_reference,
        outcome.wrong.len(),
        executed.len(),
    );
    assert!(outcome.wrong.is_empty(), "{} wrong:\n{}", outcome.wrong.len(), outcome.wrong.join("\n"));
    assert!(outcome.kernels > 0);
}

/// A message without what is different each time: the compiler's addresses.
fn without_numbers(message: &str) -> String {
    message.split_whitespace().filter(|word| !word.starts_with("0x")).collect::<Vec<_>>().join(" ")
}

macro_rules! ways {
    ($( $name:ident: $target:literal, $level:literal, $wide:literal, $turn:literal; )*) => { $(
        #[test]
        fn $name() {
            check($target, $level, $wide, $turn);
        }
    )* };
}

ways! {
    gfx90a_unoptimised: "gfx90a", "-O0", false, 0;
    gfx90a_optimised: "gfx90a", "-O3", false, 1;
    gfx942_unoptimised: "gfx942", "-O0", false, 2;
    gfx942_optimised: "gfx942", "-O3", false, 3;
    gfx1030_unoptimised: "gfx1030", "-O0", false, 4;
    gfx1030_optimised: "gfx1030", "-O3", false, 5;
    gfx1030_in_waves_of_64: "gfx1030", "-O3", true, 6;
    gfx1100_unoptimised: "gfx1100", "-O0", false, 7;
    gfx1100_optimised: "gfx1100", "-O3", false, 8;
    gfx1100_in_waves_of_64: "gfx1100", "-O3", true, 9;
    gfx1201_unoptimised: "gfx1201", "-O0", false, 10;
    gfx1201_optimised: "gfx1201", "-O3", false, 11;
    gfx1201_in_waves_of_64: "gfx1201", "-O3", true, 12;
}
