//! Which registers an instruction reads and writes, and of which sort it is: what the checks and the counters know of it
//! beside its step.
//!
//! It follows from the text: operands, in the order in which LLVM's assembler has them, and a few rules about which of them
//! are results. Registers that the text does not name are added where a load may fill them: VCC and M0. (EXEC and SCC
//! cannot be loaded from memory.)

use super::{
    target::Target,
    text::{EXEC, M0, Operand, Parsed, VCC},
};

/// What an instruction is, for counting it and for knowing what must be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Scalar arithmetic, and all scalar instructions that are nothing else.
    Salu,
    /// Vector arithmetic.
    Valu,
    /// Matrix arithmetic.
    Matrix,
    /// Scalar memory.
    Smem,
    /// Memory by vector addresses: GLOBAL and BUFFER.
    Vmem(Effect),
    /// Memory, LDS or scratch, by address.
    Flat(Effect),
    /// Scratch.
    Scratch(Effect),
    /// LDS.
    Lds(Effect),
    /// Other lanes' registers, through the LDS hardware.
    Permute,
    /// Branches, calls and returns.
    Branch,
    /// The work-group's barrier.
    Barrier,
    /// Waiting for counters.
    Wait,
    /// The end of the wave.
    End,
}

/// What a memory instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It loads.
    Load,
    /// It stores.
    Store,
    /// It is an atomic operation without a result.
    Atomic,
    /// It is an atomic operation that gives the old value.
    AtomicReturn,
}

impl Effect {
    /// Whether registers are filled by it.
    pub fn returns(self) -> bool {
        matches!(self, Self::Load | Self::AtomicReturn)
    }
}

/// Which registers a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum File {
    /// Scalar registers, as the encoding numbers them.
    Scalar,
    /// Vector registers, accumulation registers behind the others.
    Vector,
}

impl File {
    /// The name of one of its registers. Accumulation registers are named as the vector registers that they stand behind.
    pub fn name(self, index: u16) -> String {
        match (self, index) {
            (Self::Vector, index) => format!("v{index}"),
            (Self::Scalar, 106) => "vcc_lo".to_owned(),
            (Self::Scalar, 107) => "vcc_hi".to_owned(),
            (Self::Scalar, 124) => "m0".to_owned(),
            (Self::Scalar, 126) => "exec_lo".to_owned(),
            (Self::Scalar, 127) => "exec_hi".to_owned(),
            (Self::Scalar, index @ 108..124) => format!("ttmp{}", index - 108),
            (Self::Scalar, index) => format!("s{index}"),
        }
    }
}

/// Registers that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which file they are in.
    pub file: File,
    /// The first one.
    pub first: u16,
    /// How many.
    pub count: u16,
}

impl Span {
    /// Whether the two have a register in common.
    #[inline]
    pub fn meets(self, other: Self) -> bool {
        self.file == other.file && self.first < other.first + other.count && other.first < self.first + self.count
    }
}

/// What is known of one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// What it is.
    pub class: Class,
    /// Registers that it reads.
    pub reads: Box<[Span]>,
    /// Registers that it writes.
    pub writes: Box<[Span]>,
    /// Whether it compares: its result is a bit for each lane, or SCC, or where to go on.
    pub compares: bool,
    /// Whether lanes read what other lanes hold, be they active or not.
    pub across: bool,
    /// What it waits for, if it waits.
    pub waits: Option<Waits>,
}

/// How many operations may be open behind a wait, for each counter; `None` where the instruction does not name it. Targets
/// before gfx12 count LDS and scalar memory together: there both numbers are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Loads, and on targets before gfx10 stores too: `vmcnt`, `loadcnt`.
    pub load: Option<u16>,
    /// LDS: `lgkmcnt`, `dscnt`.
    pub lds: Option<u16>,
    /// Scalar memory: `lgkmcnt`, `kmcnt`.
    pub scalar: Option<u16>,
}

impl Registers {
    /// Those of bytes that are no instruction.
    pub fn none() -> Self {
        Self { class: Class::Salu, reads: [].into(), writes: [].into(), compares: false, across: false, waits: None }
    }

    /// Two instructions in one encoding.
    pub fn with(self, other: Self) -> Self {
        let both = |one: Box<[Span]>, other: Box<[Span]>| one.into_iter().chain(other).collect();
        Self { reads: both(self.reads, other.reads), writes: both(self.writes, other.writes), ..self }
    }

