//! Ordinary Rust functions on the simulator, against the same functions on the host.
//!
//! `rustc` makes LLVM IR for the host; this file turns its text into device IR in the way that respool does through
//! LLVM's API (allocas into address space 5, constants into address space 4, panics into traps).

#[path = "support/corpus.rs"]
mod corpus;
mod support;

use std::{collections::BTreeSet, fmt::Write as _, fs, process::Command};

use corpus::CORPUS;
use support::{Buffer, Program, Shape, agent, compile_for, have_llvm, pools, run, simulate};

const LAYOUT: &str = "e-m:e-p:64:64-p1:64:64-p2:32:32-p3:32:32-p4:64:64-p5:32:32-p6:32:32-p7:160:256:256:32-p8:128:128:128:48-p9:192:256:256:32-i64:64-v16:16-v24:32-v32:32-v48:64-v96:128-v192:256-v256:256-v512:512-v1024:1024-v2048:2048-n32:64-S32-A5-G1-ni:7:8:9";

fn symbol(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || "._$".contains(c))).unwrap_or(text.len());
    &text[..end]
}

/// Host IR to device IR.
fn retarget(host: &str) -> String {
    let constants: BTreeSet<&str> = host
        .lines()
        .filter_map(|line| line.strip_prefix('@').filter(|_| line.contains(" constant ") || line.contains(" global ")))
        .map(symbol)
        .collect();
    let mut device = String::new();
    for line in host.lines() {
        if line.starts_with("target datalayout") {
            writeln!(device, "target datalayout = \"{LAYOUT}\"").unwrap();
        } else if line.starts_with("target triple") {
            writeln!(device, "target triple = \"amdgcn-amd-amdhsa\"").unwrap();
        } else if line.contains("@llvm.lifetime.") {
        } else if let Some((name, rest)) = line.trim_start().split_once(" = alloca ") {
            let plain = name.trim_start_matches('%').trim_matches('"');
            writeln!(device, "  %\"p5.{plain}\" = alloca {rest}, addrspace(5)").unwrap();
            writeln!(device, "  {name} = addrspacecast ptr addrspace(5) %\"p5.{plain}\" to ptr").unwrap();
        } else if let Some((head, _)) = line.split_once(" = {").filter(|_| line.starts_with("attributes #")) {
            let kept = if line.contains("noinline") { "noinline" } else { "" };
            writeln!(device, "{head} = {{ nounwind {kept} }}").unwrap();
        } else if line.starts_with("declare ") && !line.contains("@llvm.") {
            // A panic entry point, or what else core keeps to itself: reaching it is a trap.
            writeln!(
                device,
                "{} {{\n  call void @llvm.trap()\n  unreachable\n}}",
                line.replacen("declare", "define", 1)
            )
            .unwrap();
        } else {
            let mut line = line.to_owned();
            if let Some(rest) = line.strip_prefix('@') {
                let rest = rest.to_owned();
                line = format!("@{}", rest.replacen(" constant ", " addrspace(4) constant ", 1));
            }
            // From the end, so that earlier places stay where they are.
            let places: Vec<usize> = line.match_indices('@').map(|(at, _)| at).filter(|at| *at > 0).collect();
            for at in places.into_iter().rev() {
                let name = symbol(&line[at + 1..]).to_owned();
                if constants.contains(name.as_str()) {
                    let cast = format!("addrspacecast (ptr addrspace(4) @{name} to ptr)");
                    line.replace_range(at..at + 1 + name.len(), &cast);
                }
            }
            device.push_str(&line);
            device.push('\n');
        }
    }
    if !device.contains("declare void @llvm.trap()") {
        device.push_str("declare void @llvm.trap()\n");
    }
    device.push_str("declare i32 @llvm.amdgcn.workitem.id.x()\ndeclare i32 @llvm.amdgcn.workgroup.id.x()\n");
    for (name, _) in CORPUS {
        write!(
            device,
            "define amdgpu_kernel void @k_{name}(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %o) {{
  %l = call i32 @llvm.amdgcn.workitem.id.x()
  %g = call i32 @llvm.amdgcn.workgroup.id.x()
  %w = mul i32 %g, 64
  %i = add i32 %w, %l
  %n = zext i32 %i to i64
  %pa = getelementptr i64, ptr addrspace(1) %a, i64 %n
  %pb = getelementptr i64, ptr addrspace(1) %b, i64 %n
  %po = getelementptr i64, ptr addrspace(1) %o, i64 %n
  %x = load i64, ptr addrspace(1) %pa
  %y = load i64, ptr addrspace(1) %pb
  %r = call i64 @{name}(i64 %x, i64 %y)
  store i64 %r, ptr addrspace(1) %po
  ret void
}}\n"
        )
        .unwrap();
    }
    device
}

