//! The Jacobi solver over MPI (`examples/mpi`): any number of ranks gives the answer of one, to the last bit, and that of a plain loop.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Why this machine cannot build or run MPI programs.
fn missing() -> Option<String> {
    for (program, package) in [("mpicc", "libopenmpi-dev"), ("mpirun", "openmpi-bin")] {
        if Command::new(program).arg("--version").output().is_err() {
            return Some(format!("no `{program}`; Debian's package is {package}"));
        }
    }
    // The crate `mpi` has its bindings made at build time.
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/llvm-22/lib", "/usr/lib/llvm-14/lib"];
    let has_libclang = |folder: &&str| {
        let files = Path::new(folder).read_dir().into_iter().flatten().flatten();
        files.map(|file| file.file_name()).any(|name| name.to_string_lossy().starts_with("libclang"))
    };
    let found = env::var_os("LIBCLANG_PATH").is_some() || folders.iter().any(has_libclang);
    (!found)
        .then(|| "no libclang, from which the crate `mpi` makes its bindings; Debian's package is libclang-dev".into())
}

/// Builds the solver; `None`, and says why, where that cannot be.
fn solver() -> Option<PathBuf> {
    let Some(tool) = env::var_os("GEOBACTER_WORKER") else {
        eprintln!("skipped: run by plain cargo, so there is no device code; use `cargo geobacter test`");
        return None;
    };
    if let Some(reason) = missing() {
        assert!(env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "this test must not skip here: {reason}");
        eprintln!("skipped: {reason}");
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join("../target/mpi");
    let mut build = Command::new(tool);
    build
        .args(["build", "--locked", "--manifest-path"])
        .arg(root.join("mpi/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let program = ["geobacter", "geobacter-checked"].map(|folder| target.join(folder).join("debug/jacobi"));
    Some(program.into_iter().find(|program| program.exists()).unwrap_or_else(|| panic!("no program in {target:?}")))
}

fn run(program: &Path, ranks: u32, arguments: &[&str]) -> Output {
    Command::new("mpirun")
        .args(["--oversubscribe", "-n", &ranks.to_string()])
        .arg(program)
        .args(arguments)
        // Open MPI refuses to be run by root, as containers do, unless it is told twice.
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("AMDGPU_SIM", "gfx942")
        .output()
        .unwrap()
}

/// The line that the solver prints, of a plain loop over the whole plate.
fn reference([columns, rows]: [usize; 2], steps: u32) -> String {
    let pitch = columns + 2;
    let mut from = vec![0.0_f64; pitch * (rows + 2)];
    for (column, cell) in from[..pitch].iter_mut().enumerate() {
        *cell = 100.0 * (column as f64 / (columns + 1) as f64);
    }
    let mut to = from.clone();
    let mut change = 0.0_f64;
    for _ in 0..steps {
        change = 0.0;
        for row in 1..=rows {
            for at in row * pitch + 1..row * pitch + 1 + columns {
                to[at] = 0.25 * ((from[at - 1] + from[at + 1]) + (from[at - pitch] + from[at + pitch]));
                change = change.max((to[at] - from[at]).abs());
            }
        }
        std::mem::swap(&mut from, &mut to);
    }
    let cells = || (1..=rows).flat_map(|row| &from[row * pitch + 1..row * pitch + 1 + columns]);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in cells().flat_map(|cell| cell.to_bits().to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    let mean = cells().sum::<f64>() / (columns * rows) as f64;
    format!("{columns}x{rows} cells, {steps} steps, largest change {change:e}, mean {mean:.9}, bits {hash:016x}\n")
}

#[test]
fn ranks_agree_with_one_and_with_a_plain_loop() {
    let Some(program) = solver() else { return };
    for (device, size, steps) in [("host", [120, 77], "200"), ("sim", [40, 31], "30")] {
        let text = format!("{}x{}", size[0], size[1]);
        let expected = reference(size, steps.parse().unwrap());
        for ranks in [1, 4, 3] {
            let output = run(&program, ranks, &["--device", device, "--size", &text, "--steps", steps]);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{ranks} ranks on {device}: {told}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{ranks} ranks on {device}: {told}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    let Some(program) = solver() else { return };
    for (arguments, told) in [
        (&["--size", "256"][..], "`256` is no size; write COLUMNSxROWS"),
        (&["--device", "toaster"], "there is no kind of device `toaster`"),
        (&["--device", "amd"], "no device of kind `amd`"),
    ] {
        let output = run(&program, 1, arguments);
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(told), "{text}");
    }
}
