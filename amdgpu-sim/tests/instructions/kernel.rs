//! Kernels of many cases: assembled by LLVM, run by the simulator, compared with the model.

use std::{collections::BTreeSet, fmt::Write as _, fs, process::Command};

use amdgpu_sim::FaultReport;

use super::{
    case::{
        Accuracy, Case, DESTINATION, DESTINATION_WORDS, Destination, SCALAR_BEFORE, SCALAR_DESTINATION, SCALAR_WORDS,
        SCRATCH_OFFSET, Space, VECTOR_BEFORE, WINDOW, WINDOW_OFFSET,
    },
    float::{Number, Round},
    inputs::{self, FIRST_SCALAR, FIRST_VECTOR, LAST_SCALAR, LAST_VECTOR},
    operand::{Type, scalar_text, vector_text},
    target::{Generation, Target},
    wave::{Mode, Wave},
};
use crate::support::{Buffer, Program, Shape, agent, agents, pools, tool};

/// Cases of one kernel.
const CHUNK: usize = 1500;
/// Waves that run each kernel, each with inputs of its own.
pub const WAVES: usize = 4;
/// Bytes that a case writes: four vector registers of 64 lanes, a line of scalars, and its window of memory.
const BLOCK: usize = 1280 + WINDOW;
/// Bytes of memory of a wave around its window.
const MEMORY: usize = 2 * WINDOW_OFFSET;
/// Scalars of a case: destination, VCC, SCC, EXEC, M0.
const SCALARS: usize = SCALAR_WORDS + 6;

/// The lines, counted from one, that the assembler refuses.
pub fn refused_lines(target: &Target, text: &str) -> BTreeSet<usize> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("in.s");
    fs::write(&source, text).unwrap();
    let output = Command::new(tool("llvm-mc").unwrap())
        .args(target.options())
        .args(["-filetype=null"])
        .arg(&source)
        .output()
        .expect("llvm-mc starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    // `in.s:12:3: error: ...`, with a path before it
    let prefix = format!("{}:", source.display());
    errors
        .lines()
        .filter(|line| line.contains(": error:"))
        .filter_map(|line| line.strip_prefix(&prefix)?.split(':').next()?.parse().ok())
        .collect()
}

/// A code object.
pub fn assemble(target: &Target, text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("in.s"), text).unwrap();
    let run = |command: &mut Command| {
        let output = command.output().expect("the tool starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", errors.lines().take(20).collect::<Vec<_>>().join("\n"));
    };
    run(Command::new(tool("llvm-mc").unwrap()).args(target.options()).arg("-filetype=obj").args([
        path("in.s"),
        "-o".into(),
        path("out.o"),
    ]));
    run(Command::new(tool("ld.lld").unwrap()).arg("-shared").args([path("out.o"), "-o".into(), path("out.co")]));
    fs::read(path("out.co")).unwrap()
}

fn flag(set: bool) -> u32 {
    u32::from(set)
}

fn mode_directives(target: &Target, mode: &Mode) -> String {
    let round = |round: Round| match round {
        Round::Even => 0,
        Round::Up => 1,
        Round::Down => 2,
        Round::Zero => 3,
    };
    let denormals = |[taken, given]: [bool; 2]| flag(taken) | flag(given) << 1;
    let mut text = String::new();
    writeln!(text, ".amdhsa_float_round_mode_32 {}", round(mode.round_32)).unwrap();
    writeln!(text, ".amdhsa_float_round_mode_16_64 {}", round(mode.round_16_64)).unwrap();
    writeln!(text, ".amdhsa_float_denorm_mode_32 {}", denormals(mode.denormals_32)).unwrap();
    writeln!(text, ".amdhsa_float_denorm_mode_16_64 {}", denormals(mode.denormals_16_64)).unwrap();
    if target.generation < Generation::Gfx12 {
        writeln!(text, ".amdhsa_ieee_mode {}", flag(mode.ieee)).unwrap();
        writeln!(text, ".amdhsa_dx10_clamp {}", flag(mode.dx10_clamp)).unwrap();
    }
    text
}

