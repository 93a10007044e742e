//! What a kernel does wrong, and what the report of it says.

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ptx_sim::{Fault, FaultKind, Launch};
use support::Gpu;

/// The fault of a kernel of this body, whose parameter is a buffer of 64 bytes, in a block of 4 threads.
fn fault(items: &str, body: &str) -> (Fault, u64) {
    let gpu = Gpu::of("sm_80", &kernel(items, body));
    let buffer = gpu.buffer(&[0; 64]);
    (gpu.launch("k", 1, 4, &[buffer]).expect_err("a fault"), buffer)
}

fn kernel(items: &str, body: &str) -> String {
    format!(
        "{items}\n.visible .entry k(.param .u64 p)\n{{\n.reg .b64 %rd<20>; .reg .b32 %r<20>; .reg .pred %p<5>;\n\
         ld.param.u64 %rd0, [p];\nmov.u32 %r0, %tid.x;\n{body}\nret; }}"
    )
}

#[test]
fn an_access_out_of_bounds_names_everything() {
    let items = ".file 1 \"src/kernel.rs\"\n.file 2 \"src/inlined.rs\"";
    let body = ".loc 1 7 3\nmul.wide.u32 %rd1, %r0, 24;\n.loc 2 5 1, function_name info, inlined_at 1 7 3\nadd.u64 %rd1, %rd1, %rd0;\n\
                .loc 2 42 9, function_name info, inlined_at 2 5 1\nst.global.u32\n  [%rd1 + 4], %r0;";
    let (fault, buffer) = fault(items, body);
    assert_eq!((fault.kind, fault.block, fault.thread), (FaultKind::OutOfBounds, [0; 3], Some([3, 0, 0])));
    assert_eq!(fault.address, Some(buffer + 76));
    let site = fault.site.clone().unwrap();
    assert_eq!((site.line, site.function.as_str()), (16, "k"));
    assert_eq!(fault.kernel, "k");
    let text = fault.to_string();
    for part in [
        "access out of bounds in kernel k",
        &format!(
            "store of 4 bytes at {:#x}, 12 bytes past the end of the nearest allocation, of 64 bytes at {buffer:#x}",
            buffer + 76
        ),
        "at src/inlined.rs:42:9\n  inlined at src/inlined.rs:5:1\n  inlined at src/kernel.rs:7:3",
        "PTX line 16, function k: st.global.u32",
        "block (0, 0, 0), thread (3, 0, 0)",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn each_space_has_its_bounds() {
    let kind = |items: &str, body: &str| fault(items, body).0.kind;
    assert_eq!(kind("", "ld.global.u32 %r1, [0];"), FaultKind::OutOfBounds);
    assert_eq!(kind("", "ld.u32 %r1, [%rd0+-4];"), FaultKind::OutOfBounds);
    assert_eq!(kind("", "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd0+64];"), FaultKind::OutOfBounds);
    assert_eq!(kind(".shared .b8 s[8];", "ld.shared.u32 %r1, [s+8];"), FaultKind::OutOfBounds);
    assert_eq!(kind(".shared .b8 s[8];", "cvta.shared.u64 %rd1, s; st.u32 [%rd1+400], %r1;"), FaultKind::OutOfBounds);
    assert_eq!(kind("", ".local .b8 l[8]; st.local.u32 [l+16], %r0;"), FaultKind::OutOfBounds);
    assert_eq!(kind("", "ld.param.u32 %r1, [p+8];"), FaultKind::OutOfBounds);
    assert_eq!(kind("", "ld.global.u32 %r1, [%rd0+2];"), FaultKind::Misaligned);
    assert_eq!(kind("", "ld.global.v2.u32 {%r1, %r2}, [%rd0+4];"), FaultKind::Misaligned);
    assert_eq!(kind("", "atom.global.add.u64 %rd1, [%rd0+4], 1;"), FaultKind::Misaligned);
    assert_eq!(kind(".const .u32 c = 3;", "mov.u64 %rd1, c; st.u32 [%rd1], 4;"), FaultKind::ReadOnly);
    assert_eq!(kind("", "mov.u64 %rd1, p; cvta.param.u64 %rd1, %rd1; st.u32 [%rd1], 4;"), FaultKind::ReadOnly);
    let local = ".local .b8 l[8]; mov.u64 %rd1, l; cvta.local.u64 %rd1, %rd1; atom.add.u32 %r1, [%rd1], 1;";
    assert_eq!(kind("", local), FaultKind::AddressSpace);
    assert_eq!(kind("", "trap;"), FaultKind::Trap);
    // Variables do not lie side by side.
    assert_eq!(kind(".global .u32 a[4]; .global .u32 b[4];", "st.global.u32 [a+16], 1;"), FaultKind::OutOfBounds);
}

#[test]
fn memory_that_was_freed_is_named() {
    let gpu = Gpu::of("sm_70", &kernel("", "ld.global.u32 %r1, [%rd0+8];"));
    let buffer = gpu.buffer(&[0; 100]);
    gpu.launch("k", 1, 1, &[buffer]).unwrap();
    gpu.memory.free(buffer).unwrap();
    let fault = gpu.launch("k", 1, 1, &[buffer]).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Freed);
    assert!(
        fault.detail.contains(&format!("8 bytes into an allocation of 100 bytes at {buffer:#x} that was freed")),
        "{fault}"
    );
}

#[test]
fn one_block_of_many_ends_the_launch() {
    let body =
        "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 777; @%p1 trap; L: setp.eq.u32 %p2, %r1, 40000000; @%p2 bra L;";
    let gpu = Gpu::of("sm_70", &kernel("", body));
    let fault = gpu.launch("k", 2000, 4, &[0]).unwrap_err();
    assert_eq!((fault.kind, fault.block), (FaultKind::Trap, [777, 0, 0]));
    // The device is as good as before.
    assert!(gpu.launch("k", 700, 4, &[0]).is_ok());
}

#[test]
fn a_kernel_without_an_end_can_be_stopped() {
    let gpu = Gpu::of("sm_70", &kernel("", "L: bra L;"));
    let stop = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
        });
        let launch =
            Launch { grid: [20, 1, 1], block: [64, 1, 1], dynamic_shared: 0, params: &[0; 8], stop: Some(&stop) };
        gpu.kernel("k").launch(&launch)
    });
    assert_eq!(result.unwrap_err().kind, FaultKind::Stopped);
}