    /// What an instruction reads and writes. `accumulation`: where accumulation registers begin among the vector registers.
    pub fn of(parsed: &Parsed, accumulation: u16, target: Target) -> Self {
        let class = class(parsed);
        let span = |index: usize| span(&parsed.args.get(index)?.operand, accumulation);
        let results = results(parsed, class, target);
        let mut reads: Vec<Span> = (results.0..parsed.args.len()).filter_map(span).collect();
        let mut writes: Vec<Span> = (0..results.0).filter_map(span).collect();
        if results.1 {
            // What is changed, or written in part, is read too.
            reads.extend(span(0));
        }
        if parsed.mnemonic == "v_swap_b32" || parsed.mnemonic == "v_swap_b16" {
            writes.extend(span(1));
        }
        let scalar = |first: u8, count| Span { file: File::Scalar, first: first.into(), count };
        match parsed.mnemonic.as_str() {
            m if m.starts_with("v_div_fmas") || m.starts_with("s_cbranch_vcc") => reads.push(scalar(VCC, 2)),
            m if m.contains("movrel") => reads.push(scalar(M0, 1)),
            m if m.contains("saveexec") || m.contains("wrexec") || m.starts_with("v_cmpx") => {
                writes.push(scalar(EXEC, 2));
            }
            _ => {}
        }
        let across = matches!(class, Class::Permute | Class::Matrix) || crosses(parsed);
        let compares =
            ["v_cmp", "s_cmp", "s_bitcmp", "s_cbranch_vcc"].iter().any(|name| parsed.mnemonic.starts_with(name));
        Self { class, reads: reads.into(), writes: writes.into(), compares, across, waits: waits(parsed) }
    }
}

fn crosses(parsed: &Parsed) -> bool {
    let m = parsed.mnemonic.as_str();
    let names = ["v_readlane", "v_readfirstlane", "v_writelane", "v_permlane"];
    let modifiers = ["quad_perm", "dpp8", "row_mask", "bank_mask"];
    names.iter().any(|name| m.starts_with(name)) || modifiers.iter().any(|name| parsed.flag(name))
}

fn span(operand: &Operand, accumulation: u16) -> Option<Span> {
    let (file, first, count) = match *operand {
        Operand::Scalar(first, count) => (File::Scalar, first.into(), count.into()),
        Operand::Vector(first, count) => (File::Vector, first, count),
        Operand::Half(register, _) => (File::Vector, register, 1),
        Operand::Accumulation(first, count) => (File::Vector, accumulation + first, count),
        _ => return None,
    };
    Some(Span { file, first, count })
}

fn class(parsed: &Parsed) -> Class {
    let m = parsed.mnemonic.as_str();
    let (prefix, rest) = m.split_once('_').unwrap_or((m, ""));
    match prefix {
        "s" => scalar_class(m),
        "v" if rest.starts_with("mfma") || rest.starts_with("smfma") || rest.contains("wmma") => Class::Matrix,
        "ds" if ["bpermute", "permute", "swizzle"].iter().any(|name| rest.starts_with(name)) => Class::Permute,
        "ds" if rest.starts_with("read") || rest.starts_with("load") => Class::Lds(Effect::Load),
        "ds" if rest.starts_with("write") || rest.starts_with("store") => Class::Lds(Effect::Store),
        "ds" if rest == "nop" => Class::Salu,
        "ds" if rest.contains("_rtn") || rest == "consume" || rest == "append" => Class::Lds(Effect::AtomicReturn),
        "ds" => Class::Lds(Effect::Atomic),
        "global" | "buffer" | "tbuffer" | "flat" | "scratch" => {
            let effect = if rest.contains("load") {
                Effect::Load
            } else if rest.contains("store") || !rest.contains("atomic") {
                // Writing back a cache counts as a store does.
                Effect::Store
            } else if returns(parsed) {
                Effect::AtomicReturn
            } else {
                Effect::Atomic
            };
            match prefix {
                "flat" => Class::Flat(effect),
                "scratch" => Class::Scratch(effect),
                _ if rest.contains("inv") => Class::Salu,
                _ => Class::Vmem(effect),
            }
        }
        _ => Class::Valu,
    }
}

