//! The corpus on a device.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
};

use super::{
    case::{Case, Lane, Model, Reference},
    host::Host,
    llc::{Function, compile},
    types::{Scalar, Ty},
    wave::{Generation, generation},
};
use crate::support::{Buffer, Program, Shape, agent, pools, run};

/// Inputs of each case: two work-groups of 64.
pub const INPUTS: usize = 128;
/// How many of them are run alone, as work-groups of one item.
pub const UNIFORM: usize = 40;
/// Items of a work-group.
const ITEMS: u16 = 64;
/// Memory of an item in bytes.
const SLOT: usize = 512;

/// One way to compile the corpus.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub target: &'static str,
    pub level: &'static str,
    /// Whether waves of 64 are asked for where 32 is usual.
    pub wide: bool,
}

impl Way {
    fn lanes(self) -> usize {
        if self.wide || self.target.starts_with("gfx9") { 64 } else { 32 }
    }

    /// Whether LLVM knows the halves of this target's registers.
    fn has_halves(self) -> bool {
        matches!(self.target, "gfx1100" | "gfx1201")
    }

    /// Whether this target has what the case is about.
    pub fn takes(self, case: &Case) -> bool {
        match generation(&case.name) {
            // LLVM's own fault, seen with LLVM 22: without optimisation it copies words as halves (`v_mov_b16`) where
            // registers have halves.
            _ if case.name.starts_with("bswap_") && self.level == "-O0" && self.has_halves() => false,
            // Without meaning in waves of 32.
            _ if case.name == "wave_permlane64" && self.lanes() == 32 => false,
            Some(Generation::Gfx9) => self.target.starts_with("gfx9"),
            Some(Generation::Rdna) => !self.target.starts_with("gfx9"),
            None => true,
        }
    }
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

/// A kernel. In a uniform one a work-group is one item, and arguments come from constant memory: LLVM then uses scalar
/// registers where it can.
fn kernel(case: &Case, uniform: bool) -> Function {
    let prefix = if uniform { "u" } else { "d" };
    let rename = |text: &str| text.replace(&format!("_{}", case.name), &format!("_{prefix}_{}", case.name));
    let space = if uniform { 4 } else { 1 };
    let name = format!("{prefix}_{}", case.name);
    let mut text = rename(&case.device.globals);
    let _ = writeln!(
        text,
        "define amdgpu_kernel void @{name}(ptr addrspace({space}) %.A, ptr addrspace({space}) %.B, \
         ptr addrspace({space}) %.C, ptr addrspace(1) %.O, ptr addrspace(1) %.D) {{\nentry:\n\
         %.lane = call i32 @llvm.amdgcn.workitem.id.x()\n%.group = call i32 @llvm.amdgcn.workgroup.id.x()"
    );
    if uniform {
        text += "%item = or i32 %.group, 0\n";
    } else {
        let _ = writeln!(text, "%.first = mul i32 %.group, {ITEMS}\n%item = add i32 %.first, %.lane");
    }
    text += "%.n = zext i32 %item to i64\n";
    let _ = writeln!(text, "%.od = mul i64 %.n, {SLOT}\n%d = getelementptr i8, ptr addrspace(1) %.D, i64 %.od");
    for ((ty, _), (letter, array)) in case.arguments.iter().zip([("a", "A"), ("b", "B"), ("c", "C")]) {
        let (memory, align, stride) = (ty.memory().ir(), ty.align(), ty.stride());
        let _ = writeln!(
            text,
            "%.o{letter} = mul i64 %.n, {stride}\n\
             %.p{letter} = getelementptr i8, ptr addrspace({space}) %.{array}, i64 %.o{letter}\n\
             %.{letter} = load {memory}, ptr addrspace({space}) %.p{letter}, align {align}"
        );
        text += &convert_in(*ty, letter);
    }
    let (memory, align, stride) = (case.result.memory().ir(), case.result.align(), case.result.stride());
    let _ = writeln!(
        text,
        "{}\n{}\n%.or = mul i64 %.n, {stride}\n%.po = getelementptr i8, ptr addrspace(1) %.O, i64 %.or\n\
         store {memory} %.r, ptr addrspace(1) %.po, align {align}\nret void\n}}",
        rename(&case.device.code),
        convert_out(case.result)
    );
    Function { name, text, alone: case.alone }
}

/// The results that a case should have.
fn expected(case: &Case, way: Way, inputs: &[Vec<Vec<u128>>], host: &Host) -> Option<Vec<Vec<u128>>> {
    let by = |size: usize, model: Model| {
        let lanes: Vec<Lane> = (0..INPUTS)
            .map(|n| std::array::from_fn(|argument| inputs.get(argument).map_or(0, |array| array[n][0])))
            .collect();
        Some(lanes.chunks(size).flat_map(model).map(|value| vec![value]).collect())
    };
    match case.reference {
        Reference::Host => host.results.get(&case.name).cloned(),
        Reference::Wave(model) => by(way.lanes(), model),
        Reference::Group(model) => by(usize::from(ITEMS), model),
    }
}

/// Compiles cases and runs them.
pub fn execute(way: Way, cases: &[&Case], inputs: &HashMap<String, Vec<Vec<Vec<u128>>>>, host: &Host) -> Outcome {
    let mut outcome = Outcome::default();
    let functions = cases
        .iter()
        .flat_map(|case| std::iter::once(kernel(case, false)).chain(case.uniform.then(|| kernel(case, true))))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec![
        "-mtriple=amdgcn-amd-amdhsa".to_owned(),
        format!("-mcpu={}", way.target),
        way.level.to_owned(),
        "--amdhsa-code-object-version=5".to_owned(),
    ];
    if way.wide {
        arguments.push("-mattr=+wavefrontsize64".to_owned());
    }
    let (objects, refused) = compile(folder.path(), "target triple = \"amdgcn-amd-amdhsa\"", functions, &arguments);
    outcome.refused = refused;
    let linked = folder.path().join("corpus.co");
    let mut link = vec!["-shared", "-o", linked.to_str().unwrap()];
    link.extend(objects.iter().map(|object| object.to_str().unwrap()));
    run("ld.lld", &link);
    let code = fs::read(&linked).unwrap();
    if let Ok(keep) = std::env::var("AMDGPU_SIM_KEEP") {
        fs::copy(&linked, format!("{keep}/{}{}{}.co", way.target, way.level, if way.wide { "-w64" } else { "" }))
            .unwrap();
    }
    let mut program = Program::on(agent(way.target), &code);
    let pool = pools(agent(way.target))[0];
    let slots = Buffer::of(pool, &vec![0_u8; INPUTS * SLOT]);
    for case in cases {
        let arrays = &inputs[&case.name];
        let Some(expected) = expected(case, way, arrays, host) else {
            outcome.without_reference += 1;
            continue;
        };
        let memory: Vec<Buffer<u8>> =
            case.arguments.iter().zip(arrays).map(|((ty, _), values)| Buffer::of(pool, &ty.write(values))).collect();
        let at = |argument: usize| memory.get(argument).map_or(0, |memory| memory.address as u64);
        let zeros = vec![0_u8; INPUTS * case.result.stride()];
        for (prefix, count, group) in [("d", INPUTS, ITEMS), ("u", UNIFORM, 1)] {
            let name = format!("{prefix}_{}", case.name);
            if (prefix == "u" && !case.uniform) || outcome.refused.contains_key(&name) {
                continue;
            }
            let out = Buffer::of(pool, &zeros);
            let arguments = [at(0), at(1), at(2), out.address as u64, slots.address as u64];
            // Recursion needs more than LLVM reckons with.
            let stack = if case.name.starts_with("flow_") { 16384 } else { 0 };
            let shape = Shape { stack, ..Shape::linear(count as u32, group) };
            outcome.kernels += 1;
            if let Err(report) = program.launch(&name, &arguments, shape) {
                // A queue that has seen a fault is of no use any more.
                program = Program::on(agent(way.target), &code);
                outcome.wrong.push(format!("{name}: {report}"));
                continue;
            }
            let results = case.result.read(&out.read());
            let wrong: Vec<usize> = (0..count).filter(|n| !case.agrees(&results[*n], &expected[*n])).collect();
            if let Some(n) = wrong.first() {
                let values: Vec<_> = arrays.iter().map(|array| &array[*n]).collect();
                outcome.wrong.push(format!(
                    "{name}: {} of {count} differ: at {n} of {values:x?}: device {:x?}, reference {:x?}",
                    wrong.len(),
                    results[*n],
                    expected[*n]
                ));
            }
        }
    }
    outcome
}
