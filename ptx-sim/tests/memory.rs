//! Loads, stores, variables, address spaces, and copies.

mod support;

use support::{Gpu, bytes, numbers};

/// Runs one thread of a kernel of this body, whose parameter is a buffer with this content; gives what the buffer holds then.
fn run(target: &str, items: &str, body: &str, content: &[u64]) -> Vec<u64> {
    let gpu = Gpu::of(
        target,
        &format!(
            "{items}\n.visible .entry k(.param .u64 p)\n{{ .reg .b64 %rd<20>; .reg .b32 %r<20>; .reg .b16 %h<20>; \
             .reg .pred %p<5>; .reg .f32 %f<5>; .reg .f64 %fd<5>;\n ld.param.u64 %rd0, [p];\n{body}\nret; }}"
        ),
    );
    let buffer = gpu.buffer(&bytes(content, 8));
    gpu.launch("k", 1, 1, &[buffer]).unwrap_or_else(|fault| panic!("{fault}"));
    numbers(&gpu.read(buffer, content.len() * 8), 8)
}

#[test]
fn loads_extend_and_stores_cut_off() {
    let body = "
        ld.global.u8 %r1, [%rd0];  st.global.u32 [%rd0+8], %r1;
        ld.global.s8 %r1, [%rd0];  st.global.u32 [%rd0+12], %r1;
        ld.global.s8 %h1, [%rd0];  st.global.u16 [%rd0+16], %h1;
        ld.global.s16 %r1, [%rd0]; st.global.b32 [%rd0+20], %r1;
        ld.global.u16 %rd1, [%rd0]; st.global.u64 [%rd0+24], %rd1;
        ld.global.s32 %rd1, [%rd0]; st.global.b64 [%rd0+32], %rd1;
        ld.global.b32 %rd1, [%rd0]; st.global.b64 [%rd0+40], %rd1;
        st.global.u8 [%rd0+48], %r1; st.global.u16 [%rd0+50], %r1; st.global.b32 [%rd0+52], -2;";
    let values = run("sm_70", "", body, &[0x1234_5678_fedc_ba98, 0, 0, 0, 0, 0, 0]);
    let expected = [
        0x1234_5678_fedc_ba98,
        0xffff_ff98_0000_0098,
        0xffff_ba98_0000_ff98,
        0xba98,
        0xffff_ffff_fedc_ba98,
        0xfedc_ba98,
        0xffff_fffe_ba98_0098,
    ];
    assert_eq!(values, expected, "{values:x?}");
}

#[test]
fn vectors_are_loaded_and_stored() {
    let body = "
        ld.global.v2.u32 {%r1, %r2}, [%rd0]; st.global.v2.u32 [%rd0+16], {%r2, %r1};
        ld.global.v4.u16 {%h1, _, %h3, %h4}, [%rd0]; st.global.v4.b16 [%rd0+24], {%h4, %h3, %h1, 7};
        ld.global.v2.f64 {%fd1, %fd2}, [%rd0]; st.global.v2.f64 [%rd0+32], {%fd2, %fd1};
        ld.global.v4.s8 {%r1, %r2, %r3, %r4}, [%rd0+4]; st.global.v4.u32 [%rd0+48], {%r1, %r2, %r3, %r4};";
    let values = run("sm_70", "", body, &[0x8899_aabb_ccdd_eeff, 0x1122_3344_5566_7788, 0, 0, 0, 0, 0, 0]);
    let expected = [
        0x8899_aabb_ccdd_eeff,
        0x1122_3344_5566_7788,
        0xccdd_eeff_8899_aabb,
        0x0007_eeff_aabb_8899,
        0x1122_3344_5566_7788,
        0x8899_aabb_ccdd_eeff,
        0xffff_ffaa_ffff_ffbb,
        0xffff_ff88_ffff_ff99,
    ];
    assert_eq!(values, expected, "{values:x?}");
}

