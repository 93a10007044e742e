//! The corpus on a simulated NVIDIA GPU.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
};

use super::{
    case::Case,
    host::Host,
    llc::{Function, compile},
    types::{Scalar, Ty},
};
use crate::support::Gpu;

/// Inputs of each case: two blocks of 64 threads.
pub const INPUTS: usize = 128;
/// Threads of a block.
const THREADS: u32 = 64;
/// Memory of a thread in bytes.
const SLOT: usize = 512;

/// One way to compile the corpus.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub target: &'static str,
    /// The version of PTX, as LLVM names it.
    pub version: &'static str,
    pub level: &'static str,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Kernels that ran.
    pub kernels: usize,
    /// Kernels that LLVM does not compile, and why.
    pub refused: BTreeMap<String, String>,
    /// Cases that the host does not compile: nothing to compare with.
    pub without_reference: usize,
    /// What is wrong.
    pub wrong: Vec<String>,
}

/// IR that makes the argument `%a` of `%.a`, which holds it in memory.
pub fn convert_in(ty: Ty, letter: &str) -> String {
    let (memory, ir) = (ty.memory().ir(), ty.ir());
    let cast = match ty.scalar {
        Scalar::I1 => "trunc",
        Scalar::Ptr => "inttoptr",
        _ => "bitcast",
    };
    format!("%{letter} = {cast} {memory} %.{letter} to {ir}\n")
}

/// IR that makes `%.r`, which holds the result in memory, of `%r`.
pub fn convert_out(ty: Ty) -> String {
    let (memory, ir) = (ty.memory().ir(), ty.ir());
    let cast = match ty.scalar {
        Scalar::I1 => "zext",
        Scalar::Ptr => "ptrtoint",
        _ => "bitcast",
    };
    format!("%.r = {cast} {ir} %r to {memory}")
}

/// What is written for AMD GPUs, as NVIDIA's have it: other names of scopes, 64-bit registers for pointers, and a stack in
/// the generic address space.
fn translated(text: &str) -> String {
    let slot = format!("%slot = alloca [{SLOT} x i8], align 16, addrspace(5)");
    let text = if text.contains(&slot) {
        text.replace(
            &slot,
            &format!("%.slot = alloca [{SLOT} x i8], align 16\n%slot = addrspacecast ptr %.slot to ptr addrspace(5)"),
        )
    } else {
        text.replace(", addrspace(5)", "").replace("ptr addrspace(5)", "ptr").replace(".p5(", ".p0(")
    };
    text.replace("syncscope(\"agent\")", "syncscope(\"device\")")
        .replace("syncscope(\"workgroup\")", "syncscope(\"block\")")
        .replace("\"=v,0\"", "\"=l,0\"")
}

fn kernel(case: &Case) -> Function {
    let name = format!("d_{}", case.name);
    let mut text = translated(&case.device.globals);
    let _ = writeln!(
        text,
        "define ptx_kernel void @{name}(ptr addrspace(1) %.A, ptr addrspace(1) %.B, ptr addrspace(1) %.C, \
         ptr addrspace(1) %.O, ptr addrspace(1) %.D) {{\nentry:\n\
         %.lane = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()\n%.group = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()\n\
         %.first = mul i32 %.group, {THREADS}\n%item = add i32 %.first, %.lane\n%.n = zext i32 %item to i64\n\
         %.od = mul i64 %.n, {SLOT}\n%d = getelementptr i8, ptr addrspace(1) %.D, i64 %.od"
    );
    for ((ty, _), (letter, array)) in case.arguments.iter().zip([("a", "A"), ("b", "B"), ("c", "C")]) {
        let (memory, align, stride) = (ty.memory().ir(), ty.align(), ty.stride());
        let _ = writeln!(
            text,
            "%.o{letter} = mul i64 %.n, {stride}\n\
             %.p{letter} = getelementptr i8, ptr addrspace(1) %.{array}, i64 %.o{letter}\n\
             %.{letter} = load {memory}, ptr addrspace(1) %.p{letter}, align {align}"
        );
        text += &convert_in(*ty, letter);
    }
    let (memory, align, stride) = (case.result.memory().ir(), case.result.align(), case.result.stride());
    let _ = writeln!(
        text,
        "{}\n{}\n%.or = mul i64 %.n, {stride}\n%.po = getelementptr i8, ptr addrspace(1) %.O, i64 %.or\n\
         store {memory} %.r, ptr addrspace(1) %.po, align {align}\nret void\n}}",
        translated(&case.device.code),
        convert_out(case.result)
    );
    Function { name, text, alone: case.alone }
}

