//! Instructions that the CDNA targets have from GFX9: registers by index, video, legacy forms.

mod support;

use half::f16;
use support::{
    Buffer, Program, Shape, compile_for, have_llvm,
    lanes::{Case, GFX90A, GFX942, Machine, Registers, Test, all_targets, check, words},
};

const DYNAMIC: &str = r#"
define amdgpu_kernel void @k(ptr addrspace(1) %out, ptr addrspace(1) %in, i32 %i, i32 %j) {
  %l = call range(i32 0, 64) i32 @llvm.amdgcn.workitem.id.x()
  %p = getelementptr <16 x i32>, ptr addrspace(1) %in, i32 %l
  %v = load <16 x i32>, ptr addrspace(1) %p
  %n = mul i32 %l, 1000
  %w = insertelement <16 x i32> %v, i32 %n, i32 %i
  %e = extractelement <16 x i32> %w, i32 %j
  %x = insertelement <16 x i32> %w, i32 %e, i32 0
  %q = getelementptr <16 x i32>, ptr addrspace(1) %out, i32 %l
  store <16 x i32> %x, ptr addrspace(1) %q
  ret void
}
declare i32 @llvm.amdgcn.workitem.id.x()
"#;

#[test]
fn arrays_in_registers_are_indexed_at_run_time() {
    if !have_llvm() {
        return;
    }
    all_targets();
    let input: Vec<u32> = words(1, 64 * 16);
    for target in ["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201"] {
        let program = Program::on(support::agent(target), &compile_for(target, DYNAMIC, &[]));
        let (source, out) = (Buffer::of(program.pool(), &input), Buffer::of(program.pool(), &vec![0_u32; 64 * 16]));
        for (i, j) in [(0, 0), (5, 5), (15, 3), (7, 15), (1, 2)] {
            let args = [out.address as u64, source.address as u64, i | j << 32];
            program.launch("k", &args, Shape::linear(64, 64)).unwrap_or_else(|report| panic!("{target}: {report}"));
            let expected: Vec<u32> = input
                .chunks_exact(16)
                .enumerate()
                .flat_map(|(lane, row)| {
                    let mut row = row.to_vec();
                    row[i as usize] = lane as u32 * 1000;
                    row[0] = row[j as usize];
                    row
                })
                .collect();
            assert_eq!(out.read(), expected, "{target} {i} {j}");
        }
    }
}

/// What v8 to v13 hold after this, where v2 to v7 held lane + 100 * register.
fn moved(text: &str) -> Vec<u64> {
    let inputs = (2..14).map(|register| {
        let values: Vec<u64> = (0..64).map(|lane| lane + 100 * register).collect();
        ("v", register as usize, Registers::of(&values, |value| *value, 1))
    });
    let case = Case { text: text.to_owned(), inputs: inputs.collect(), output: ("v", 2, 12) };
    let got = GFX942.run(&[case]).remove(0).unwrap_or_else(|report| panic!("{text}: {report}"));
    (0..12).map(|register| got.get(5, register, 32)).collect()
}

#[test]
fn indices_count_from_the_named_register() {
    if !have_llvm() {
        return;
    }
    let plain: Vec<u64> = (2..14).map(|register| 5 + 100 * register).collect();
    let with = |at: usize, value: u64| {
        let mut all = plain.clone();
        all[at - 2] = value;
        all
    };
    let on = |list: &str, index: u32, rest: &str| {
        format!("s_mov_b32 s8, {index}\ns_set_gpr_idx_on s8, gpr_idx({list})\n{rest}\ns_set_gpr_idx_off")
    };
    assert_eq!(moved(&on("SRC0", 3, "v_mov_b32 v2, v4")), with(2, 5 + 100 * 7));
    assert_eq!(moved(&on("DST", 3, "v_mov_b32 v9, v4")), with(12, 5 + 100 * 4));
    assert_eq!(moved(&on("SRC0,DST", 2, "v_mov_b32 v9, v4")), with(11, 5 + 100 * 6));
    assert_eq!(moved(&on("SRC1", 4, "v_add_u32 v2, v3, v4")), with(2, 10 + 100 * 11));
    // The index may change, and so may what it is for.
    let changed = on("SRC0", 1, "s_mov_b32 s9, 5\ns_set_gpr_idx_idx s9\nv_mov_b32 v2, v4");
    assert_eq!(moved(&changed), with(2, 5 + 100 * 9));
    let changed = on("SRC0", 3, "s_set_gpr_idx_mode gpr_idx(DST)\nv_mov_b32 v9, v4");
    assert_eq!(moved(&changed), with(12, 5 + 100 * 4));
    // Lanes that are not active stay as they are.
    let masked = format!("s_mov_b64 exec, 0xf\n{}", on("DST", 3, "v_mov_b32 v9, v4"));
    assert_eq!(moved(&masked), plain);
    // Afterwards registers are those that are named.
    assert_eq!(moved(&format!("{}\nv_mov_b32 v2, v4", on("SRC0", 3, "s_nop 0"))), with(2, 5 + 100 * 4));
}