/// A kernel with this name and body. It has its kernarg address in s[0:1], the work-group's id in s2, the item's in v0.
pub fn kernel(target: &Target, name: &str, mode: &Mode, body: &str) -> String {
    let mut directives = mode_directives(target, mode);
    if target.generation == Generation::Gfx9 {
        directives.push_str(".amdhsa_accum_offset 128\n");
    } else {
        writeln!(directives, ".amdhsa_wavefront_size32 {}", flag(target.is_wave32())).unwrap();
    }
    if target.has_architected_scratch() {
        directives.push_str(".amdhsa_enable_private_segment 1\n");
    }
    let id = if target.generation == Generation::Gfx12 { "s_mov_b32 s2, ttmp9\n" } else { "" };
    format!(
        ".text\n.globl {name}\n.p2align 8\n.type {name},@function\n{name}:\n{id}{body}\ns_endpgm\n.L{name}:\n\
         .size {name}, .L{name}-{name}\n.rodata\n.p2align 6\n.amdhsa_kernel {name}\n\
         .amdhsa_user_sgpr_kernarg_segment_ptr 1\n.amdhsa_next_free_vgpr 256\n.amdhsa_next_free_sgpr 100\n\
         .amdhsa_group_segment_fixed_size 16384\n.amdhsa_private_segment_fixed_size 256\n\
         .amdhsa_kernarg_size 256\n{directives}.end_amdhsa_kernel\n"
    )
}

/// What comes before all kernels.
pub fn header(target: &Target) -> String {
    format!(".amdgcn_target \"amdgcn-amd-amdhsa--{}\"\n.amdhsa_code_object_version 5\n", target.name)
}

/// Waits for loads.
pub fn wait(target: &Target) -> &'static str {
    match target.generation {
        Generation::Gfx12 => "s_wait_loadcnt 0\ns_wait_dscnt 0\ns_wait_kmcnt 0\n",
        _ => "s_waitcnt vmcnt(0) lgkmcnt(0)\n",
    }
}

struct Names {
    exec: &'static str,
    vcc: &'static str,
    mov: &'static str,
    words: usize,
}

fn names(target: &Target) -> Names {
    if target.is_wave32() {
        Names { exec: "exec_lo", vcc: "vcc_lo", mov: "s_mov_b32", words: 1 }
    } else {
        Names { exec: "exec", vcc: "vcc", mov: "s_mov_b64", words: 2 }
    }
}

fn advance(text: &mut String, register: usize, bytes: &str) {
    writeln!(text, "s_add_u32 s{register}, s{register}, {bytes}\ns_addc_u32 s{0}, s{0}, 0", register + 1).unwrap();
}

/// Loads the banks of vectors and scalars; leaves the address of the results in s[4:5].
fn prologue(target: &Target) -> String {
    let mut text = String::from("v_lshlrev_b32 v1, 4, v0\nv_lshlrev_b32 v0, 2, v0\n");
    text += "v_lshrrev_b32 v3, 2, v0\n";
    text += "s_load_dwordx4 s[4:7], s[0:1], 0x0\ns_load_dwordx2 s[8:9], s[0:1], 0x10\ns_load_dword s16, s[0:1], 0x18\n";
    text += "s_load_dwordx2 s[10:11], s[0:1], 0x20\n";
    text += wait(target);
    writeln!(text, "s_mul_i32 s17, s2, {}", (LAST_VECTOR - FIRST_VECTOR) * 256).unwrap();
    advance(&mut text, 4, "s17");
    text += "s_mul_i32 s17, s2, 256\n";
    advance(&mut text, 6, "s17");
    text += "s_mul_i32 s17, s2, s16\n";
    advance(&mut text, 8, "s17");
    for register in FIRST_VECTOR..LAST_VECTOR {
        writeln!(text, "global_load_dword v{register}, v0, s[4:5]").unwrap();
        advance(&mut text, 4, "256");
    }
    for part in 0..(LAST_SCALAR - FIRST_SCALAR) / 16 {
        let registers = scalar_text(FIRST_SCALAR + 16 * part, 16);
        writeln!(text, "s_load_dwordx16 {registers}, s[6:7], {:#x}", 64 * part).unwrap();
    }
    text += wait(target);
    writeln!(text, "s_mul_i32 s17, s2, {MEMORY}").unwrap();
    advance(&mut text, 10, "s17");
    // A descriptor of raw memory, whose first half is the address.
    let format = match target.generation {
        Generation::Gfx9 => 0x0002_7000_u32,
        Generation::Gfx10 => 0x3101_6000,
        _ => 0x3001_4000,
    };
    writeln!(text, "s_mov_b64 s[0:1], s[10:11]\ns_mov_b32 s2, {MEMORY}\ns_mov_b32 s3, {format:#x}").unwrap();
    text + "s_mov_b64 s[4:5], s[8:9]\n"
}