/// Compiles cases and runs them.
pub fn execute(way: Way, cases: &[&Case], inputs: &HashMap<String, Vec<Vec<Vec<u128>>>>, host: &Host) -> Outcome {
    let mut outcome = Outcome::default();
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "-mtriple=nvptx64-nvidia-cuda".to_owned(),
        format!("-mcpu={}", way.target),
        format!("-mattr=+{}", way.version),
        way.level.to_owned(),
        "-filetype=asm".to_owned(),
    ];
    let functions = cases.iter().map(|case| kernel(case)).collect();
    let prelude = "target triple = \"nvptx64-nvidia-cuda\"";
    let (files, refused) = compile(folder.path(), prelude, functions, &arguments);
    outcome.refused = refused;
    let by_kernel: HashMap<String, &Case> = cases.iter().map(|case| (format!("d_{}", case.name), *case)).collect();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        if let Ok(keep) = std::env::var("PTX_SIM_KEEP") {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            fs::write(format!("{keep}/{}{}-{name}.ptx", way.target, way.level), &text).unwrap();
        }
        let gpu = match Gpu::load(way.target, &text) {
            Ok(gpu) => gpu,
            Err(error) => {
                outcome.wrong.push(format!("a module is not loaded: {error}"));
                continue;
            }
        };
        let slots = gpu.buffer(&vec![0; INPUTS * SLOT]);
        for name in gpu.module.kernels() {
            let case = by_kernel[name];
            match run(&gpu, name, case, &inputs[&case.name], host, slots) {
                None => outcome.without_reference += 1,
                Some(Ok(())) => outcome.kernels += 1,
                Some(Err(wrong)) => {
                    outcome.kernels += 1;
                    outcome.wrong.push(wrong);
                }
            }
        }
    }
    outcome
}

/// Runs one case; nothing if the host has no results for it.
fn run(
    gpu: &Gpu,
    name: &str,
    case: &Case,
    arrays: &[Vec<Vec<u128>>],
    host: &Host,
    slots: u64,
) -> Option<Result<(), String>> {
    let expected = host.results.get(&case.name)?;
    let memory: Vec<u64> =
        case.arguments.iter().zip(arrays).map(|((ty, _), values)| gpu.buffer(&ty.write(values))).collect();
    let at = |argument: usize| memory.get(argument).copied().unwrap_or(0);
    let bytes = INPUTS * case.result.stride();
    let out = gpu.buffer(&vec![0; bytes]);
    let launched = gpu.launch(name, INPUTS as u32 / THREADS, THREADS, &[at(0), at(1), at(2), out, slots]);
    let results = case.result.read(&gpu.read(out, bytes));
    memory.iter().chain([&out]).for_each(|address| gpu.memory.free(*address).unwrap());
    if let Err(fault) = launched {
        return Some(Err(format!("{name}: {fault}")));
    }
    let wrong: Vec<usize> = (0..INPUTS).filter(|n| !case.agrees(&results[*n], &expected[*n])).collect();
    let Some(n) = wrong.first() else { return Some(Ok(())) };
    let values: Vec<_> = arrays.iter().map(|array| &array[*n]).collect();
    Some(Err(format!(
        "{name}: {} of {INPUTS} differ: at {n} of {values:x?}: device {:x?}, reference {:x?}",
        wrong.len(),
        results[*n],
        expected[*n]
    )))
}