fn bytes(word: u64) -> [i64; 8] {
    word.to_le_bytes().map(i64::from)
}

#[test]
fn differences_of_bytes_are_summed() {
    if !have_llvm() {
        return;
    }
    let wide = |seed: u64| -> Vec<u64> {
        words(seed, 128).chunks_exact(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32).collect()
    };
    // The reference has zeros in it.
    let reference: Vec<u64> = words(3, 64)
        .iter()
        .zip(words(4, 64))
        .map(|(word, which)| {
            (0..4).filter(|i| which >> (3 * i) & 3 != 0).map(|i| u64::from(word & 0xff << (8 * i))).sum()
        })
        .collect();
    let (a, c) = (wide(1), wide(2));
    let sum = |lane: usize, from: usize, masked: bool| -> u64 {
        let (a, b) = (bytes(a[lane]), bytes(reference[lane]));
        (0..4).filter(|i| !masked || b[*i] != 0).map(|i| (a[from + i] - b[i]).unsigned_abs()).sum()
    };
    let mut tests = Vec::new();
    let mut add = |text: &str, width: usize, f: &dyn Fn(usize) -> u64| {
        let (text, sources) = (text.to_owned(), vec![a.clone(), reference.clone(), c.clone()]);
        tests.push(Test { text, sources, width, old: vec![0; 64], expected: (0..64).map(f).collect() });
    };
    let low = |x: u64| x & 0xffff_ffff;
    add("v_sad_u8 v8, v2, v4, v6", 1, &|lane| low(sum(lane, 0, false) + low(c[lane])));
    add("v_sad_hi_u8 v8, v2, v4, v6", 1, &|lane| low((sum(lane, 0, false) << 16) + low(c[lane])));
    add("v_msad_u8 v8, v2, v4, v6", 1, &|lane| low(sum(lane, 0, true) + low(c[lane])));
    for (name, masked) in [("v_qsad_pk_u16_u8", false), ("v_mqsad_pk_u16_u8", true)] {
        add(&format!("{name} v[8:9], v[2:3], v4, v[6:7]"), 2, &|lane| {
            let part = |i: usize| (sum(lane, i, masked) + (c[lane] >> (16 * i) & 0xffff)) & 0xffff;
            (0..4).map(|i| part(i) << (16 * i)).sum()
        });
    }
    for machine in [GFX942, Machine { target: "gfx1201", lanes: 32 }] {
        let again = tests.iter().map(|test| Test {
            text: test.text.clone(),
            sources: test.sources.clone(),
            width: test.width,
            old: test.old.clone(),
            expected: test.expected.clone(),
        });
        check(machine, again.collect());
    }
    // Sums of 32 bits, in four registers.
    let thirds: Vec<Vec<u64>> = (5..9).map(|seed| words(seed, 64).into_iter().map(u64::from).collect()).collect();
    let mut inputs = vec![("v", 2, Registers::of(&a, |x| *x, 2)), ("v", 4, Registers::of(&reference, |x| *x, 1))];
    inputs.extend(thirds.iter().enumerate().map(|(i, third)| ("v", 12 + i, Registers::of(third, |x| *x, 1))));
    let text = "v_mqsad_u32_u8 v[8:11], v[2:3], v4, v[12:15]".to_owned();
    let got = GFX942.run(&[Case { text, inputs, output: ("v", 8, 4) }]).remove(0).unwrap();
    for (lane, i) in (0..64).flat_map(|lane| (0..4).map(move |i| (lane, i))) {
        assert_eq!(got.get(lane, i, 32), low(sum(lane, i, true) + thirds[i][lane]), "lane {lane}, sum {i}");
    }
}

#[test]
fn directions_go_through_faces_of_a_cube() {
    if !have_llvm() {
        return;
    }
    // Axis, whether it is negative, and the two coordinates on the face, for a direction that has no ties.
    let face = |[x, y, z]: [f32; 3]| -> [f32; 4] {
        let (major, id, s, t) = if z.abs() > x.abs().max(y.abs()) {
            (z, if z < 0.0 { 5.0 } else { 4.0 }, if z < 0.0 { -x } else { x }, -y)
        } else if y.abs() > x.abs() {
            (y, if y < 0.0 { 3.0 } else { 2.0 }, x, if y < 0.0 { -z } else { z })
        } else {
            (x, if x < 0.0 { 1.0 } else { 0.0 }, if x < 0.0 { z } else { -z }, -y)
        };
        [id, s, t, 2.0 * major]
    };
    let number = |word: u32| (word % 2001) as f32 / 1000.0 - 1.0;
    let directions: Vec<[f32; 3]> = words(11, 192).chunks_exact(3).map(|w| [w[0], w[1], w[2]].map(number)).collect();
    let source = |axis: usize| directions.iter().map(|d| u64::from(d[axis].to_bits())).collect::<Vec<u64>>();
    let tests = ["id", "sc", "tc", "ma"].iter().enumerate().map(|(which, name)| Test {
        text: format!("v_cube{name}_f32 v8, v2, v4, v6"),
        sources: (0..3).map(source).collect(),
        width: 1,
        old: vec![0; 64],
        expected: directions.iter().map(|d| u64::from(face(*d)[which].to_bits())).collect(),
    });
    check(GFX942, tests.collect());
}

