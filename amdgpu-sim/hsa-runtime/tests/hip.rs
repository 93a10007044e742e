//! HIP programs, compiled by the system's hipcc, on the simulator through the system's HIP runtime. Neither knows of it.

mod support;

use support::{HIP_TARGETS, Surroundings, compile_hip, end, have, passes};

/// What compiling and running HIP programs takes.
const NEEDS: &[&str] = &["hipcc", "/usr/include/hip/hip_runtime.h"];

fn program_passes(name: &str) {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::new();
    let program = compile_hip(&surroundings, name);
    for device in HIP_TARGETS {
        passes(&mut surroundings.command(&program, device));
    }
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

#[test]
fn kernels_print() {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::new();
    let program = compile_hip(&surroundings, "prints");
    let ended = end(&mut surroundings.command(program, "gfx90a"));
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    assert!(ended.code == Some(0) && lines.pop() == Some("PASS"), "{ended:#?}");
    // Work-groups run in any order.
    lines.sort_unstable();
    let expected = [
        "item 0 of group 0: even 0.00",
        "item 1 of group 0: odd 0.25",
        "item 2 of group 0: even 0.50",
        "item 3 of group 0: odd 0.75",
        "item 4 of group 1: even 1.00",
        "item 5 of group 1: odd 1.25",
        "item 6 of group 1: even 1.50",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn several_devices_are_there() {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::new();
    let program = compile_hip(&surroundings, "devices");
    passes(surroundings.command(program, "gfx90ax3").arg("3"));
}

#[test]
fn a_fault_is_told_on_standard_error() {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::new();
    let program = compile_hip(&surroundings, "out_of_bounds");
    let ended = end(&mut surroundings.command(&program, "gfx90a"));
    // HIP ends a program whose kernel accesses what is not there, as on hardware.
    assert!(ended.code != Some(0), "{ended:#?}");
    for part in ["amdgpu-sim: error: memory fault in kernel _Z4fillPii on gfx90a", "store of 4 bytes", "work-item ("] {
        assert!(ended.stderr.contains(part), "{part}: {ended:#?}");
    }
    // Not a terminal.
    assert!(!ended.stderr.contains("\x1b[1;31m"), "{ended:#?}");
    let silent = end(surroundings.command(&program, "gfx90a").env("AMDGPU_SIM_LOG", "off"));
    assert!(silent.code != Some(0) && !silent.stderr.contains("amdgpu-sim"), "{silent:#?}");
}

#[test]
fn what_keeps_it_from_starting_is_told_on_standard_error() {
    if !have(NEEDS) {
        return;
    }
    let surroundings = Surroundings::with_copy();
    let program = compile_hip(&surroundings, "vector_add");
    let ended = end(&mut surroundings.command(&program, "gfx9000"));
    assert!(ended.code != Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("AMDGPU_SIM=gfx9000: cannot simulate \"gfx9000\""), "{ended:#?}");

    // No worker anywhere.
    let nowhere = surroundings.path("empty");
    let mut command = surroundings.command(&program, "gfx90a");
    command.env("GEOBACTER_WORKER", &nowhere).env("PATH", &nowhere).env("GEOBACTER_SYSROOT", &nowhere);
    let ended = end(&mut command);
    assert!(ended.code != Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("device code cannot be loaded: no code generation worker"), "{ended:#?}");
    assert!(ended.stderr.contains("cargo install cargo-geobacter"), "{ended:#?}");

    // No toolchain.
    let mut command = surroundings.command(&program, "gfx90a");
    command.env("PATH", &nowhere).env_remove("RUSTC").env_remove("GEOBACTER_SYSROOT");
    let ended = end(&mut command);
    assert!(ended.code != Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("set GEOBACTER_SYSROOT to what `rustc --print sysroot` prints"), "{ended:#?}");
}