fn inputs() -> Vec<(u64, u64)> {
    let edges = [
        0,
        1,
        2,
        3,
        7,
        63,
        64,
        127,
        128,
        255,
        256,
        32767,
        65535,
        u64::MAX,
        u64::MAX - 1,
        1 << 63,
        (1 << 63) - 1,
        0xffff_ffff,
        1 << 32,
        0x8000_0000,
        0x7fff_ffff,
        1.0_f64.to_bits(),
        (-2.5_f64).to_bits(),
        f64::INFINITY.to_bits(),
        f64::NAN.to_bits(),
        f64::MIN_POSITIVE.to_bits(),
        f64::MAX.to_bits(),
        5,
        f64::EPSILON.to_bits(),
        u64::from(1.0_f32.to_bits()),
        u64::from(f32::NAN.to_bits()),
        u64::from(f32::NEG_INFINITY.to_bits()),
        u64::from(f32::MAX.to_bits()),
        u64::from(f32::MIN_POSITIVE.to_bits()),
        u64::from((-0.0_f32).to_bits()),
        (1e300_f64).to_bits(),
        (1e-300_f64).to_bits(),
        (1e19_f64).to_bits(),
        (-4.5e18_f64).to_bits(),
    ];
    let mut pairs: Vec<(u64, u64)> = edges.iter().flat_map(|a| edges.iter().map(move |b| (*a, *b))).collect();
    let mut seed = 0x1234_5678_9abc_def0_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    while pairs.len() < 2048 {
        let (a, b) = (random(), random());
        // Small numbers and numbers of a few bits are as likely as large ones.
        pairs.push((a >> (random() % 64), b >> (random() % 64)));
    }
    pairs
}

fn differences(target: &str, flags: &[&str], llc: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/corpus.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=llvm-ir",
            "-Cpanic=abort",
            "-Cno-vectorize-loops",
            "-Cno-vectorize-slp",
        ])
        .args(["-Ccodegen-units=1", "-o", &path("host.ll"), source])
        .args(flags)
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(path("device.ll"), retarget(&fs::read_to_string(path("host.ll")).unwrap())).unwrap();
    let public: Vec<String> = CORPUS.iter().map(|(name, _)| format!("k_{name}")).collect();
    let public = format!("-internalize-public-api-list={}", public.join(","));
    let passes = "-passes=internalize,globaldce,default<O3>";
    let args = [
        "-mtriple=amdgcn-amd-amdhsa",
        &format!("-mcpu={target}"),
        passes,
        &public,
        "-S",
        "-o",
        &path("opt.ll"),
        &path("device.ll"),
    ];
    run("opt", &args);
    if let Ok(keep) = std::env::var("AMDGPU_SIM_KEEP") {
        fs::copy(path("opt.ll"), keep).unwrap();
    }
    simulate("gfx90a,gfx942,gfx1030,gfx1100,gfx1201");
    let code = compile_for(target, &fs::read_to_string(path("opt.ll")).unwrap(), llc);
    let mut program = Program::on(agent(target), &code);
    let pairs = inputs();
    let (a, b): (Vec<u64>, Vec<u64>) = pairs.iter().copied().unzip();
    let pool = pools(agent(target))[0];
    let (a, b) = (Buffer::of(pool, &a), Buffer::of(pool, &b));
    let mut differences = Vec::new();
    for (name, native) in CORPUS {
        let out = Buffer::of(pool, &vec![0_u64; pairs.len()]);
        let args = [a.address as u64, b.address as u64, out.address as u64];
        let shape = Shape { stack: 16384, ..Shape::linear(pairs.len() as u32, 64) };
        if let Err(report) = program.launch(&format!("k_{name}"), &args, shape) {
            // A queue that has seen a fault is of no use any more.
            program = Program::on(agent(target), &code);
            differences.push(format!("{name}: {report}"));
            continue;
        }
        let wrong: Vec<String> = out
            .read()
            .into_iter()
            .zip(&pairs)
            .filter(|(device, (a, b))| *device != native(*a, *b))
            .map(|(device, (a, b))| format!("({a:#x}, {b:#x}): device {device:#x}, host {:#x}", native(*a, *b)))
            .collect();
        if let Some(first) = wrong.first() {
            differences.push(format!("{name}: {} of {} differ: {first}", wrong.len(), pairs.len()));
        }
    }
    differences
}

const OPTIMISED: &[&str] = &["-Copt-level=3"];
const CHECKED: &[&str] = &["-Copt-level=2", "-Cdebug-assertions=on", "-Coverflow-checks=on"];

macro_rules! agrees_with_the_host {
    ($( $name:ident: $target:literal, $flags:expr, $llc:expr; )*) => { $(
        #[test]
        fn $name() {
            if have_llvm() {
                let differences = differences($target, $flags, $llc);
                assert!(differences.is_empty(), "{}", differences.join("\n"));
            }
        }
    )* };
}

agrees_with_the_host! {
    optimised_functions_on_gfx90a: "gfx90a", OPTIMISED, &[];
    optimised_functions_on_gfx942: "gfx942", OPTIMISED, &[];
    optimised_functions_on_gfx1030: "gfx1030", OPTIMISED, &[];
    optimised_functions_on_gfx1100: "gfx1100", OPTIMISED, &[];
    optimised_functions_on_gfx1100_in_waves_of_64: "gfx1100", OPTIMISED, &["-mattr=+wavefrontsize64"];
    optimised_functions_on_gfx1201: "gfx1201", OPTIMISED, &[];
    checked_functions_on_gfx942: "gfx942", CHECKED, &["-O1"];
    checked_functions_on_gfx1100: "gfx1100", CHECKED, &["-O1"];
    checked_functions_on_gfx1201: "gfx1201", CHECKED, &["-O1"];
}