#[test]
fn legacy_forms_clear_half_a_register() {
    if !have_llvm() {
        return;
    }
    let halves = |seed: u64| -> Vec<f16> {
        words(seed, 64).iter().map(|word| f16::from_f32((word % 4001) as f32 / 256.0 - 8.0)).collect()
    };
    let (a, b, c) = (halves(21), halves(22), halves(23));
    let encoded = |x: &[f16]| x.iter().map(|x| u64::from(x.to_bits())).collect::<Vec<u64>>();
    // Rounded after the product, and after the sum.
    let mad = |lane: usize| {
        let product = f16::from_f32(a[lane].to_f32() * b[lane].to_f32());
        u64::from(f16::from_f32(product.to_f32() + c[lane].to_f32()).to_bits())
    };
    let fma = |lane: usize| {
        // Exact in f64: products have 22 bits, and the exponents are near each other.
        let exact = a[lane].to_f64() * b[lane].to_f64() + c[lane].to_f64();
        let nearest = f16::from_f64(exact);
        u64::from(nearest.to_bits())
    };
    let high = 0xabcd_0000_u64;
    let test = |text: &str, f: &dyn Fn(usize) -> u64, keeps: bool, third: bool| Test {
        text: text.to_owned(),
        sources: vec![encoded(&a), encoded(&b), encoded(&c)],
        width: 1,
        old: if third { encoded(&c).iter().map(|x| (*x | high) as u32).collect() } else { vec![high as u32; 64] },
        expected: (0..64).map(|lane| f(lane) | if keeps { high } else { 0 }).collect(),
    };
    for machine in [GFX90A, GFX942] {
        let tests = vec![
            test("v_mad_f16 v8, v2, v4, v6", &mad, true, false),
            test("v_mad_legacy_f16 v8, v2, v4, v6", &mad, false, false),
            test("v_mac_f16 v8, v2, v4", &mad, true, true),
            test("v_fma_legacy_f16 v8, v2, v4, v6", &fma, false, false),
            test("v_fma_f16 v8, v2, v4, v6", &fma, true, false),
        ];
        check(machine, tests);
    }
}

#[test]
fn numbers_become_normalized_integers() {
    if !have_llvm() {
        return;
    }
    let values: Vec<f16> = (0..64).map(|lane| f16::from_f32((lane as f32 - 32.0) / 24.0)).collect();
    let source: Vec<u64> = values.iter().map(|x| u64::from(x.to_bits())).collect();
    let signed = |x: f16| u64::from((f64::from(x.to_f32()).clamp(-1.0, 1.0) * 32767.0).round_ties_even() as i16 as u16);
    let unsigned = |x: f16| u64::from((f64::from(x.to_f32()).clamp(0.0, 1.0) * 65535.0).round_ties_even() as u16);
    let test = |text: &str, f: &dyn Fn(f16) -> u64| Test {
        text: text.to_owned(),
        sources: vec![source.clone(), source.clone()],
        width: 1,
        old: vec![0; 64],
        expected: values.iter().map(|x| f(*x)).collect(),
    };
    let bytes = |x: f16| {
        let byte = (x.to_f32() * 100.0).round_ties_even().clamp(0.0, 255.0) as u64;
        0x1234_5678 & !0xff00 | byte << 8
    };
    let mut tests = vec![
        test("v_cvt_norm_i16_f16 v8, v2", &signed),
        test("v_cvt_norm_u16_f16 v8, v2", &unsigned),
        test("v_cvt_pknorm_i16_f16 v8, v2, v4", &|x| signed(x) | signed(x) << 16),
        test("v_cvt_pknorm_u16_f16 v8, v2, v4", &|x| unsigned(x) | unsigned(x) << 16),
    ];
    tests.push(Test {
        text: "v_cvt_pkaccum_u8_f32 v8, v2, v4".to_owned(),
        sources: vec![values.iter().map(|x| u64::from((x.to_f32() * 100.0).to_bits())).collect(), vec![1; 64]],
        width: 1,
        old: vec![0x1234_5678; 64],
        expected: values.iter().map(|x| bytes(*x)).collect(),
    });
    check(GFX942, tests);
}