/// Fills the window with what each lane has in four registers; or copies it to the results.
fn access_window(text: &mut String, target: &Target, space: Space, fill: bool) {
    for part in 0..WINDOW / (16 * target.lanes) {
        let at = part * 16 * target.lanes;
        let registers = vector_text(if fill { VECTOR_BEFORE } else { 8 }, 4);
        let offset = WINDOW_OFFSET + at;
        match (space, fill) {
            (Space::Global, true) => {
                writeln!(text, "v_or_b32 v12, {offset:#x}, v1\nglobal_store_dwordx4 v12, {registers}, s[0:1]").unwrap();
            }
            (Space::Global, false) => {
                writeln!(text, "v_or_b32 v12, {offset:#x}, v1\nglobal_load_dwordx4 {registers}, v12, s[0:1]").unwrap();
            }
            (Space::Lds, true) => writeln!(text, "ds_write_b128 v1, {registers} offset:{offset}").unwrap(),
            (Space::Lds, false) => writeln!(text, "ds_read_b128 {registers}, v1 offset:{offset}").unwrap(),
            (Space::Scratch, true) => {
                writeln!(text, "scratch_store_dwordx4 off, {registers}, off offset:{SCRATCH_OFFSET}").unwrap();
            }
            (Space::Scratch, false) => {
                writeln!(text, "scratch_load_dwordx4 {registers}, off, off offset:{SCRATCH_OFFSET}").unwrap();
            }
        }
        text.push_str(wait(target));
        if !fill {
            writeln!(text, "global_store_dwordx4 v1, {registers}, s[4:5] offset:{}", 1280 + at).unwrap();
        }
        text.push_str(wait_stores(target));
    }
}

/// Waits for stores.
fn wait_stores(target: &Target) -> &'static str {
    match target.generation {
        Generation::Gfx9 => "",
        Generation::Gfx12 => "s_wait_storecnt 0\n",
        _ => "s_waitcnt_vscnt null, 0\n",
    }
}

/// The name that a case has in reports of faults.
fn symbol(number: usize) -> String {
    format!("case_{number}")
}

