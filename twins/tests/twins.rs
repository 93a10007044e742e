//! Safe kernels cost nothing: their machine code beside that of the same kernels in unsafe Rust and in OpenCL C.

use std::{collections::BTreeMap, fmt::Write, io::Write as _, path::PathBuf, process::Command};

use geobacter_codegen_client::Worker;
use geobacter_runtime_core::archive;
use geobacter_spool::{
    archive::Kernel,
    job::{CompileJob, Emit},
};

const KERNELS: [&str; 6] = ["saxpy", "matmul_tiled", "reduce", "wave_sums", "stencil2d", "transpose"];
const GPUS: [&str; 2] = ["gfx942", "gfx1100"];

/// What is counted of a kernel's machine code, up to its last `s_endpgm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Loads, stores and atomic operations of global memory.
    memory: usize,
    /// Operations on LDS.
    lds: usize,
    barriers: usize,
    branches: usize,
    /// All instructions.
    instructions: usize,
    vgprs: usize,
    /// Bytes of scratch.
    scratch: usize,
}

impl Counts {
    /// Of the kernel with this symbol.
    fn of(assembly: &str, symbol: &str) -> Self {
        let mut counts = Self::default();
        let start = assembly.find(&format!("\n{symbol}:")).unwrap_or_else(|| panic!("no {symbol} in\n{assembly}"));
        let body = &assembly[start + 1..];
        let body = &body[..body.find(".Lfunc_end").expect("a function ends")];
        for line in body.lines().skip(1) {
            let line = line.split([';', '/']).next().unwrap_or_default();
            // Instructions stand behind a tabulator; directives begin with a point, labels end with a colon.
            let Some(name) = line.strip_prefix('\t').and_then(|line| line.split_whitespace().next()) else { continue };
            // What only fills time: its number is the hazard recogniser's business.
            if name.starts_with('.') || matches!(name, "s_nop" | "s_code_end" | "s_delay_alu" | "s_clause") {
                continue;
            }
            counts.instructions += 1;
            counts.memory +=
                usize::from(["global_", "flat_", "buffer_", "scratch_"].iter().any(|p| name.starts_with(p)));
            counts.lds += usize::from(name.starts_with("ds_"));
            counts.barriers += usize::from(name.starts_with("s_barrier"));
            counts.branches += usize::from(name.starts_with("s_branch") || name.starts_with("s_cbranch"));
        }
        let rest = &assembly[start..];
        let number = |key: &str| {
            let line = rest.lines().find_map(|line| line.trim().strip_prefix(key));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {key} of {symbol}"))
        };
        counts.vgprs = number(".amdhsa_next_free_vgpr");
        counts.scratch = number(".amdhsa_private_segment_fixed_size");
        counts
    }
}

/// The kernels of this program, by name.
fn kernels() -> Option<BTreeMap<String, Kernel>> {
    let archives = archive::archives().expect("archives");
    let kernels = archives.iter().flat_map(|archive| archive.kernels()).map(|kernel| kernel.expect("a kernel"));
    let kernels: BTreeMap<_, _> = kernels.map(|kernel| (kernel.descriptor.name.clone(), kernel)).collect();
    if cfg!(debug_assertions) {
        println!("skipped: optimised code is compared: type `cargo geobacter test --release -p geobacter-twins`");
        return None;
    }
    if kernels.is_empty() {
        println!("skipped: plain cargo built this test, so there is no device code: type `cargo geobacter test`");
        return None;
    }
    Some(kernels)
}

fn assembly(kernel: &Kernel, gpu: &str) -> String {
    let producer = archive::archives().expect("archives").first().expect("an archive").producer();
    let worker = Worker::find(&producer.worker, &producer.sysroot).expect("a worker");
    let job = CompileJob {
        checked: false,
        constants: Vec::new(),
        bitcode: kernel.bitcode.clone(),
        entry: kernel.symbol.clone(),
        export: kernel.descriptor.name.clone(),
        target: gpu.to_owned(),
        emit: Emit::Assembly,
    };
    String::from_utf8(worker.compile(job).expect("assembly").bytes).expect("text")
}

