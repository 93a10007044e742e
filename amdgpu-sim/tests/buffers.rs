//! Buffers: atomics, sizes, loads into LDS; and the less common exchanges with LDS.

mod support;

use support::{
    Buffer, Program, Shape, agent, compile_for, have_llvm,
    lanes::{Case, GFX942, Registers, all_targets, words},
};

const TARGETS: [&str; 5] = ["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201"];

/// Word 3 of a buffer resource, as the runtimes of the targets write it: on RDNA sizes are in bytes.
fn word3(target: &str) -> u32 {
    match target {
        "gfx90a" | "gfx942" => 0x0002_7000,
        _ => 0x3101_6fac,
    }
}

const BUFFER: &str = r#"
define amdgpu_kernel void @copy(ptr addrspace(1) %in, ptr addrspace(1) %out, i32 %bytes, i32 %word3) {
  %l = call range(i32 0, 64) i32 @llvm.amdgcn.workitem.id.x()
  %a = call ptr addrspace(8) @llvm.amdgcn.make.buffer.rsrc.p8.p1(ptr addrspace(1) %in, i16 0, i64 256, i32 %word3)
  %b = call ptr addrspace(8) @llvm.amdgcn.make.buffer.rsrc.p8.p1(ptr addrspace(1) %out, i16 0, i64 128, i32 %word3)
  %o = mul i32 %l, 4
  %v = call i32 @llvm.amdgcn.raw.ptr.buffer.load.i32(ptr addrspace(8) %a, i32 %o, i32 %bytes, i32 0)
  %w = add i32 %v, 1
  call void @llvm.amdgcn.raw.ptr.buffer.store.i32(i32 %w, ptr addrspace(8) %b, i32 %o, i32 0, i32 0)
  ret void
}
define amdgpu_kernel void @count(ptr addrspace(1) %in, ptr addrspace(1) %out, i32 %bytes, i32 %word3) {
  %l = call range(i32 0, 64) i32 @llvm.amdgcn.workitem.id.x()
  %a = call ptr addrspace(8) @llvm.amdgcn.make.buffer.rsrc.p8.p1(ptr addrspace(1) %in, i16 0, i64 256, i32 %word3)
  %h = lshr i32 %l, 1
  %o = mul i32 %h, 4
  %old = call i32 @llvm.amdgcn.raw.ptr.buffer.atomic.add.i32(i32 1, ptr addrspace(8) %a, i32 %o, i32 0, i32 0)
  %x = call i32 @llvm.amdgcn.raw.ptr.buffer.atomic.umax.i32(i32 %l, ptr addrspace(8) %a, i32 128, i32 0, i32 0)
  %s = call i32 @llvm.amdgcn.raw.ptr.buffer.atomic.cmpswap.i32(i32 77, i32 5, ptr addrspace(8) %a, i32 132, i32 0, i32 0)
  %far = add i32 %o, 4096
  %n = call i32 @llvm.amdgcn.raw.ptr.buffer.atomic.add.i32(i32 1, ptr addrspace(8) %a, i32 %far, i32 0, i32 0)
  %p = getelementptr i32, ptr addrspace(1) %out, i32 %l
  %sum = add i32 %old, %n
  store i32 %sum, ptr addrspace(1) %p
  ret void
}
"#;

