//! Every instruction of every GPU: enumerated by LLVM's disassembler, run with random and edge inputs, compared with a
//! model that was written from AMD's guides and not from the simulator.
//!
//! What each GPU's instructions are and how far they are tested stands in `instructions/coverage/`, one line for each
//! instruction; these tests find it out again and compare. `AMDGPU_SIM_BLESS=1` in the environment has the tables
//! written.

#[path = "instructions/mod.rs"]
mod model;
mod support;

use std::{collections::BTreeMap, time::Instant};

use model::{
    coverage::{Coverage, Status},
    enumerate,
    probe::{self, Key},
    target::{GFX90A, GFX942, GFX1030, GFX1100, GFX1201, Target},
    wave::Mode,
};
use support::{have_llvm, simulate};

/// Differences that are printed of each form.
const SHOWN: usize = 1;

fn check(target: Target, wave_sizes: &[usize]) {
    if !have_llvm() {
        return;
    }
    simulate("gfx90a,gfx942,gfx1030,gfx1100,gfx1201");
    let start = Instant::now();
    let instructions = enumerate::instructions(&target);
    let mut statuses: BTreeMap<Key, Status> = BTreeMap::new();
    for (key, why) in probe::unsupported(&target, &instructions) {
        statuses.insert(key, Status::Unsupported(why));
    }
    let known = |key: &Key| !statuses.contains_key(key);
    let mut differing: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut tested = Vec::new();
    let mut count = 0;
    for lanes in wave_sizes {
        let target = target.with_lanes(*lanes);
        let cases = model::cases(&target, &instructions, &known);
        tested.extend(cases.iter().map(|case| (case.name.clone(), case.form)));
        // The other wave size changes nothing about numbers.
        let modes = if *lanes == wave_sizes[0] { Mode::tested(&target) } else { vec![Mode::of(&target)] };
        for mode in modes {
            let chosen: Vec<usize> = (0..cases.len()).filter(|i| cases[*i].depends_on(&mode)).collect();
            count += chosen.len();
            for (number, difference) in model::kernel::run(&target, mode, &cases, &chosen) {
                let case = &cases[number];
                let text = format!("{} in waves of {lanes}, {}: {difference}", case.label(), mode.name);
                differing.entry((case.name.clone(), case.form)).or_default().push(text);
            }
        }
    }
    for key in tested {
        let status = if differing.contains_key(&key) { Status::Differs } else { Status::Tested };
        statuses.insert(key, status);
    }
    let status = |key: &Key| statuses.get(key).cloned().unwrap_or(Status::Executed);
    let coverage = Coverage::new(target, &instructions, &status);
    println!("{} ({count} cases on {} waves in {:.1?})", coverage.summary(), model::kernel::WAVES, start.elapsed());
    for ((name, form), differences) in &differing {
        for difference in differences.iter().take(SHOWN) {
            println!("  {name} {form} ({} of its cases): {difference}", differences.len());
        }
    }
    if let Err(lines) = coverage.check() {
        panic!("{lines}");
    }
    assert!(differing.is_empty(), "{} forms of {} do not do what the model does", differing.len(), target.name);
}

#[test]
fn instructions_of_gfx90a_do_what_the_guide_says() {
    check(GFX90A, &[64]);
}

#[test]
fn instructions_of_gfx942_do_what_the_guide_says() {
    check(GFX942, &[64]);
}

#[test]
fn instructions_of_gfx1030_do_what_the_guide_says() {
    check(GFX1030, &[32, 64]);
}

#[test]
fn instructions_of_gfx1100_do_what_the_guide_says() {
    check(GFX1100, &[32, 64]);
}

#[test]
fn instructions_of_gfx1201_do_what_the_guide_says() {
    check(GFX1201, &[32, 64]);
}
