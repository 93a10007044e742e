//! Each operation of LLVM IR on each type, on each target: machine code of LLVM's back end on the simulator, against the
//! same IR compiled for the host.
//!
//! All operations are run on scalars and on vectors of two and four in each way to compile. Of the other vectors each way
//! takes its share, so that all of them run on some; `GEOBACTER_IR_CORPUS=full` runs everything in each way (minutes).

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

/// Whether one of the ways to compile takes a case.
fn is_taken(case: &Case, number: usize, way: Way, turn: usize) -> bool {
    let usual = case.arguments.iter().map(|(ty, _)| ty).chain([&case.result]).all(|ty| matches!(ty.lanes, 1 | 2 | 4));
    let all = std::env::var("GEOBACTER_IR_CORPUS").is_ok_and(|what| what == "full");
    way.takes(case) && (all || usual || number % TURNS == turn)
}

/// The ways to compile share the rare vectors in so many turns.
const TURNS: usize = 13;

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
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, why) in &outcome.refused {
        *reasons.entry(why.rsplit(name.as_str()).next().unwrap_or(why)).or_default() += 1;
    }
    for (why, count) in reasons {
        println!("{target} {level}: LLVM refuses {count}: {why}");
    }
    println!(
        "{target} {level}{}: {} kernels, {} refused by LLVM, {} cases without reference, {} wrong; {} instructions \
         of {target} executed so far",
        if wide { " in waves of 64" } else { "" },
        outcome.kernels,
        outcome.refused.len(),
        outcome.without_reference,
        outcome.wrong.len(),
        amdgpu_sim::executed_instructions(target).len(),
    );
    assert!(outcome.wrong.is_empty(), "{} wrong:\n{}", outcome.wrong.len(), outcome.wrong.join("\n"));
    assert!(outcome.kernels > 0);
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