#[test]
fn buffers_end_where_their_size_says() {
    if !have_llvm() {
        return;
    }
    all_targets();
    let input = words(1, 128);
    for target in TARGETS {
        let program = Program::on(agent(target), &compile_for(target, BUFFER, &[]));
        let source = Buffer::of(program.pool(), &input);
        for shift in [0_u32, 64] {
            let out = Buffer::of(program.pool(), &[9_u32; 64]);
            let args = [source.address as u64, out.address as u64, u64::from(shift) | u64::from(word3(target)) << 32];
            program.launch("copy", &args, Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{target}: {report}"));
            let expected: Vec<u32> = (0..64_usize)
                .map(|lane| {
                    let at = lane + shift as usize / 4;
                    // The first buffer has 64 words, the second one 32.
                    let value = if at < 64 { input[at] } else { 0 };
                    if lane < 32 { value.wrapping_add(1) } else { 9 }
                })
                .collect();
            assert_eq!(out.read(), expected, "{target}, {shift} bytes on");
        }
    }
}

#[test]
fn buffers_are_changed_atomically() {
    if !have_llvm() {
        return;
    }
    all_targets();
    for target in TARGETS {
        let program = Program::on(agent(target), &compile_for(target, BUFFER, &[]));
        let mut before = vec![0_u32; 64];
        before[33] = 5;
        let (counts, out) = (Buffer::of(program.pool(), &before), Buffer::of(program.pool(), &[9_u32; 64]));
        let args = [counts.address as u64, out.address as u64, u64::from(word3(target)) << 32];
        program.launch("count", &args, Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{target}: {report}"));
        let mut expected = vec![0; 64];
        expected[..32].fill(2);
        (expected[32], expected[33]) = (63, 77);
        assert_eq!(counts.read(), expected, "{target}");
        // The two lanes of each counter got 0 and 1; beyond the buffer there is nothing to add to.
        let mut got = out.read();
        got.chunks_exact_mut(2).for_each(|pair| pair.sort_unstable());
        assert!(got.chunks_exact(2).all(|pair| pair == [0, 1]), "{target}: {got:?}");
    }
}

const INTO_LDS: &str = r#"
@tile = internal addrspace(3) global [128 x i32] undef, align 16
define amdgpu_kernel void @k(ptr addrspace(1) %in, ptr addrspace(1) %out) {
  %l = call range(i32 0, 64) i32 @llvm.amdgcn.workitem.id.x()
  %m = sub i32 63, %l
  %p = getelementptr i32, ptr addrspace(1) %in, i32 %m
  call void @llvm.amdgcn.global.load.lds(ptr addrspace(1) %p, ptr addrspace(3) @tile, i32 4, i32 0, i32 0)
  %second = getelementptr i8, ptr addrspace(3) @tile, i32 256
  %b = getelementptr i8, ptr addrspace(1) %in, i32 %l
  call void @llvm.amdgcn.global.load.lds(ptr addrspace(1) %b, ptr addrspace(3) %second, i32 1, i32 0, i32 0)
  fence syncscope("workgroup") release
  call void @llvm.amdgcn.s.barrier()
  fence syncscope("workgroup") acquire
  %n = xor i32 %l, 1
  %s = getelementptr [128 x i32], ptr addrspace(3) @tile, i32 0, i32 %n
  %v = load i32, ptr addrspace(3) %s
  %t = getelementptr i32, ptr addrspace(3) %s, i32 64
  %w = load i32, ptr addrspace(3) %t
  %q = getelementptr i32, ptr addrspace(1) %out, i32 %l
  store i32 %v, ptr addrspace(1) %q
  %r = getelementptr i32, ptr addrspace(1) %q, i32 64
  store i32 %w, ptr addrspace(1) %r
  ret void
}
define amdgpu_kernel void @buffer(ptr addrspace(1) %in, ptr addrspace(1) %out) {
  %l = call range(i32 0, 64) i32 @llvm.amdgcn.workitem.id.x()
  %a = call ptr addrspace(8) @llvm.amdgcn.make.buffer.rsrc.p8.p1(ptr addrspace(1) %in, i16 0, i64 200, i32 159744)
  %o = mul i32 %l, 4
  call void @llvm.amdgcn.raw.ptr.buffer.load.lds(ptr addrspace(8) %a, ptr addrspace(3) @tile, i32 4, i32 %o, i32 0, i32 8, i32 0)
  call void @llvm.amdgcn.s.waitcnt(i32 0)
  %s = getelementptr [128 x i32], ptr addrspace(3) @tile, i32 0, i32 %l
  %t = getelementptr i8, ptr addrspace(3) %s, i32 8
  %v = load i32, ptr addrspace(3) %t
  %q = getelementptr i32, ptr addrspace(1) %out, i32 %l
  store i32 %v, ptr addrspace(1) %q
  ret void
}
"#;

#[test]
fn memory_is_loaded_into_lds() {
    if !have_llvm() {
        return;
    }
    all_targets();
    let input = words(3, 80);
    let bytes: Vec<u8> = input.iter().flat_map(|word| word.to_le_bytes()).collect();
    let program = Program::on(agent("gfx942"), &compile_for("gfx942", INTO_LDS, &[]));
    let (source, out) = (Buffer::of(program.pool(), &input), Buffer::of(program.pool(), &[9_u32; 128]));
    let args = [source.address as u64, out.address as u64];
    program.launch("k", &args, Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{report}"));
    let expected: Vec<u32> = (0..128_usize)
        .map(|at| match (at % 64) ^ 1 {
            lane if at < 64 => input[63 - lane],
            lane => u32::from(bytes[lane]),
        })
        .collect();
    assert_eq!(out.read(), expected);
    program.launch("buffer", &args, Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{report}"));
    // The buffer has 50 words; the instruction's offset counts in it and in LDS.
    let expected: Vec<u32> = (0..64).map(|lane| if lane + 2 < 50 { input[lane + 2] } else { 0 }).collect();
    assert_eq!(out.read()[..64], expected);
}

/// Runs instructions on 128 words of LDS that hold these values; gives v8, v9, and what LDS holds after.
fn exchange(text: &str, lds: &[u32; 128], registers: [Vec<u64>; 4]) -> (Vec<u64>, Vec<u32>) {
    let mut inputs: Vec<_> = registers
        .iter()
        .zip([2, 4, 6, 8])
        .map(|(values, first)| ("v", first, Registers::of(values, |value| *value, 2)))
        .collect();
    let half = |from: usize| Registers { words: lds[from..from + 64].to_vec() };
    inputs.extend([("v", 20, half(0)), ("v", 21, half(64))]);
    let text = format!(
        "v_lshlrev_b32 v30, 2, v0\nds_write_b32 v30, v20\nds_write_b32 v30, v21 offset:256\ns_waitcnt lgkmcnt(0)\n\
         {text}\ns_waitcnt lgkmcnt(0)\ns_mov_b64 exec, -1\nds_read_b32 v10, v30\nds_read_b32 v11, v30 offset:256\n\
         s_waitcnt lgkmcnt(0)"
    );
    let case = Case { text: text.clone(), inputs, output: ("v", 8, 4) };
    let got = GFX942.run(&[case]).remove(0).unwrap_or_else(|report| panic!("{text}: {report}"));
    let result = (0..64).map(|lane| got.get(lane, 0, 64)).collect();
    (result, got.words[128..].to_vec())
}

#[test]
fn lds_is_exchanged_in_every_way() {
    if !have_llvm() {
        return;
    }
    let lds: [u32; 128] = words(5, 128).try_into().unwrap();
    let wide = |seed: u64| -> Vec<u64> {
        words(seed, 128).chunks_exact(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32).collect()
    };
    // Each lane has a word of its own, in another order than the lanes, or a pair of words.
    let place = |lane: usize| lane ^ 5;
    let single: Vec<u64> = (0..64).map(|lane| 4 * place(lane) as u64).collect();
    let double: Vec<u64> = (0..64).map(|lane| 8 * place(lane) as u64).collect();
    let (a, b, zero) = (wide(6), wide(7), vec![0; 64]);
    let pair = |lds: &[u32], at: usize| u64::from(lds[2 * at]) | u64::from(lds[2 * at + 1]) << 32;
    let with = |registers: &Vec<u64>| [registers.clone(), a.clone(), b.clone(), zero.clone()];

    let (old, after) = exchange("ds_mskor_rtn_b32 v8, v2, v4, v6 offset:4", &lds, with(&single));
    for lane in 0..64 {
        let at = place(lane) + 1;
        assert_eq!(old[lane], u64::from(lds[at]));
        assert_eq!(after[at], lds[at] & !(a[lane] as u32) | b[lane] as u32);
    }
    let (_, after) = exchange("ds_mskor_b64 v2, v[4:5], v[6:7]", &lds, with(&double));
    for lane in 0..64 {
        let at = place(lane);
        assert_eq!(pair(&after, at), pair(&lds, at) & !a[lane] | b[lane]);
    }
    let (old, after) = exchange("ds_wrap_rtn_b32 v8, v2, v4, v6", &lds, with(&single));
    for lane in 0..64 {
        let (at, less, more) = (place(lane), a[lane] as u32, b[lane] as u32);
        assert_eq!(old[lane], u64::from(lds[at]));
        assert_eq!(after[at], if lds[at] >= less { lds[at] - less } else { lds[at].wrapping_add(more) });
    }
    let (old, after) = exchange("ds_wrxchg2_rtn_b32 v[8:9], v2, v4, v6 offset1:64", &lds, with(&single));
    for lane in 0..64 {
        let at = place(lane);
        assert_eq!(old[lane], u64::from(lds[at]) | u64::from(lds[at + 64]) << 32, "lane {lane}");
        assert_eq!((after[at], after[at + 64]), (a[lane] as u32, b[lane] as u32), "lane {lane}");
    }
    let (old, after) = exchange("ds_condxchg32_rtn_b64 v[8:9], v2, v[4:5]", &lds, with(&double));
    for lane in 0..64 {
        let at = place(lane);
        assert_eq!(old[lane], pair(&lds, at));
        let half = |old: u32, new: u32| if new >> 31 == 1 { new & 0x7fff_ffff } else { old };
        let expected = [half(lds[2 * at], a[lane] as u32), half(lds[2 * at + 1], (a[lane] >> 32) as u32)];
        assert_eq!(after[2 * at..2 * at + 2], expected);
    }
    // Counters that a wave shares.
    let counter = "s_mov_b32 m0, 16\ns_mov_b64 exec, 0xff0f\n";
    for (name, by) in [("append", 12_u32), ("consume", 12_u32.wrapping_neg())] {
        let (old, after) = exchange(&format!("{counter}ds_{name} v8 offset:8"), &lds, with(&zero));
        assert!(old.iter().enumerate().all(|(lane, old)| match 0xff0f_u64 >> lane & 1 {
            1 => *old == u64::from(lds[6]),
            _ => *old == 0,
        }));
        assert_eq!(after[6], lds[6].wrapping_add(by));
    }
    // The lane's own place.
    let text = "s_mov_b32 m0, 128\nds_read_addtid_b32 v8 offset:16\nds_write_addtid_b32 v4 offset:32";
    let (old, after) = exchange(text, &lds, with(&zero));
    for lane in 0..64 {
        assert_eq!(old[lane], u64::from(lds[36 + lane]));
        assert_eq!(after[40 + lane], a[lane] as u32);
    }
}