#[test]
fn accesses_have_orders_and_hints() {
    let body = "
        ld.volatile.global.u32 %r1, [%rd0]; st.volatile.global.u32 [%rd0+8], %r1;
        ld.relaxed.gpu.global.u32 %r1, [%rd0]; st.relaxed.sys.global.u32 [%rd0+12], %r1;
        ld.acquire.cta.u32 %r1, [%rd0]; st.release.gpu.u32 [%rd0+16], %r1;
        ld.weak.global.ca.u32 %r1, [%rd0]; st.weak.global.cs.u32 [%rd0+20], %r1;
        ld.global.nc.L1::no_allocate.L2::128B.u32 %r1, [%rd0]; st.global.L1::evict_first.u32 [%rd0+24], %r1;
        ldu.global.u32 %r1, [%rd0]; st.global.u32 [%rd0+28], %r1;
        prefetch.global.L2 [%rd0]; prefetchu.L1 [%rd0]; membar.gl; membar.cta; fence.sc.sys; fence.acq_rel.gpu;";
    assert_eq!(run("sm_70", "", body, &[5, 0, 0, 0]), [5, 5 << 32 | 5, 5 << 32 | 5, 5 << 32 | 5]);
}

#[test]
fn variables_have_initial_values() {
    let items = "
        .global .align 4 .u32 a = 7;
        .visible .global .align 8 .u64 b[3] = {1, -2};
        .const .align 4 .f32 c[2] = {0f3F800000, 2.5};
        .global .align 8 .u64 pa = generic(a);
        .global .align 8 .u64 pb = b+8;
        .global .align 1 .u8 bytes[16] = {1, 0xff, 0xFF(b), 0xFF00(b), 0xFF0000(b), 0xFF000000(b), 0xFF00000000(b), 0xFF0000000000(b), 0xFF000000000000(b), 0xFF00000000000000(b)};
        .global .v2 .u32 v = {3, 4};";
    let body = "
        ld.global.u32 %r1, [a]; st.global.u32 [%rd0], %r1;
        ld.global.u64 %rd1, [pa]; ld.u32 %r1, [%rd1]; st.global.u32 [%rd0+4], %r1;
        ld.global.u64 %rd1, [pb]; ld.global.u64 %rd2, [%rd1]; st.global.u64 [%rd0+8], %rd2;
        ld.const.f32 %f1, [c+4]; st.global.f32 [%rd0+16], %f1;
        mov.u64 %rd1, c; ld.const.f32 %f1, [%rd1]; st.global.f32 [%rd0+20], %f1;
        cvta.const.u64 %rd2, %rd1; ld.f32 %f1, [%rd2+4]; st.global.f32 [%rd0+24], %f1;
        ld.global.u8 %r1, [bytes+1]; st.global.u32 [%rd0+28], %r1;
        mov.u64 %rd1, bytes; mov.u64 %rd2, 0; mov.u32 %r1, 0;
    L:  add.u64 %rd3, %rd1, 9; cvt.u64.u32 %rd4, %r1; sub.u64 %rd3, %rd3, %rd4; ld.global.u8 %rd5, [%rd3];
        shl.b64 %rd2, %rd2, 8; or.b64 %rd2, %rd2, %rd5; add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 8; @%p1 bra L;
        ld.u64 %rd3, [%rd2]; st.global.u64 [%rd0+32], %rd3;
        ld.global.v2.u32 {%r1, %r2}, [v]; st.global.v2.u32 [%rd0+40], {%r1, %r2};";
    let values = run("sm_70", items, body, &[0; 6]);
    let expected = [
        7 << 32 | 7,
        -2_i64 as u64,
        u64::from(1.0_f32.to_bits()) << 32 | u64::from(2.5_f32.to_bits()),
        0xff << 32 | u64::from(2.5_f32.to_bits()),
        1,
        4 << 32 | 3,
    ];
    assert_eq!(values, expected, "{values:x?}");
}