fn emit(text: &mut String, target: &Target, number: usize, case: &Case) {
    let Names { exec, vcc, mov, words } = names(target);
    let width = case.vector.map_or(0, |destination| destination.kind.words());
    for i in 0..width {
        writeln!(text, "v_mov_b32 v{}, v{}", DESTINATION + i, VECTOR_BEFORE + i).unwrap();
    }
    if case.scalars {
        for i in (0..SCALAR_WORDS).step_by(2) {
            let (to, from) = (scalar_text(SCALAR_DESTINATION + i, 2), scalar_text(SCALAR_BEFORE + i, 2));
            writeln!(text, "s_mov_b64 {to}, {from}").unwrap();
        }
    }
    if let Some(space) = case.space {
        access_window(text, target, space, true);
    }
    text.push_str(&case.before);
    writeln!(text, "s_mov_b32 m0, {}", case.m0.map_or("0".to_owned(), |register| format!("s{register}"))).unwrap();
    writeln!(text, "{mov} {vcc}, {}", scalar_text(case.vcc, words)).unwrap();
    writeln!(text, "s_cmp_eq_u32 0, {}", flag(!case.scc)).unwrap();
    writeln!(text, "{mov} {exec}, {}", scalar_text(case.exec, words)).unwrap();
    writeln!(text, ".type {0},@function\n{0}:\n{1}", symbol(number), case.text).unwrap();
    if case.scalars {
        text.push_str("s_cselect_b32 s16, 1, 0\ns_mov_b64 s[18:19], exec\n");
    }
    writeln!(text, "{mov} {exec}, -1").unwrap();
    if let Some(space) = case.space {
        text.push_str(wait(target));
        text.push_str(wait_stores(target));
        access_window(text, target, space, false);
    }
    text.push_str(&case.after);
    if width > 0 {
        let size = ["", "", "x2", "x3", "x4"][width];
        writeln!(text, "global_store_dword{size} v1, {}, s[4:5]", vector_text(DESTINATION, width)).unwrap();
    }
    if case.scalars {
        for i in 0..SCALAR_WORDS {
            writeln!(text, "v_writelane_b32 v2, s{}, {i}", SCALAR_DESTINATION + i).unwrap();
        }
        for (i, register) in ["vcc_lo", "vcc_hi", "s16", "s18", "s19", "m0"].iter().enumerate() {
            writeln!(text, "v_writelane_b32 v2, {register}, {}", SCALAR_WORDS + i).unwrap();
        }
        writeln!(text, "global_store_dword v0, v2, s[4:5] offset:1024").unwrap();
    }
    advance(text, 4, &BLOCK.to_string());
}

/// Stores the banks, for the comparison with what they were.
fn epilogue(text: &mut String) {
    for register in FIRST_VECTOR..LAST_VECTOR {
        writeln!(text, "global_store_dword v0, v{register}, s[4:5]").unwrap();
        advance(text, 4, "256");
    }
    for first in (FIRST_SCALAR..LAST_SCALAR).step_by(32) {
        for i in 0..32 {
            writeln!(text, "v_writelane_b32 v2, s{}, {i}", first + i).unwrap();
        }
        writeln!(text, "global_store_dword v0, v2, s[4:5]").unwrap();
        advance(text, 4, "256");
    }
}

/// Bytes of the banks behind the cases' results.
const BANKS: usize = (LAST_VECTOR - FIRST_VECTOR) * 256 + (LAST_SCALAR - FIRST_SCALAR) / 32 * 256;

/// Runs the chosen cases in a mode, and gives what differs from the model: the case's number and words about it.
pub fn run(target: &Target, mode: Mode, cases: &[Case], chosen: &[usize]) -> Vec<(usize, String)> {
    let mut differences = Vec::new();
    let waves: Vec<Wave> = (0..WAVES).map(|number| inputs::wave(target, mode, number)).collect();
    for chunk in chosen.chunks(CHUNK) {
        let mut chunk = chunk.to_vec();
        // A case that faults ends the kernel: the others run again without it and its like.
        while let Err((number, fault)) = run_chunk(target, &mode, &waves, cases, &chunk, &mut differences) {
            differences.push((number, fault));
            let culprit = &cases[number];
            chunk.retain(|i| cases[*i].name != culprit.name || cases[*i].form != culprit.form);
        }
    }
    differences
}

