//! PTX of every example's kernels, as NVIDIA's own assembler sees it.
//!
//! Needs `ptxas`, on PATH or in CUDA's toolkit: from the PyPI package `nvidia-cuda-nvcc-cu12`, which `.ci/run` installs. Without
//! it, and under plain cargo, the test says so and passes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use geobacter_codegen_client::Worker;
use geobacter_cuda_toolkit as cuda_toolkit;
use geobacter_spool::{
    archive::{Archive, Kernel, Producer, SECTION},
    job::{CompileJob, CompiledKernel, Emit},
};
use object::{Object, ObjectSection};

const GPUS: [&str; 3] = ["sm_70", "sm_80", "sm_90"];
/// The AMD GPU that is asked whether a kernel needs scratch at all.
const AMD_GPU: &str = "gfx942";

fn skip(reason: &str) {
    assert!(env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "this test must not skip here: {reason}");
    eprintln!("skipped: {reason}");
}

/// The examples' sources, by name.
fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The kernels that an example's program carries.
fn kernels(example: &str) -> Option<(Producer, Vec<Kernel>)> {
    let mut folder = env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let bytes = fs::read(folder.join("examples").join(example)).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let archives = Archive::read_section(file.section_by_name(SECTION)?.data().unwrap()).unwrap();
    let kernels = archives.iter().flat_map(Archive::kernels).map(Result::unwrap).collect();
    Some((archives.first()?.producer().clone(), kernels))
}

fn compile(worker: &Worker, kernel: &Kernel, gpu: &str) -> CompiledKernel {
    let job = CompileJob {
        checked: false,
        constants: Vec::new(),
        bitcode: kernel.bitcode.clone(),
        entry: kernel.symbol.clone(),
        export: kernel.descriptor.name.clone(),
        target: gpu.to_owned(),
        emit: Emit::CodeObject,
    };
    worker.compile(job).unwrap_or_else(|error| panic!("{} for {gpu}: {error}", kernel.display_name))
}

#[test]
fn ptxas_takes_every_example_and_needs_no_stack_where_amd_needs_no_scratch() {
    let Some(ptxas) = cuda_toolkit::program("ptxas") else {
        return skip("no ptxas; the PyPI package nvidia-cuda-nvcc-cu12 has one");
    };
    let folder = tempfile::tempdir().unwrap();
    let (source, cubin) = (folder.path().join("kernel.ptx"), folder.path().join("kernel.cubin"));
    for example in examples() {
        let Some((producer, kernels)) = kernels(&example) else {
            return skip("run by plain cargo, so the examples have no device code; use `cargo geobacter test`");
        };
        assert!(!kernels.is_empty(), "{example}");
        let worker = env::var_os("GEOBACTER_WORKER").map_or(producer.worker, PathBuf::from);
        let worker = Worker::new(worker, &producer.sysroot);
        for kernel in &kernels {
            let name = &kernel.display_name;
            let scratch = compile(&worker, kernel, AMD_GPU).resources.unwrap().scratch;
            for gpu in GPUS {
                let compiled = compile(&worker, kernel, gpu);
                fs::write(&source, &compiled.bytes).unwrap();
                let mut command = Command::new(&ptxas);
                command.args(["--verbose", "--warning-as-error", "--gpu-name", gpu, "--output-file"]);
                let output = command.args([&cubin, &source]).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{example}, {name} for {gpu}: {said}");
                if scratch == 0 {
                    assert_eq!(compiled.resources.unwrap().scratch, 0, "{example}, {name} for {gpu}");
                    let no_stack = "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads";
                    assert!(said.contains(no_stack), "{example}, {name} for {gpu}: {said}");
                }
                println!("{gpu} {example} {name}: {}", said.lines().last().unwrap_or_default().trim());
            }
        }
    }
}