#[test]
fn the_host_sees_variables() {
    let gpu = Gpu::of(
        "sm_70",
        ".visible .global .align 4 .u32 a[4] = {1, 2};\n.global .u32 hidden;\n.visible .const .u64 c = 9;",
    );
    let (address, size) = gpu.module.global("a").unwrap();
    assert_eq!((size, numbers(&gpu.read(address, 16), 4)), (16, vec![1, 2, 0, 0]));
    assert!(gpu.module.global("hidden").is_none());
    let (address, _) = gpu.module.global("c").unwrap();
    assert_eq!(numbers(&gpu.read(address, 8), 8), [9]);
    // They go with the module.
    let memory = gpu.memory.clone();
    let used = memory.used();
    assert!(used >= 28);
    drop(gpu);
    assert_eq!(memory.used(), 0);
    assert!(!memory.contains(address, 8));
}

#[test]
fn generic_addresses_lead_to_their_space() {
    let items = ".shared .align 8 .b8 s[64]; .shared .align 16 .b8 t[16];";
    let body = "
        .local .align 8 .b8 l[32];
        mov.u64 %rd1, t; cvta.shared.u64 %rd2, %rd1; st.u32 [%rd2+4], 11; ld.shared.u32 %r1, [t+4]; st.global.u32 [%rd0], %r1;
        cvta.to.shared.u64 %rd3, %rd2; ld.shared.u32 %r1, [%rd3+4]; st.global.u32 [%rd0+4], %r1;
        mov.u64 %rd1, l; cvta.local.u64 %rd2, %rd1; st.u64 [%rd2+8], 12; ld.local.u64 %rd4, [l+8]; st.global.u64 [%rd0+8], %rd4;
        cvta.to.local.u64 %rd3, %rd2; ld.local.u64 %rd4, [%rd3+8]; st.global.u64 [%rd0+16], %rd4;
        mov.u64 %rd1, p; cvta.param.u64 %rd2, %rd1; ld.u64 %rd4, [%rd2]; setp.eq.u64 %p1, %rd4, %rd0; selp.u32 %r1, 1, 0, %p1; st.global.u32 [%rd0+24], %r1;
        cvta.shared.u64 %rd5, s; isspacep.shared %p1, %rd5; selp.u32 %r1, 1, 0, %p1; isspacep.local %p1, %rd5; selp.u32 %r2, 2, 0, %p1;
        add.u32 %r1, %r1, %r2; isspacep.global %p1, %rd0; selp.u32 %r2, 4, 0, %p1; add.u32 %r1, %r1, %r2; st.global.u32 [%rd0+28], %r1;
        mov.u32 %r5, t; st.shared.u32 [%r5], 3; ld.shared.u32 %r1, [t]; st.global.u32 [%rd0+32], %r1;";
    assert_eq!(run("sm_70", items, body, &[0; 5]), [11 << 32 | 11, 12, 12, 5 << 32 | 1, 3]);
}

#[test]
fn parameters_lie_where_they_are_declared() {
    let gpu = Gpu::of(
        "sm_70",
        ".visible .entry k(.param .u8 a, .param .align 8 .b8 b[12], .param .u64 out, .param .f32 c)
        { .reg .b64 %rd<4>; .reg .b32 %r<4>;
          ld.param.u64 %rd1, [out]; ld.param.u8 %r1, [a]; st.global.u32 [%rd1], %r1;
          ld.param.u32 %r1, [b+8]; st.global.u32 [%rd1+4], %r1; ld.param.f32 %r1, [c]; st.global.u32 [%rd1+8], %r1; ret; }",
    );
    let kernel = gpu.kernel("k");
    let layout: Vec<_> = kernel.params().iter().map(|p| (p.name.as_str(), p.offset, p.size, p.align)).collect();
    assert_eq!(layout, [("a", 0, 1, 1), ("b", 8, 12, 8), ("out", 24, 8, 8), ("c", 32, 4, 4)]);
    assert_eq!(kernel.param_bytes(), 36);
    let out = gpu.buffer(&[0; 12]);
    gpu.launch("k", 1, 1, &[0x77, 0x1111, 0x2222_3333, out, 0x4040_0000]).unwrap();
    assert_eq!(numbers(&gpu.read(out, 12), 4), [0x77, 0x2222_3333, 0x4040_0000]);
}

