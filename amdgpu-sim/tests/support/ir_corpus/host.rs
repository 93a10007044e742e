//! The corpus on the host: the reference.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    process::Command,
};

use libloading::Library;

use super::{
    case::{Case, Reference},
    device::{convert_in, convert_out},
    llc::{Function, compile},
};
use crate::support::run;

/// What the host's compiler asks of a run-time library that not every machine has: rounding to bfloat.
const PRELUDE: &str = "
target triple = \"x86_64-unknown-linux-gnu\"
declare double @ldexp(double, i32)
declare double @exp(double)
declare double @exp2(double)
declare double @exp10(double)
declare double @log(double)
declare double @log2(double)
declare double @log10(double)
declare double @sin(double)
declare double @cos(double)
";

/// Rounds a float, to nearest and to even: the low half of its bits goes, and a NaN stays one.
const ROUNDING: &str = "
target triple = \"x86_64-unknown-linux-gnu\"
define bfloat @__truncsfbf2(float %x) {
  %b = bitcast float %x to i32
  %h = lshr i32 %b, 16
  %odd = and i32 %h, 1
  %bias = add i32 %odd, 32767
  %sum = add i32 %b, %bias
  %up = lshr i32 %sum, 16
  %quiet = or i32 %h, 64
  %nan = fcmp uno float %x, %x
  %s = select i1 %nan, i32 %quiet, i32 %up
  %t = trunc i32 %s to i16
  %r = bitcast i16 %t to bfloat
  ret bfloat %r
}
; A double goes to a float by rounding to odd first: then the second rounding sees what the first one has cut off.
define bfloat @__truncdfbf2(double %x) {
  %f = fptrunc double %x to float
  %back = fpext float %f to double
  %exact = fcmp ueq double %back, %x
  %fb = bitcast float %f to i32
  %abs = call double @llvm.fabs.f64(double %x)
  %absback = call double @llvm.fabs.f64(double %back)
  %over = fcmp ogt double %absback, %abs
  %down = sub i32 %fb, 1
  %cut = select i1 %over, i32 %down, i32 %fb
  %odd = or i32 %cut, 1
  %bits = select i1 %exact, i32 %fb, i32 %odd
  %g = bitcast i32 %bits to float
  %r = call bfloat @__truncsfbf2(float %g)
  ret bfloat %r
}
";

/// Results of each case, by name, and what the host's compiler refused.
pub struct Host {
    pub results: HashMap<String, Vec<Vec<u128>>>,
    pub refused: BTreeMap<String, String>,
}

type Entry = unsafe extern "C" fn(*const u8, *const u8, *const u8, *mut u8);

fn function(case: &Case) -> Function {
    let mut text = case.host.globals.clone();
    let name = format!("c_{}", case.name);
    let _ = writeln!(text, "define void @{name}(ptr %.pa, ptr %.pb, ptr %.pc, ptr %.po) {{\nentry:");
    for ((ty, _), letter) in case.arguments.iter().zip(["a", "b", "c"]) {
        let (memory, align) = (ty.memory().ir(), ty.align());
        let _ = writeln!(text, "%.{letter} = load {memory}, ptr %.p{letter}, align {align}");
        text += &convert_in(*ty, letter);
    }
    let (memory, align) = (case.result.memory().ir(), case.result.align());
    let _ = writeln!(text, "{}\n{}", case.host.code, convert_out(case.result));
    let _ = writeln!(text, "store {memory} %.r, ptr %.po, align {align}\nret void\n}}");
    Function { name, text, alone: false }
}

/// Bytes for values, aligned as the functions of the corpus expect them.
struct Aligned(Vec<u128>);

impl Aligned {
    fn new(bytes: &[u8]) -> Self {
        let chunks = bytes.chunks(16).map(|chunk| {
            let mut wide = [0; 16];
            wide[..chunk.len()].copy_from_slice(chunk);
            u128::from_le_bytes(wide)
        });
        Self(chunks.collect())
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|chunk| chunk.to_le_bytes()).collect()
    }
}

/// Computes the results of all cases that have the host as their reference.
pub fn compute(cases: &[Case], inputs: &HashMap<String, Vec<Vec<Vec<u128>>>>) -> Host {
    let on_host = || cases.iter().filter(|case| matches!(case.reference, Reference::Host));
    let functions: Vec<Function> = on_host().map(function).collect();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-O1", "-mcpu=x86-64", "-relocation-model=pic"].map(str::to_owned);
    let (mut objects, refused) = compile(folder.path(), PRELUDE, functions, &arguments);
    let rounding = folder.path().join("rounding.ll");
    std::fs::write(&rounding, ROUNDING).unwrap();
    let object = folder.path().join("rounding.o");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    run("llc", &["-filetype=obj", "-relocation-model=pic", &path(&rounding), "-o", &path(&object)]);
    objects.push(object);
    let library = folder.path().join("corpus.so");
    let output = Command::new("cc").arg("-shared").args(&objects).arg("-lm").arg("-o").arg(&library).output();
    let output = output.expect("the C compiler starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // SAFETY: the library has functions of the corpus alone, and no initialisers.
    let library = unsafe { Library::new(&library) }.unwrap();
    let mut results = HashMap::new();
    for case in on_host() {
        let name = format!("c_{}", case.name);
        if refused.contains_key(&name) {
            continue;
        }
        // SAFETY: each of them is such a function.
        let entry = unsafe { library.get::<Entry>(name.as_bytes()) }.unwrap();
        let arrays = &inputs[&case.name];
        let memory: Vec<Aligned> =
            case.arguments.iter().zip(arrays).map(|((ty, _), values)| Aligned::new(&ty.write(values))).collect();
        let count = arrays[0].len();
        let stride = case.result.stride();
        let mut out = Aligned::new(&vec![0; count * stride]);
        for n in 0..count {
            let at = |argument: usize| match (memory.get(argument), case.arguments.get(argument)) {
                (Some(memory), Some((ty, _))) => memory.0.as_ptr().cast::<u8>().wrapping_add(n * ty.stride()),
                _ => std::ptr::null(),
            };
            let to = out.0.as_mut_ptr().cast::<u8>().wrapping_add(n * stride);
            // SAFETY: the function reads one value of each argument's type and writes one of the result's; all of them
            // lie in the arrays, aligned for their types.
            unsafe { entry(at(0), at(1), at(2), to) };
        }
        let mut values = case.result.read(&out.bytes());
        values.truncate(count);
        results.insert(case.name.clone(), values);
    }
    let refused = refused.into_iter().map(|(name, why)| (name.trim_start_matches("c_").to_owned(), why)).collect();
    Host { results, refused }
}