/// Whether an atomic operation gives the old value.
fn returns(parsed: &Parsed) -> bool {
    // On gfx940 `sc0` says so, before it `glc`, and from gfx12 on the temporal hint.
    parsed.flag("sc0")
        || parsed.flag("glc")
        || parsed.modifier("th").is_some_and(|hint| hint.contains("ATOMIC_RETURN"))
        || parsed.mnemonic.contains("_rtn")
}

fn scalar_class(m: &str) -> Class {
    let starts = |names: &[&str]| names.iter().any(|name| m.starts_with(name));
    if starts(&["s_wait"]) {
        Class::Wait
    } else if starts(&["s_load", "s_buffer_load", "s_scratch_load", "s_memtime", "s_memrealtime"]) {
        Class::Smem
    } else if starts(&["s_cbranch", "s_branch", "s_setpc", "s_swappc", "s_call"]) {
        Class::Branch
    } else if starts(&["s_barrier"]) {
        Class::Barrier
    } else if starts(&["s_endpgm"]) {
        Class::End
    } else {
        Class::Salu
    }
}

/// How many of the first operands are results, and whether the first one is read as well.
fn results(parsed: &Parsed, class: Class, target: Target) -> (usize, bool) {
    let m = parsed.mnemonic.as_str();
    let starts = |names: &[&str]| names.iter().any(|name| m.starts_with(name));
    match class {
        Class::Wait | Class::Barrier | Class::End => (0, false),
        Class::Branch => (usize::from(starts(&["s_swappc", "s_call"])), false),
        Class::Smem | Class::Permute => (1, false),
        Class::Matrix => (1, m.starts_with("v_smfma") || m.starts_with("v_swmma")),
        Class::Vmem(effect) | Class::Flat(effect) | Class::Scratch(effect) | Class::Lds(effect) => {
            // LDS is no register. (A load of half a register keeps the other half; loads that return in order need not wait
            // for each other because of that, and so it does not count as a read.)
            let to_lds = parsed.flag("lds") || m.contains("_lds_");
            (usize::from(effect.returns() && !to_lds), false)
        }
        Class::Salu => {
            let none = ["s_cmp", "s_bitcmp", "s_setreg", "s_nop", "s_sleep", "s_set", "s_send", "s_trap", "s_icache"];
            let more =
                ["s_dcache", "s_tt", "s_inc", "s_dec", "s_wakeup", "s_code_end", "s_inst", "s_prefetch", "buffer"];
            let changed = ["s_cmov", "s_bitset", "s_addk", "s_mulk", "s_fmac"];
            // `s_sendmsg_rtn_b32` has a result.
            let result = m.starts_with("s_sendmsg_rtn") || !(starts(&none) || starts(&more) || m == "ds_nop");
            (usize::from(result), starts(&changed))
        }
        Class::Valu => vector_results(parsed, target),
    }
}

fn vector_results(parsed: &Parsed, target: Target) -> (usize, bool) {
    let m = parsed.mnemonic.as_str();
    if matches!(m, "v_nop" | "v_clrexcp" | "v_pipeflush") || m.starts_with("v_s_") && parsed.args.is_empty() {
        return (0, false);
    }
    // EXEC is not named then.
    if m.starts_with("v_cmpx") && target.compares_into_exec_alone() {
        return (0, false);
    }
    let carries = ["_co_", "v_div_scale", "v_mad_u64_u32", "v_mad_i64_i32", "_co_ci_"];
    let results = if carries.iter().any(|name| m.contains(name)) { 2 } else { 1 };
    let accumulates = ["v_fmac", "v_mac_", "v_dot2c", "v_dot4c", "v_dot8c", "v_pk_fmac", "v_writelane", "v_swap"];
    let parts = ["v_fma_mixlo", "v_fma_mixhi", "v_mad_mixlo", "v_mad_mixhi"];
    let starts = |names: &[&str]| names.iter().any(|name| m.starts_with(name));
    let partly = parsed.modifier("dst_unused") == Some("UNUSED_PRESERVE")
        || matches!(parsed.args.first().map(|arg| &arg.operand), Some(Operand::Half(..)))
        || parsed.modifier("dst_sel").is_some_and(|part| part != "DWORD")
        || ["row_mask", "bank_mask", "quad_perm", "row_shl", "row_shr"].iter().any(|name| parsed.flag(name))
        // The last bit of `op_sel` names the half of the result.
        || parsed.bits("op_sel").is_some_and(|bits| !m.starts_with("v_pk") && bits.last() == Some(&true));
    (results, starts(&accumulates) || starts(&parts) || partly)
}