fn run_chunk(
    target: &Target,
    mode: &Mode,
    waves: &[Wave],
    cases: &[Case],
    chunk: &[usize],
    differences: &mut Vec<(usize, String)>,
) -> Result<(), (usize, String)> {
    let mut body = prologue(target);
    for number in chunk {
        emit(&mut body, target, *number, &cases[*number]);
    }
    epilogue(&mut body);
    let text = header(target) + &kernel(target, "k", mode, &body);
    let program = Program::on(agent(target.name), &assemble(target, &text));
    let results = launch(&program, target, waves, chunk.len()).map_err(|report| {
        let number = report.site.function.strip_prefix("case_").and_then(|number| number.parse().ok());
        (number.unwrap_or_else(|| panic!("the frame of the cases faults: {report}")), report.to_string())
    })?;
    let stride = chunk.len() * BLOCK + BANKS;
    for (index, wave) in waves.iter().enumerate() {
        let words = &results[index * stride / 4..(index + 1) * stride / 4];
        let mut after = wave.clone();
        for (i, number) in chunk.iter().enumerate() {
            let case = &cases[*number];
            case.prepare(&mut after);
            (case.model)(&mut after);
            if let Some(difference) = compare(case, &after, &words[i * BLOCK / 4..(i + 1) * BLOCK / 4]) {
                differences.push((*number, format!("wave {index}: {difference}")));
            }
        }
        if let Some(difference) = compare_banks(wave, &words[chunk.len() * BLOCK / 4..]) {
            differences.push((chunk[0], format!("wave {index}: {difference}")));
        }
    }
    Ok(())
}

fn launch(program: &Program, target: &Target, waves: &[Wave], cases: usize) -> Result<Vec<u32>, Box<FaultReport>> {
    let vectors: Vec<u32> =
        waves.iter().flat_map(|wave| &wave.v[FIRST_VECTOR..LAST_VECTOR]).flatten().copied().collect();
    let scalars: Vec<u32> = waves.iter().flat_map(|wave| &wave.s[FIRST_SCALAR..LAST_SCALAR]).copied().collect();
    let stride = cases * BLOCK + BANKS;
    let pool = pools(agents()[0])[0];
    let (vectors, scalars) = (Buffer::of(pool, &vectors), Buffer::of(pool, &scalars));
    let out = Buffer::of(pool, &vec![0_u32; waves.len() * stride / 4]);
    let memory = Buffer::of(pool, &vec![0_u32; waves.len() * MEMORY / 4]);
    let window = memory.address as u64;
    // Kernels add offsets to the low half alone.
    assert_eq!(window >> 32, (window + (waves.len() * MEMORY) as u64) >> 32, "the memory crosses 4 GiB");
    let arguments = [vectors.address as u64, scalars.address as u64, out.address as u64, stride as u64, window];
    let shape = Shape::linear((waves.len() * target.lanes) as u32, target.lanes as u16);
    program.launch("k", &arguments, shape)?;
    Ok(out.read())
}

fn compare_banks(wave: &Wave, words: &[u32]) -> Option<String> {
    let lanes = wave.target.lanes;
    for register in FIRST_VECTOR..LAST_VECTOR {
        let at = (register - FIRST_VECTOR) * 64;
        if words[at..at + lanes] != wave.v[register][..lanes] {
            return Some(format!("v{register} has changed, which no case writes"));
        }
    }
    let scalars = &words[(LAST_VECTOR - FIRST_VECTOR) * 64..];
    (FIRST_SCALAR..LAST_SCALAR).find_map(|register| {
        let at = (register - FIRST_SCALAR) / 32 * 64 + (register - FIRST_SCALAR) % 32;
        (scalars[at] != wave.s[register]).then(|| format!("s{register} has changed, which no case writes"))
    })
}