#[test]
fn a_safe_kernel_is_its_unsafe_twin() {
    let Some(kernels) = kernels() else { return };
    let mut wrong = String::new();
    println!(
        "{:<10} {:<13} {:>7} {:>7} {:>4} {:>8} {:>8} {:>6}",
        "", "", "", "memory", "LDS", "barriers", "branches", "VGPRs"
    );
    for gpu in GPUS {
        for name in KERNELS {
            let [safe, raw] = [name.to_owned(), format!("raw_{name}")].map(|name| {
                let kernel = kernels.get(&name).unwrap_or_else(|| panic!("no kernel {name}"));
                Counts::of(&assembly(kernel, gpu), &name)
            });
            for (who, counts) in [("safe", safe), ("raw", raw)] {
                println!(
                    "{gpu:<10} {name:<13} {who:>7} {:>7} {:>4} {:>8} {:>8} {:>6}",
                    counts.memory, counts.lds, counts.barriers, counts.branches, counts.vgprs
                );
            }
            let shape = |counts: Counts| (counts.memory, counts.lds, counts.barriers, counts.branches, counts.scratch);
            if shape(safe) != shape(raw) || safe.vgprs > raw.vgprs + 2 || safe.scratch != 0 {
                writeln!(wrong, "{name} for {gpu}: safe {safe:?}, raw {raw:?}").expect("a string takes all");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Values go from register to register.
#[test]
fn a_wave_reduces_without_memory_and_without_a_barrier() {
    let Some(kernels) = kernels() else { return };
    for gpu in GPUS {
        let text = assembly(&kernels["wave_sums"], gpu);
        let counts = Counts::of(&text, "wave_sums");
        assert_eq!((counts.memory, counts.barriers, counts.scratch), (2, 0, 0), "{text}");
        assert!(text.lines().any(|line| line.trim() == ".amdhsa_group_segment_fixed_size 0"), "{text}");
        // A swizzle and a permutation use the hardware of LDS, but none of its memory.
        for access in ["ds_read", "ds_write", "ds_load", "ds_store"] {
            assert!(!text.contains(&format!("\t{access}")), "{text}");
        }
        assert!(text.contains("_dpp"), "{text}");
    }
}

/// OpenCL's compiler, or why there is none.
fn clang() -> Result<PathBuf, String> {
    const NAME: &str = "clang-22";
    match Command::new(NAME).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(NAME.into()),
        _ => Err(format!("{NAME} is not installed (Debian's package of that name)")),
    }
}

#[test]
fn a_safe_kernel_is_as_long_as_one_in_opencl() {
    let Some(kernels) = kernels() else { return };
    let clang = match clang() {
        Ok(clang) => clang,
        Err(reason) if std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_some() => panic!("{reason}"),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kernels.cl");
    println!("{:<10} {:<13} {:>6} {:>7} {:>6}", "", "", "safe", "OpenCL", "ratio");
    let mut logarithms = 0.0;
    for gpu in GPUS {
        let output = Command::new(&clang)
            .args(["-x", "cl", "-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa", "-O3", "-nogpulib", "-S", "-o", "-"])
            .args(["-ffp-contract=off", "-mcode-object-version=5", &format!("-mcpu={gpu}"), source])
            .output()
            .expect("clang runs");
        if !output.status.success() {
            std::io::stderr().write_all(&output.stderr).expect("standard error");
            panic!("clang refuses {source}");
        }
        let opencl = String::from_utf8(output.stdout).expect("text");
        for name in KERNELS {
            let safe = Counts::of(&assembly(&kernels[name], gpu), name).instructions;
            let other = Counts::of(&opencl, name).instructions;
            let ratio = safe as f64 / other as f64;
            println!("{gpu:<10} {name:<13} {safe:>6} {other:>7} {ratio:>6.3}");
            logarithms += ratio.ln();
        }
    }
    let mean = (logarithms / (GPUS.len() * KERNELS.len()) as f64).exp();
    println!("geometric mean {mean:.3}");
    assert!(mean <= 1.05, "safe kernels have {mean:.3} times the instructions of the same in OpenCL C");
}
