//! Modules that are not loaded, and what the errors say.

mod support;

use std::sync::Arc;

use ptx_sim::{LoadError, Memory, Module, Target};
use support::{Gpu, module};

/// The message about a module of these items.
fn message(target: &str, items: &str) -> String {
    match Gpu::load(target, &module(target, items)) {
        Ok(_) => panic!("it is loaded: {items}"),
        Err(error) => error.to_string(),
    }
}

/// The message about an instruction, among registers of all types.
fn instruction(target: &str, text: &str) -> String {
    message(
        target,
        &format!(
            ".shared .align 4 .b8 s[16]; .global .u32 g; .const .u32 c;
            .visible .entry k(.param .u64 p) {{ .reg .b16 %h<9>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b64 %rd<9>; .reg .f64 %fd<9>; .reg .pred %p<9>;
            {text}
            ret; }}"
        ),
    )
}

#[test]
fn what_is_not_known_is_named() {
    let cases = [
        ("frobnicate.u32 %r1, %r2;", "the instruction `frobnicate` is not simulated: `frobnicate.u32 %r1, %r2`"),
        ("wgmma.fence.sync.aligned;", "the instruction `wgmma` is not simulated"),
        (
            "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%fd1,%fd2}, {%fd3}, {%fd4}, {%fd5,%fd6};",
            "`mma` is not simulated",
        ),
        ("add.u32.rn %r1, %r2, %r3;", "the modifier `.rn` is not known here"),
        ("add.ftz.rn.f32 %f1, %f2, %f3;", "the modifier `.rn` is not known here"),
        ("add.u32 %r1, %r2, %r3, %r4;", "more than 3 operands"),
        ("add.u32 %r1, %r2;", "an operand is missing"),
        ("add.u32 %r1, %r2, %f3;", "`%f3` is a register of type .f32, where .u32 is wanted"),
        ("add.u32 %r1, %r2, %rd3;", "`%rd3` is a register of type .b64"),
        ("add.f32 %f1, %f2, 1;", "an operand is no value of type .f32"),
        ("add.u32 %r1, %r2, %r9;", "`%r9` is not defined"),
        ("add.u32 %r1, %r2, %tid.x;", "an operand is no value"),
        ("mov.u32 %r1, %tid.q;", "`%tid.q` is not defined"),
        ("mov.u32 %r1, %clock64;", "`%clock64` has 64 bits"),
        ("bra NOWHERE;", "there is no label `NOWHERE`"),
        ("setp.lt.b32 %p1, %r1, %r2;", "`setp` is not there for .b32"),
        ("setp.lo.s32 %p1, %r1, %r2;", "`setp` is not there for .s32"),
        ("ld.shared.u32 %r1, [g];", "`g` is in .global memory, and the instruction is for .shared"),
        ("ld.u32 %r1, [s];", "`s` is in .shared memory, and the instruction is for generic"),
        ("st.const.u32 [c], %r1;", "constant memory is not stored to"),
        ("st.param.u64 [p], %rd1;", "a kernel's parameters are not stored to"),
        ("ld.global.v2.u32 %r1, [%rd1];", "another number of values"),
        ("ld.global.v4.u64 {%rd1, %rd2, %rd3, %rd4}, [%rd1];", "begins with sm_100"),
        ("ld.release.gpu.u32 %r1, [%rd1];", "a load acquires"),
        ("fma.f32 %f1, %f2, %f3, %f4;", "the rounding is missing"),
        ("cvt.s32.f32 %r1, %f1;", "another rounding is wanted"),
        ("cvt.rn.u32.u16 %r1, %h1;", "another rounding is wanted, or none"),
        ("shfl.up.b32 %r1, %r2, 1, 0;", "without `.sync`"),
        ("lop3.b32 %r1, %r2, %r3, %r4, 256;", "8 bits"),
        ("atom.global.add.f16 %h1, [%rd1], %h2;", "needs `.noftz`"),
        ("red.global.exch.b32 [%rd1], %r1;", "`red` has no operation `.exch`"),
        ("atom.local.add.u32 %r1, [%rd1], %r2;", "on global and on shared memory alone"),
        ("call nobody;", "`nobody` is not defined"),
        ("@%r1 ret;", "`%r1` is no predicate"),
        ("L: ret; L: ret;", "the label is defined twice"),
        (".reg .b32 %r<3>;", "the name is defined twice"),
        ("add.u32 %r1, %r2, 0f3F800000;", "an operand is no value of type .u32"),
    ];
    for (text, expected) in cases {
        let said = instruction("sm_90", text);
        assert!(said.contains(expected), "{text}: {said}");
        assert!(said.starts_with("PTX line 6: "), "{said}");
    }
}