fn waits(parsed: &Parsed) -> Option<Waits> {
    let m = parsed.mnemonic.as_str();
    if !m.starts_with("s_wait") {
        return None;
    }
    let number = || {
        parsed.args.iter().find_map(|arg| match arg.operand {
            Operand::Int(value) => u16::try_from(value).ok(),
            Operand::Bits(value) => u16::try_from(value).ok(),
            _ => None,
        })
    };
    let mut waits = Waits::default();
    match m {
        "s_waitcnt" => {
            let (load, lgkm) = counters(parsed);
            waits = Waits { load, lds: lgkm, scalar: lgkm };
        }
        "s_waitcnt_vmcnt" | "s_wait_loadcnt" => waits.load = number(),
        "s_waitcnt_lgkmcnt" => (waits.lds, waits.scalar) = (number(), number()),
        "s_wait_dscnt" => waits.lds = number(),
        "s_wait_kmcnt" => waits.scalar = number(),
        // Two numbers in one: loads in bits 8 to 13, LDS in bits 0 to 5.
        "s_wait_loadcnt_dscnt" => {
            waits.load = number().map(|both| both >> 8 & 63);
            waits.lds = number().map(|both| both & 63);
        }
        "s_wait_storecnt_dscnt" => waits.lds = number().map(|both| both & 63),
        "s_wait_idle" => waits = Waits { load: Some(0), lds: Some(0), scalar: Some(0) },
        // Stores, exports and hazards inside the wave: no register is filled by them.
        _ => {}
    }
    Some(waits)
}