#[test]
fn launch_sized_shared_memory_is_behind_the_static_one() {
    let gpu = Gpu::of(
        "sm_70",
        ".shared .align 4 .b8 a[20]; .extern .shared .align 16 .b8 dynamic[];
        .visible .entry k(.param .u64 out)
        { .reg .b64 %rd<4>; .reg .b32 %r<4>; ld.param.u64 %rd1, [out]; st.shared.u32 [a], 1;
          mov.u64 %rd2, dynamic; st.global.u64 [%rd1], %rd2; mov.u32 %r1, %dynamic_smem_size; st.global.u32 [%rd1+8], %r1;
          mov.u32 %r1, %total_smem_size; st.global.u32 [%rd1+12], %r1; st.shared.u32 [dynamic+60], 9; ret; }
        .visible .entry other() { ret; }",
    );
    assert_eq!((gpu.kernel("k").shared_bytes(), gpu.kernel("other").shared_bytes()), (32, 0));
    let out = gpu.buffer(&[0; 16]);
    gpu.launch_with("k", [1, 1, 1], [1, 1, 1], 64, &[out]).unwrap();
    assert_eq!(numbers(&gpu.read(out, 16), 4), [32, 0, 64, 96]);
    assert!(gpu.launch_with("k", [1, 1, 1], [1, 1, 1], 60, &[out]).is_err());
    let too_much = gpu.launch_with("k", [1, 1, 1], [1, 1, 1], 96 << 10, &[out]).unwrap_err();
    assert!(too_much.to_string().contains("bytes of shared memory; sm_70 has 98304"), "{too_much}");
}

#[test]
fn asynchronous_copies_reach_shared_memory() {
    let items = ".shared .align 16 .b8 s[64];";
    let body = "
        st.shared.u32 [s+40], -1; mov.u64 %rd1, s;
        cp.async.ca.shared.global [s], [%rd0], 8; cp.async.cg.shared.global [%rd1+16], [%rd0], 16;
        cp.async.ca.shared.global [%rd1+40], [%rd0], 4, 2; cp.async.commit_group; cp.async.wait_group 0; cp.async.wait_all;
        ld.shared.u64 %rd2, [s]; st.global.u64 [%rd0+16], %rd2; ld.shared.u64 %rd2, [s+24]; st.global.u64 [%rd0+24], %rd2;
        ld.shared.u32 %r1, [s+40]; st.global.u32 [%rd0+32], %r1;";
    let (a, b) = (0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00);
    assert_eq!(run("sm_80", items, body, &[a, b, 0, 0, 0]), [a, b, a, b, 0x7788]);
}