#[test]
fn what_came_later_is_refused() {
    let of = |version: &str, target: &str, text: &str| {
        let text = format!(
            ".version {version}\n.target {target}\n.address_size 64\n.visible .entry k() {{ .reg .b16 %h<9>; .reg .b32 %r<9>; .reg .f32 %f<9>; \
             .reg .b64 %rd<9>; .reg .pred %p<9>;\n{text}\nret; }}"
        );
        Module::load(&text, Target::parse("sm_90").unwrap(), &Arc::new(Memory::new(1 << 20)))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let cases = [
        ("redux.sync.add.u32 %r1, %r2, -1;", ((7, 0), 80)),
        ("elect.sync %r1|%p1, -1;", ((8, 0), 90)),
        ("cp.async.wait_all;", ((7, 0), 80)),
        ("add.rn.bf16 %h1, %h2, %h3;", ((7, 8), 90)),
        ("fma.rn.bf16 %h1, %h2, %h3, %h4;", ((7, 0), 80)),
        ("max.f16 %h1, %h2, %h3;", ((7, 0), 80)),
        ("cvt.rn.bf16.f32 %h1, %f1;", ((7, 0), 80)),
        ("cvt.f32.bf16 %f1, %h1;", ((7, 1), 80)),
        ("tanh.approx.f32 %f1, %f2;", ((7, 0), 75)),
        ("stacksave.u64 %rd1;", ((7, 3), 70)),
        ("min.u16x2 %r1, %r2, %r3;", ((8, 0), 90)),
    ];
    for (text, ((major, minor), target)) in cases {
        let target_name = format!("sm_{target}");
        let right = of(&format!("{major}.{minor}"), &target_name, text);
        assert_eq!(right, Ok(()), "{text}");
        let version = if minor > 0 { format!("{major}.{}", minor - 1) } else { "6.9".to_owned() };
        let older = of(
            if major == 8 { "7.9" } else { &version },
            if target > 70 && version.starts_with('6') { "sm_75" } else { &target_name },
            text,
        );
        assert!(older.is_err_and(|error| error.contains("begins with")), "{text}");
        if target > 75 {
            let error = of("8.8", "sm_75", text).unwrap_err();
            assert!(error.contains(&format!("begins with sm_{target}; the module is for sm_75")), "{text}: {error}");
        }
    }
    let error = of("7.0", "sm_90", "ret;").unwrap_err();
    assert!(error.contains("the target begins with PTX 7.8"), "{error}");
    let error = of("12.0", "sm_90", "ret;").unwrap_err();
    assert_eq!(error, "PTX 12.0 is not known: versions go from 6.0 to 9.0");
}

#[test]
fn targets_run_what_they_can() {
    let runs = |device: &str, code: &str| Target::parse(device).unwrap().runs(Target::parse(code).unwrap());
    assert!(runs("sm_90", "sm_70") && runs("sm_90a", "sm_90") && runs("sm_90a", "sm_90a") && runs("sm_90", "sm_90a"));
    assert!(
        !runs("sm_86", "sm_90") && !runs("sm_100", "sm_90a") && runs("sm_103", "sm_100f") && !runs("sm_120", "sm_100f")
    );
    for name in ["sm_60", "sm_70a", "compute_90", "sm_+90", "sm_", "sm_91", "sm_90f"] {
        assert!(Target::parse(name).is_err(), "{name}");
    }
    assert_eq!(Target::parse("sm_90a").unwrap().to_string(), "sm_90a");
    let loaded = Gpu::load("sm_70", &module("sm_80", ".visible .entry k() { ret; }"));
    assert!(matches!(loaded.err(), Some(LoadError::Target { .. })));
}

#[test]
fn modules_are_whole() {
    let cases = [
        (".global .u32 a[2] = {1, 2, 3};", "3 values for 2 elements"),
        (".global .u32 a; .global .u32 a;", "the name is defined twice"),
        (".extern .global .u32 a;", "declared, and not defined"),
        (".global .u64 a = b;", "the name is not defined"),
        (".shared .u32 a = 1;", "shared memory has no initial values"),
        (
            ".shared .b8 a[50000]; .entry k() { .reg .b32 %r; ld.shared.u32 %r, [a]; ret; }",
            "more than 49152 bytes of shared memory",
        ),
        (".entry k(.param .b8 a[40000]) { ret; }", "parameters have more than"),
        (".extern .func f; .entry k() { call f; ret; }", "has no body in this module"),
        (".func f(.param .b32 a) { ret; } .entry k() { call f; ret; }", "0 arguments; the function has 1"),
        (
            ".func f(.param .b32 a) { ret; } .entry k() { .param .b64 a; call f, (a); ret; }",
            "8 bytes among the arguments",
        ),
        (".func f() { ret; } .func f() { ret; }", "the function is defined twice"),
        (".entry k() { .reg .b32 %r<300000>; ret; }", "fewer registers"),
        (".entry k() .frob { ret; }", "a directive of a function that is known"),
        (".entry k() { ret }", "here must stand an operand: `}`"),
        (".entry k() { ret;", "the text ends where"),
        (".global .align 3 .u32 a;", "a power of two"),
        (".tex .u64 t;", "a variable, a function or another directive"),
        ("/* no end", "a comment without an end"),
        (".file 1 \"a", "a text without an end"),
        (".entry k() { .reg .b32 %r; mov.u32 %r, 0x; ret; }", "this is no number"),
        ("#", "a character that PTX has no use for"),
    ];
    for (items, expected) in cases {
        let said = message("sm_80", items);
        assert!(said.contains(expected), "{items}: {said}");
    }
    let empty = Gpu::load("sm_80", "").err().unwrap().to_string();
    assert!(empty.contains("the text ends where `.version` must stand"), "{empty}");
    let memory = Arc::new(Memory::new(1000));
    let text = module("sm_80", ".global .b8 a[600]; .global .b8 b[600];");
    let error = Module::load(&text, Target::parse("sm_80").unwrap(), &memory).err().unwrap();
    assert!(error.to_string().contains("no memory for the module's variable `b`: 600 bytes do not fit"), "{error}");
    assert_eq!(memory.used(), 0);
    // The driver's interface is given texts with a 0 at their end.
    assert!(Gpu::load("sm_80", &(module("sm_80", ".entry k() { ret; }") + "\0")).is_ok());
}
