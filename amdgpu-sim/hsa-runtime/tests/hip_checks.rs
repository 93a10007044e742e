//! The simulator's checks find the bugs of HIP programs: each with its kind and the line of the program's source.

mod support;

use std::{fs, process::Command};

use support::{Ended, Surroundings, end, have, passes, run, source};

/// What compiling and running HIP programs takes.
const NEEDS: &[&str] = &["hipcc", "/usr/include/hip/hip_runtime.h"];

/// The kernel of this name runs, checked or not. With line tables, so that reports name lines.
fn run_kernel(name: &str, check: &str) -> Option<Ended> {
    if !have(NEEDS) {
        return None;
    }
    let surroundings = Surroundings::new();
    let program = surroundings.path("planted");
    let mut compiler = Command::new("hipcc");
    compiler.args(["--offload-arch=gfx90a", "-O1", "-gline-tables-only"]).arg(source("hip/planted.hip"));
    run(compiler.arg("-o").arg(&program));
    Some(end(surroundings.command(&program, "gfx90a").arg(name).env("GEOBACTER_CHECK", check)))
}

/// The bug is found: the report has these words, and each line that is named is one with a comment for it.
fn is_found(name: &str, words: &[&str]) {
    let Some(ended) = run_kernel(name, "1") else { return };
    assert!(ended.code != Some(0), "{name}: {ended:#?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{name}: {word}: {ended:#?}");
    }
    let text = fs::read_to_string(source("hip/planted.hip")).unwrap();
    let mark = format!("// {name}");
    let planted: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.trim_end().ends_with(&mark)).map(|(at, _)| at + 1).collect();
    let named: Vec<usize> = ended
        .stderr
        .split("planted.hip:")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    assert!(!planted.is_empty() && planted.iter().all(|line| named.contains(line)), "{name}: {planted:?}: {ended:#?}");
}

#[test]
fn races_in_shared_memory() {
    is_found("shared_race", &["data race in kernel _Z11shared_racePi on gfx90a", "bytes of LDS", "read by work-item"]);
}

#[test]
fn shared_memory_that_nobody_wrote() {
    is_found(
        "shared_unwritten",
        &["read of uninitialized memory", "no work-item of the group has written what is read"],
    );
}

#[test]
fn races_between_blocks() {
    is_found("block_race", &["data race", "nothing orders the two work-groups", "of the allocation of"]);
    is_found("block_writes", &["overlapping writes", "nothing orders work-groups", "at byte 28 of the allocation of"]);
}

#[test]
fn memory_that_nobody_wrote() {
    is_found("global_unwritten", &["read of uninitialized memory", "neither a kernel nor a copy has written"]);
}

#[test]
fn divergent_barriers() {
    is_found("divergent_barrier", &["divergent barrier", "only 32 of the 64 work-items of the wave"]);
    is_found("early_return", &["divergent barrier", "a wave has ended without reaching a barrier"]);
}

#[test]
fn memory_that_was_freed() {
    is_found("freed", &["memory fault", "that was freed"]);
}

#[test]
fn atomic_operations_beside_writes() {
    is_found(
        "atomic_and_write",
        &["overlapping writes", "atomic operation by work-item", "write by work-item (200, 0, 0)"],
    );
}

#[test]
fn what_is_right_is_left_alone() {
    for check in ["0", "1"] {
        let Some(ended) = run_kernel("right", check) else { return };
        assert!(ended.code == Some(0) && ended.stdout.ends_with("PASS\n"), "{ended:#?}");
    }
}

#[test]
fn the_programs_that_are_right_pass_with_checks() {
    if !have(NEEDS) {
        return;
    }
    for name in ["vector_add", "matmul_tiled", "reduction", "atomics", "streams"] {
        let surroundings = Surroundings::new();
        let program = support::compile_hip(&surroundings, name);
        passes(surroundings.command(program, "gfx90a").env("GEOBACTER_CHECK", "1"));
    }
}