#[test]
fn special_registers() {
    let gpu = Gpu::of(
        "sm_70",
        ".visible .entry k(.param .u64 out)
        { .reg .b64 %rd<9>; .reg .b32 %r<30>; ld.param.u64 %rd1, [out];
          mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z; mov.u32 %r4, %ntid.x; mov.u32 %r5, %ntid.y; mov.u32 %r6, %ntid.z;
          mov.u32 %r7, %ctaid.x; mov.u32 %r8, %ctaid.y; mov.u32 %r9, %ctaid.z; mov.u32 %r10, %nctaid.x; mov.u32 %r11, %nctaid.y; mov.u32 %r12, %nctaid.z;
          mov.u32 %r13, %laneid; mov.u32 %r14, %warpid; mov.u32 %r15, %lanemask_lt; mov.u32 %r16, %lanemask_ge;
          mad.lo.u32 %r20, %r9, %r11, %r8; mad.lo.u32 %r20, %r20, %r10, %r7; mad.lo.u32 %r21, %r3, %r5, %r2; mad.lo.u32 %r21, %r21, %r4, %r1;
          mul.lo.u32 %r22, %r4, %r5; mul.lo.u32 %r22, %r22, %r6; mad.lo.u32 %r20, %r20, %r22, %r21; mul.wide.u32 %rd2, %r20, 16; add.u64 %rd1, %rd1, %rd2;
          st.global.v4.u32 [%rd1], {%r13, %r14, %r15, %r16};
          mov.u64 %rd5, %clock64; mov.u64 %rd6, %globaltimer; mov.u32 %r1, %clock; mov.u32 %r1, %smid; ret; }",
    );
    let out = gpu.buffer(&[0; 16 * 16 * 40]);
    gpu.launch_with("k", [2, 4, 2], [5, 4, 2], 0, &[out]).unwrap();
    for (item, got) in numbers(&gpu.read(out, 16 * 16 * 40), 4).chunks(4).enumerate() {
        let (lane, warp) = ((item % 40 % 32) as u64, (item % 40 / 32) as u64);
        let below = (1_u64 << lane) - 1;
        assert_eq!(got, [lane, warp, below, 0xffff_ffff & !below], "item {item}");
    }
}

#[test]
fn host_functions_copy_and_fill() {
    let memory = ptx_sim::Memory::new(1 << 20);
    let a = memory.allocate(100, 1).unwrap();
    assert_eq!(a % 256, 0);
    memory.write(a + 1, &(0..99).collect::<Vec<u8>>()).unwrap();
    // Overlapping, in both directions.
    memory.copy(a + 3, a + 1, 50).unwrap();
    memory.copy(a + 60, a + 61, 20).unwrap();
    let mut all = [0; 100];
    memory.read(a, &mut all).unwrap();
    let mut expected: Vec<u8> = std::iter::once(0).chain(0..99).collect();
    expected.copy_within(1..51, 3);
    expected.copy_within(61..81, 60);
    assert_eq!(all[..], expected[..]);
    memory.fill(a + 4, &[1, 2, 3], 5).unwrap();
    memory.read(a + 4, &mut all[..16]).unwrap();
    assert_eq!(all[..15], [1, 2, 3].repeat(5)[..]);
    assert!(memory.fill(a, &[0; 4], 26).is_err());
    assert!(memory.write(a + 99, &[0; 2]).is_err());
    assert!(memory.read(a - 1, &mut [0; 1]).is_err());
    assert!(memory.allocate(1 << 20, 1).is_err() && memory.allocate(0, 1).is_err() && memory.allocate(1, 3).is_err());
    assert_eq!(memory.allocation(a + 7), Some((a, 100)));
    assert!(memory.free(a + 1).is_err() && memory.free(a).is_ok() && memory.free(a).is_err());
    assert_eq!((memory.used(), memory.allocation(a)), (0, None));
}

#[test]
fn adopted_memory_is_the_hosts() {
    let gpu = Gpu::of(
        "sm_70",
        ".visible .entry k(.param .u64 p) { .reg .b64 %rd1; ld.param.u64 %rd1, [p]; st.global.u32 [%rd1], 42; ret; }",
    );
    let host = Box::new(std::sync::atomic::AtomicU32::new(0));
    let address = std::ptr::from_ref(&*host) as u64;
    assert!(gpu.launch("k", 1, 1, &[address]).is_err());
    // SAFETY: the number lives until it was freed, and is atomic.
    unsafe { gpu.memory.adopt(address, 4) }.unwrap();
    // SAFETY: nothing comes of it.
    assert!(unsafe { gpu.memory.adopt(address + 2, 4) }.is_err());
    gpu.launch("k", 1, 1, &[address]).unwrap();
    assert_eq!((host.load(std::sync::atomic::Ordering::Relaxed), gpu.memory.used()), (42, 0));
    gpu.memory.free(address).unwrap();
    assert!(gpu.launch("k", 1, 1, &[address]).is_err());
}
