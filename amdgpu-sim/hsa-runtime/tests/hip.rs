//! HIP programs, compiled by the system's hipcc, on the simulator through the system's HIP runtime. Neither knows of it.

mod support;

use support::{Surroundings, compile_hip, have, passes};

/// What compiling and running HIP programs takes.
const NEEDS: &[&str] = &["hipcc", "/usr/include/hip/hip_runtime.h"];

fn program_passes(name: &str) {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::new();
    let program = compile_hip(&surroundings, name);
    passes(&mut surroundings.command(program, "gfx90a"));
}

#[test]
fn vector_add() {
    program_passes("vector_add");
}

#[test]
fn matmul_tiled() {
    program_passes("matmul_tiled");
}

#[test]
fn reduction() {
    program_passes("reduction");
}

#[test]
fn atomics() {
    program_passes("atomics");
}

#[test]
fn streams() {
    program_passes("streams");
}