#[test]
fn a_kernel_sees_what_the_host_writes_meanwhile() {
    let gpu = Gpu::of(
        "sm_70",
        &kernel(
            "",
            "L: ld.volatile.global.u32 %r1, [%rd0]; setp.eq.u32 %p1, %r1, 0; @%p1 bra L; st.global.u32 [%rd0+4], %r1;",
        ),
    );
    let buffer = gpu.buffer(&[0; 8]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            gpu.memory.write(buffer, &[7, 0, 0, 0]).unwrap();
        });
        gpu.launch("k", 1, 32, &[buffer]).unwrap();
    });
    assert_eq!(gpu.read(buffer, 8), [7, 0, 0, 0, 7, 0, 0, 0]);
}

#[test]
fn launches_that_no_device_takes_are_refused() {
    let gpu = Gpu::of(
        "sm_70",
        ".visible .entry k(.param .u64 p) { ret; } .visible .entry r(.param .u64 p) .reqntid 32, 2 { ret; }
         .visible .entry m(.param .u64 p) .maxntid 64, 1, 1 .minnctapersm 2 { ret; }",
    );
    let refused = |name: &str, grid, block| {
        let fault = gpu.launch_with(name, grid, block, 0, &[0]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::InvalidLaunch);
        fault.to_string()
    };
    assert_eq!((gpu.kernel("r").required_threads(), gpu.kernel("r").max_threads()), (Some([32, 2, 1]), 64));
    assert_eq!((gpu.kernel("m").required_threads(), gpu.kernel("m").max_threads()), (None, 64));
    gpu.launch_with("r", [1; 3], [32, 2, 1], 0, &[0]).unwrap();
    gpu.launch_with("m", [1; 3], [8, 8, 1], 0, &[0]).unwrap();
    assert!(refused("r", [1; 3], [64, 1, 1]).contains("the kernel wants 32 x 2 x 1"));
    assert!(refused("m", [1; 3], [65, 1, 1]).contains("blocks of 65 threads; the kernel allows 64"));
    assert!(refused("k", [1; 3], [1025, 1, 1]).contains("up to 1024"));
    assert!(refused("k", [1; 3], [1, 1, 65]).contains("x 64"));
    assert!(refused("k", [1; 3], [32, 64, 1]).contains("2048 threads"));
    assert!(refused("k", [0, 1, 1], [1; 3]).contains("a grid of 0"));
    assert!(refused("k", [1, 65536, 1], [1; 3]).contains("65535"));
    let fault = gpu.launch("k", 1, 1, &[]).unwrap_err();
    assert!(fault.to_string().contains("0 bytes of parameters; the kernel has 8"), "{fault}");
}