/// `vmcnt(1) lgkmcnt(0)`, joined by blanks or `&`. Names that are not there are not waited for. The first one is read as an
/// operand, the others as modifiers.
fn counters(parsed: &Parsed) -> (Option<u16>, Option<u16>) {
    let text = parsed.text.as_str();
    let value = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        rest.strip_prefix('(')?.split(')').next()?.trim().parse().ok()
    };
    match parsed.args.first().map(|arg| &arg.operand) {
        // `s_waitcnt 0` waits for all there is.
        Some(Operand::Int(0) | Operand::Bits(0)) => (Some(0), Some(0)),
        _ => (value("vmcnt"), value("lgkmcnt")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::text::parse, *};

    fn of(text: &str) -> Registers {
        Registers::of(&parse(text).unwrap(), 100, Target::Gfx942)
    }

    fn v(first: u16, count: u16) -> Span {
        Span { file: File::Vector, first, count }
    }

    fn s(first: u16, count: u16) -> Span {
        Span { file: File::Scalar, first, count }
    }

    #[test]
    fn results_and_sources_are_told_apart() {
        let cases: &[(&str, &[Span], &[Span])] = &[
            ("v_add_f32_e32 v1, s2, v3", &[v(1, 1)], &[s(2, 1), v(3, 1)]),
            ("v_fmac_f32_e32 v1, v2, v3", &[v(1, 1)], &[v(2, 1), v(3, 1), v(1, 1)]),
            ("v_addc_co_u32_e32 v1, vcc, v2, v3, vcc", &[v(1, 1), s(106, 2)], &[v(2, 1), v(3, 1), s(106, 2)]),
            ("v_cmp_lt_u32_e64 s[4:5], v1, 3", &[s(4, 2)], &[v(1, 1)]),
            ("v_cmpx_lt_u32_e32 vcc, v1, v2", &[s(106, 2), s(126, 2)], &[v(1, 1), v(2, 1)]),
            ("v_readfirstlane_b32 s4, a1", &[s(4, 1)], &[v(101, 1)]),
            ("v_swap_b32 v1, v2", &[v(1, 1), v(2, 1)], &[v(2, 1), v(1, 1)]),
            ("v_div_fmas_f32 v1, v2, v3, v4", &[v(1, 1)], &[v(2, 1), v(3, 1), v(4, 1), s(106, 2)]),
            ("global_load_dwordx2 v[2:3], v1, s[4:5] offset:8", &[v(2, 2)], &[v(1, 1), s(4, 2)]),
            ("global_load_short_d16_hi v2, v1, s[4:5]", &[v(2, 1)], &[v(1, 1), s(4, 2)]),
            ("global_store_dword v1, v2, s[4:5]", &[], &[v(1, 1), v(2, 1), s(4, 2)]),
            ("global_atomic_add v1, v2, s[4:5]", &[], &[v(1, 1), v(2, 1), s(4, 2)]),
            ("global_atomic_add v0, v1, v2, s[4:5] sc0", &[v(0, 1)], &[v(1, 1), v(2, 1), s(4, 2)]),
            ("ds_read2_b32 v[0:1], v2 offset1:1", &[v(0, 2)], &[v(2, 1)]),
            ("ds_write_b32 v0, v1", &[], &[v(0, 1), v(1, 1)]),
            ("ds_add_rtn_u32 v0, v1, v2", &[v(0, 1)], &[v(1, 1), v(2, 1)]),
            ("ds_bpermute_b32 v0, v1, v2", &[v(0, 1)], &[v(1, 1), v(2, 1)]),
            ("s_load_dwordx4 s[8:11], s[0:1], 0x10", &[s(8, 4)], &[s(0, 2)]),
            ("s_cmp_lg_u32 s4, s5", &[], &[s(4, 1), s(5, 1)]),
            ("s_and_saveexec_b64 s[2:3], vcc", &[s(2, 2), s(126, 2)], &[s(106, 2)]),
            ("s_cbranch_vccnz 4", &[], &[s(106, 2)]),
            ("s_swappc_b64 s[30:31], s[4:5]", &[s(30, 2)], &[s(4, 2)]),
            ("v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]", &[v(100, 4)], &[v(0, 2), v(2, 2), v(100, 4)]),
        ];
        for (text, writes, reads) in cases {
            let found = of(text);
            assert_eq!((&*found.writes, &*found.reads), (*writes, *reads), "{text}");
        }
    }

    #[test]
    fn generations_differ_in_what_comparisons_name() {
        let parsed = parse("v_cmpx_lt_u32_e32 s1, v2").unwrap();
        let found = Registers::of(&parsed, 100, Target::Gfx1100);
        assert_eq!((&*found.writes, &*found.reads), (&[s(126, 2)][..], &[s(1, 1), v(2, 1)][..]));
    }

    #[test]
    fn classes_are_known() {
        let cases = [
            ("s_add_u32 s0, s1, s2", Class::Salu),
            ("v_mul_f32_e32 v0, v1, v2", Class::Valu),
            ("v_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7]", Class::Matrix),
            ("flat_atomic_add_x2 v[0:1], v[2:3], v[4:5] glc", Class::Flat(Effect::AtomicReturn)),
            ("global_atomic_add_u32 v0, v1, v2, s[4:5] th:TH_ATOMIC_RETURN", Class::Vmem(Effect::AtomicReturn)),
            ("scratch_store_dword off, v0, s32", Class::Scratch(Effect::Store)),
            ("ds_add_u32 v0, v1", Class::Lds(Effect::Atomic)),
            ("ds_swizzle_b32 v0, v1 offset:swizzle(SWAP,1)", Class::Permute),
            ("buffer_wbl2 sc1", Class::Vmem(Effect::Store)),
            ("buffer_inv sc1", Class::Salu),
            ("s_barrier", Class::Barrier),
            ("s_endpgm", Class::End),
            ("s_cbranch_execz 3", Class::Branch),
        ];
        for (text, class) in cases {
            assert_eq!(of(text).class, class, "{text}");
        }
    }

    #[test]
    fn waits_of_all_generations_are_read() {
        let cases = [
            ("s_waitcnt vmcnt(3) lgkmcnt(0)", [Some(3), Some(0), Some(0)]),
            ("s_waitcnt vmcnt(0) expcnt(0) lgkmcnt(15)", [Some(0), Some(15), Some(15)]),
            ("s_waitcnt lgkmcnt(2)", [None, Some(2), Some(2)]),
            ("s_waitcnt 0", [Some(0); 3]),
            ("s_waitcnt_vscnt null, 0", [None; 3]),
            ("s_wait_loadcnt 0x1", [Some(1), None, None]),
            ("s_wait_loadcnt_dscnt 0x102", [Some(1), Some(2), None]),
            ("s_wait_kmcnt 0x0", [None, None, Some(0)]),
            ("s_wait_alu 0xfffe", [None; 3]),
        ];
        for (text, [load, lds, scalar]) in cases {
            assert_eq!(of(text).waits, Some(Waits { load, lds, scalar }), "{text}");
        }
        assert_eq!(of("s_nop 0").waits, None);
    }
}