fn compare(case: &Case, expected: &Wave, words: &[u32]) -> Option<String> {
    if let Some(destination) = case.vector {
        let width = destination.kind.words();
        for lane in 0..expected.target.lanes {
            if expected.unspecified >> lane & 1 == 1 {
                continue;
            }
            // A store of several registers has them beside each other.
            let at = lane * 4;
            let got = (0..width).fold(0, |value, i| value | u128::from(words[at + i]) << (32 * i));
            let model = expected.vector(DESTINATION, width, lane);
            if got != model && !is_close(&destination, got, model) {
                let active = if expected.is_active(lane) { "active" } else { "inactive" };
                return Some(format!("lane {lane} ({active}): simulator {got:#x}, model {model:#x}"));
            }
        }
    }
    if case.space.is_some() {
        let got: Vec<u8> = words[320..].iter().flat_map(|word| word.to_le_bytes()).collect();
        // Scratch has a window of each lane.
        let size = if case.space == Some(Space::Scratch) { 16 * expected.target.lanes } else { WINDOW };
        let differs = (0..size).find(|at| got[*at] != expected.window[*at] && !expected.open[*at]);
        if let Some(at) = differs {
            let (slot, part) = (at & !15, |bytes: &[u8]| format!("{:02x?}", &bytes[at & !15..(at & !15) + 16]));
            return Some(format!("memory at {slot}: simulator {}, model {}", part(&got), part(&expected.window)));
        }
    }
    if case.scalars {
        let scalars = &words[256..256 + SCALARS];
        let mut model: Vec<u32> = expected.s[SCALAR_DESTINATION..SCALAR_DESTINATION + SCALAR_WORDS].to_vec();
        let high = |mask: u64| if expected.target.is_wave32() { 0 } else { (mask >> 32) as u32 };
        model.extend([expected.vcc as u32, high(expected.vcc), u32::from(expected.scc)]);
        model.extend([expected.exec as u32, high(expected.exec), expected.m0]);
        let mut got = scalars.to_vec();
        if expected.target.is_wave32() {
            // The high halves are not the wave's.
            got[SCALAR_WORDS + 1] = 0;
            got[SCALAR_WORDS + 4] = 0;
        }
        if case.vector.is_some() {
            // Lanes that are left open have bits in the masks.
            for i in [0, 1, SCALAR_WORDS, SCALAR_WORDS + 1] {
                let open = (expected.unspecified >> (32 * (i % 2))) as u32;
                (model[i], got[i]) = (model[i] & !open, got[i] & !open);
            }
        }
        if expected.scalar_unspecified {
            got[0] = model[0];
        }
        let is_near = |destination: &Destination| is_close(destination, u128::from(got[0]), u128::from(model[0]));
        if case.scalar_float.as_ref().is_some_and(is_near) {
            got[0] = model[0];
        }
        if model != got {
            let what = "destination x 4, vcc x 2, scc, exec x 2, m0";
            return Some(format!("simulator {got:x?}, model {model:x?} ({what})"));
        }
    }
    None
}

fn is_close(destination: &Destination, got: u128, model: u128) -> bool {
    let Some(format) = destination.kind.format() else { return false };
    let width = format.width();
    let parts = match destination.kind {
        Type::PkF16 | Type::PkF32 | Type::PkBF16 => 2,
        _ => 1,
    };
    // Above a number of 16 bits, the register has what it had.
    let above = (width * parts).min(127);
    if got >> above != model >> above {
        return false;
    }
    (0..parts).all(|part| {
        let cut = |value: u128| (value >> (part * width)) as u64 & (format.sign() | (format.sign() - 1));
        let (got, model) = (cut(got), cut(model));
        if got == model {
            return true;
        }
        if format.is_nan(got) || format.is_nan(model) {
            return format.is_nan(got) && format.is_nan(model) && !format.is_signalling(got);
        }
        match destination.accuracy {
            Accuracy::Exact => false,
            Accuracy::Units(units) => {
                // As integers, with minus zero beside zero.
                let order = |bits: u64| {
                    let magnitude = i128::from(bits & (format.sign() - 1));
                    if bits & format.sign() != 0 { -magnitude } else { magnitude }
                };
                (order(got) - order(model)).unsigned_abs() <= u128::from(units)
            }
            Accuracy::Absolute(limit) => {
                let value = |bits| Number::of(bits, format).to_f64();
                (value(got) - value(model)).abs() <= limit
            }
        }
    })
}

/// Registers of a destination that is preloaded must lie within what the model has.
const _: () = assert!(VECTOR_BEFORE + DESTINATION_WORDS <= LAST_VECTOR && SCALAR_BEFORE + SCALAR_WORDS <= LAST_SCALAR);
