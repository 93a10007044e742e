//! What becomes of a kernel in Rust and of its twin in CUDA C++: both as PTX, assembled by NVIDIA's `ptxas -O3`, and taken apart.
//!
//! Needs no GPU, but NVRTC, `ptxas` and `nvdisasm`: see `.ci/nvidia-tools`.

mod assembler;
mod sass;

use std::{collections::BTreeMap, env, fmt::Write};

use geobacter_beside_cuda::{
    compiler::{Contraction, Output, nvrtc::Nvrtc},
    pair::{PAIRS, Pair},
};
use geobacter_codegen_client::Worker;
use geobacter_runtime_core::archive;
use geobacter_spool::{
    archive::Kernel,
    job::{CompileJob, Emit},
};

use assembler::{Assembled, Assembler};

/// Compute capabilities that are compared.
const CAPABILITIES: [u32; 3] = [70, 80, 90];

/// How many times the instructions of CUDA C++ Rust's kernels may take, in the mean. It was 1.08 when this was written.
const MOST_INSTRUCTIONS: f64 = 1.15;

/// Why there is nothing to compare. A failure where tools are required.
fn skip(reason: &str) {
    assert!(env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "{reason}");
    println!("skipped: {reason}");
}

/// The kernels of this program in Rust, by module and name.
fn kernels() -> Option<BTreeMap<(String, String), Kernel>> {
    let archives = archive::archives().expect("archives");
    let kernels = archives.iter().flat_map(|archive| archive.kernels()).map(|kernel| kernel.expect("a kernel"));
    let kernels: BTreeMap<_, _> =
        kernels.map(|kernel| ((kernel.descriptor.module.clone(), kernel.descriptor.name.clone()), kernel)).collect();
    if cfg!(debug_assertions) {
        println!("skipped: optimised code is compared: type `cargo geobacter test --release -p geobacter-beside-cuda`");
        return None;
    }
    if kernels.is_empty() {
        println!("skipped: plain cargo built this test, so there is no device code: type `cargo geobacter test`");
        return None;
    }
    Some(kernels)
}

/// The PTX of a kernel in Rust.
fn ptx(kernel: &Kernel, capability: u32) -> Vec<u8> {
    let producer = archive::archives().expect("archives").first().expect("an archive").producer();
    let worker = Worker::find(&producer.worker, &producer.sysroot).expect("a worker");
    let job = CompileJob {
        checked: false,
        constants: Vec::new(),
        bitcode: kernel.bitcode.clone(),
        entry: kernel.symbol.clone(),
        export: kernel.descriptor.name.clone(),
        target: format!("sm_{capability}"),
        emit: Emit::CodeObject,
    };
    worker.compile(job).expect("PTX").bytes
}

/// A pair, assembled: Rust's and CUDA's.
fn sides(
    pair: Pair,
    capability: u32,
    kernels: &BTreeMap<(String, String), Kernel>,
    nvrtc: &Nvrtc,
    assembler: &Assembler,
) -> [Assembled; 2] {
    let module = format!("geobacter_beside_cuda::kernels::{}", pair.module);
    let kernel = kernels.get(&(module, pair.kernel.to_owned()));
    let kernel = kernel.unwrap_or_else(|| panic!("no kernel {}::{}", pair.module, pair.kernel));
    let rust = ptx(kernel, capability);
    let file = format!("{}.cu", pair.file.name);
    let cuda = nvrtc.compile(&file, pair.file.source, capability, Contraction::Joined, Output::Ptx);
    let cuda = cuda.unwrap_or_else(|error| panic!("{error}"));
    if let Some(folder) = env::var_os("BESIDE_CUDA_KEEP") {
        let keep = |side: &str, text: &[u8]| {
            let name = format!("{}-sm_{capability}-{side}.ptx", pair.name);
            std::fs::write(std::path::Path::new(&folder).join(name), text).expect("a file in BESIDE_CUDA_KEEP");
        };
        keep("rust", &rust);
        keep("cuda", &cuda);
    }
    [(rust, pair.kernel), (cuda, pair.function)].map(|(text, function)| {
        assembler
            .assemble(&text, capability, function)
            .unwrap_or_else(|error| panic!("{} of sm_{capability}: {error}", pair.name))
    })
}

#[test]
fn a_kernel_in_rust_is_as_good_as_in_cuda() {
    let Some(kernels) = kernels() else { return };
    let nvrtc = match Nvrtc::load() {
        Ok(nvrtc) => nvrtc,
        Err(error) => return skip(&error.to_string()),
    };
    let assembler = match Assembler::find() {
        Ok(assembler) => assembler,
        Err(error) => return skip(&error.to_string()),
    };
    let mut wrong = String::new();
    let mut logarithms = Vec::new();
    println!("{}", Assembled::HEADER);
    for capability in CAPABILITIES {
        for pair in PAIRS {
            let [rust, cuda] = sides(pair, capability, &kernels, &nvrtc, &assembler);
            for (side, assembled) in [("rust", &rust), ("cuda", &cuda)] {
                println!("sm_{capability:<4} {:<10} {side:<5} {assembled}", pair.name);
            }
            logarithms.extend(rust.effort_beside(&cuda).map(f64::ln));
            for complaint in rust.complaints(&cuda) {
                writeln!(wrong, "{} for sm_{capability}: {complaint}", pair.name).expect("a string takes all");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let mean = (logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64).exp();
    println!("geometric mean of the instructions, in loops for each operation of floating point: {mean:.3}");
    assert!(mean <= MOST_INSTRUCTIONS, "kernels in Rust take {mean:.3} times the instructions of the same in CUDA C++");
}
