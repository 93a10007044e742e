//! One name for each operation: what the assembler calls it on each generation becomes what the tables call it.
//!
//! The tables have the names of GFX9, where it has the operation. What a later generation renamed is renamed back here;
//! what it changed in meaning keeps its new name. Operands are put into the order of the old name, too.

use super::{target::Target, text::Parsed};

/// Scalar and vector operations: the name of RDNA 2 or later, and that of GFX9.
const RENAMED: &[(&str, &str)] = &[
    ("s_add_co_ci_u32", "s_addc_u32"),
    ("s_add_co_i32", "s_add_i32"),
    ("s_add_co_u32", "s_add_u32"),
    ("s_addk_co_i32", "s_addk_i32"),
    ("s_and_not0_saveexec_b32", "s_andn1_saveexec_b32"),
    ("s_and_not0_saveexec_b64", "s_andn1_saveexec_b64"),
    ("s_and_not0_wrexec_b32", "s_andn1_wrexec_b32"),
    ("s_and_not0_wrexec_b64", "s_andn1_wrexec_b64"),
    ("s_and_not1_b32", "s_andn2_b32"),
    ("s_and_not1_b64", "s_andn2_b64"),
    ("s_and_not1_saveexec_b32", "s_andn2_saveexec_b32"),
    ("s_and_not1_saveexec_b64", "s_andn2_saveexec_b64"),
    ("s_and_not1_wrexec_b32", "s_andn2_wrexec_b32"),
    ("s_and_not1_wrexec_b64", "s_andn2_wrexec_b64"),
    ("s_cls_i32", "s_flbit_i32"),
    ("s_cls_i32_i64", "s_flbit_i32_i64"),
    ("s_clz_i32_u32", "s_flbit_i32_b32"),
    ("s_clz_i32_u64", "s_flbit_i32_b64"),
    ("s_ctz_i32_b32", "s_ff1_i32_b32"),
    ("s_ctz_i32_b64", "s_ff1_i32_b64"),
    ("s_or_not0_saveexec_b32", "s_orn1_saveexec_b32"),
    ("s_or_not0_saveexec_b64", "s_orn1_saveexec_b64"),
    ("s_or_not1_b32", "s_orn2_b32"),
    ("s_or_not1_b64", "s_orn2_b64"),
    ("s_or_not1_saveexec_b32", "s_orn2_saveexec_b32"),
    ("s_or_not1_saveexec_b64", "s_orn2_saveexec_b64"),
    ("s_sub_co_ci_u32", "s_subb_u32"),
    ("s_sub_co_i32", "s_sub_i32"),
    ("s_sub_co_u32", "s_sub_u32"),
    ("v_add_co_ci_u32", "v_addc_co_u32"),
    ("v_add_nc_i16", "v_add_i16"),
    ("v_add_nc_i32", "v_add_i32"),
    ("v_add_nc_u16", "v_add_u16"),
    ("v_add_nc_u32", "v_add_u32"),
    ("v_cls_i32", "v_ffbh_i32"),
    ("v_clz_i32_u32", "v_ffbh_u32"),
    ("v_ctz_i32_b32", "v_ffbl_b32"),
    ("v_cvt_floor_i32_f32", "v_cvt_flr_i32_f32"),
    ("v_cvt_nearest_i32_f32", "v_cvt_rpi_i32_f32"),
    ("v_cvt_pk_norm_i16_f16", "v_cvt_pknorm_i16_f16"),
    ("v_cvt_pk_norm_i16_f32", "v_cvt_pknorm_i16_f32"),
    ("v_cvt_pk_norm_u16_f16", "v_cvt_pknorm_u16_f16"),
    ("v_cvt_pk_norm_u16_f32", "v_cvt_pknorm_u16_f32"),
    ("v_cvt_pk_rtz_f16_f32", "v_cvt_pkrtz_f16_f32"),
    ("v_fma_dx9_zero_f32", "v_fma_legacy_f32"),
    ("v_fmac_dx9_zero_f32", "v_fmac_legacy_f32"),
    ("v_mad_co_i64_i32", "v_mad_i64_i32"),
    ("v_mad_co_u64_u32", "v_mad_u64_u32"),
    // Without an IEEE mode these are the minimum and maximum where a number beats every NaN.
    ("v_max3_num_f16", "v_max3_f16"),
    ("v_max3_num_f32", "v_max3_f32"),
    ("v_max_num_f16", "v_max_f16"),
    ("v_max_num_f32", "v_max_f32"),
    ("v_max_num_f64", "v_max_f64"),
    ("v_maxmin_num_f16", "v_maxmin_f16"),
    ("v_maxmin_num_f32", "v_maxmin_f32"),
    ("v_med3_num_f16", "v_med3_f16"),
    ("v_med3_num_f32", "v_med3_f32"),
    ("v_min3_num_f16", "v_min3_f16"),
    ("v_min3_num_f32", "v_min3_f32"),
    ("v_min_num_f16", "v_min_f16"),
    ("v_min_num_f32", "v_min_f32"),
    ("v_min_num_f64", "v_min_f64"),
    ("v_minmax_num_f16", "v_minmax_f16"),
    ("v_minmax_num_f32", "v_minmax_f32"),
    ("v_mul_dx9_zero_f32", "v_mul_legacy_f32"),
    ("v_pk_max_num_f16", "v_pk_max_f16"),
    ("v_pk_min_num_f16", "v_pk_min_f16"),
    ("v_sub_co_ci_u32", "v_subb_co_u32"),
    ("v_sub_nc_i16", "v_sub_i16"),
    ("v_sub_nc_i32", "v_sub_i32"),
    ("v_sub_nc_u16", "v_sub_u16"),
    ("v_sub_nc_u32", "v_sub_u32"),
    ("v_subrev_co_ci_u32", "v_subbrev_co_u32"),
    ("v_subrev_nc_u32", "v_subrev_u32"),
];

/// Gives an instruction of this target the tables' name, and its operands the order that goes with it.
pub fn canonicalize(parsed: &mut Parsed, target: Target) {
    if target.is_cdna() {
        return;
    }
    if let Some(rest) = parsed.mnemonic.strip_prefix("v_dual_") {
        parsed.mnemonic = format!("v_{rest}");
    }
    if let Ok(at) = RENAMED.binary_search_by(|(name, _)| (*name).cmp(&parsed.mnemonic)) {
        parsed.mnemonic = RENAMED[at].1.to_owned();
        return;
    }
    if !target.has_rdna3_names() {
        return;
    }
    let Some((class, rest)) = parsed.mnemonic.split_once('_') else { return };
    let renamed = match class {
        "ds" => lds(rest),
        "global" | "flat" | "scratch" | "buffer" => vector_memory(rest),
        _ => None,
    };
    let Some(renamed) = renamed else { return };
    // `ds_cmpstore` has the new value first, `ds_cmpst` the one that is compared.
    if rest.starts_with("cmpstore") {
        let count = parsed.args.len();
        if count >= 2 {
            parsed.args.swap(count - 2, count - 1);
        }
    }
    parsed.mnemonic = format!("{class}_{renamed}");
}

fn lds(rest: &str) -> Option<String> {
    let two = |rest: &str, name: &str| {
        let (stride, ty) = match rest.strip_prefix("stride64_") {
            Some(ty) => ("st64", ty),
            None => ("", rest),
        };
        Some(format!("{name}2{stride}_{ty}"))
    };
    if let Some(rest) = rest.strip_prefix("load_2addr_") {
        return two(rest, "read");
    }
    if let Some(rest) = rest.strip_prefix("store_2addr_") {
        return two(rest, "write");
    }
    if let Some(rest) = rest.strip_prefix("storexchg_2addr_") {
        return two(rest, "wrxchg");
    }
    let prefixes = [
        ("load_", "read_"),
        ("store_", "write_"),
        ("storexchg_", "wrxchg_"),
        ("cmpstore_", "cmpst_"),
        ("min_num_", "min_"),
        ("max_num_", "max_"),
    ];
    prefixes.iter().find_map(|(new, old)| rest.strip_prefix(new).map(|rest| format!("{old}{rest}")))
}

fn vector_memory(rest: &str) -> Option<String> {
    if let Some(rest) = rest.strip_prefix("atomic_") {
        return atomic(rest).map(|name| format!("atomic_{name}"));
    }
    let (what, rest) = rest.split_once("_d16_")?;
    // `load_d16_hi_u8` is `load_u8_d16_hi`. Formatted accesses keep their names.
    if rest.contains("format") {
        return None;
    }
    Some(match rest.strip_prefix("hi_") {
        Some(ty) => format!("{what}_{ty}_d16_hi"),
        None => format!("{what}_{rest}_d16"),
    })
}

/// `add_u64` is `add_x2`, `min_i32` is `smin`, and so on.
fn atomic(rest: &str) -> Option<String> {
    let (operation, ty) = rest.rsplit_once('_')?;
    let operation = match (operation, ty) {
        ("add" | "pk_add", "f32" | "f64" | "f16" | "bf16") => return None,
        ("min" | "min_num", "f32") => "fmin",
        ("max" | "max_num", "f32") => "fmax",
        ("cmpswap", "f32") => "fcmpswap",
        ("min", "i32" | "i64") => "smin",
        ("min", "u32" | "u64") => "umin",
        ("max", "i32" | "i64") => "smax",
        ("max", "u32" | "u64") => "umax",
        ("csub" | "sub_clamp", _) => "csub",
        (operation, _) => operation,
    };
    let width = if ty.ends_with("64") { "_x2" } else { "" };
    Some(format!("{operation}{width}"))
}

#[cfg(test)]
mod tests {
    use super::{super::text::parse, *};

    fn renamed(text: &str, target: Target) -> String {
        let mut parsed = parse(text).unwrap();
        canonicalize(&mut parsed, target);
        parsed.mnemonic
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(RENAMED.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn later_names_become_the_first_ones() {
        let cases = [
            ("v_add_nc_u32_e32 v0, v1, v2", Target::Gfx1030, "v_add_u32"),
            ("global_load_dword v0, v[1:2], off", Target::Gfx1030, "global_load_dword"),
            ("v_dual_max_num_f32 v0, v1, v2", Target::Gfx1201, "v_max_f32"),
            ("ds_load_2addr_stride64_b32 v[0:1], v2", Target::Gfx1100, "ds_read2st64_b32"),
            ("ds_storexchg_2addr_rtn_b64 v[0:3], v2, v[4:5], v[6:7]", Target::Gfx1100, "ds_wrxchg2_rtn_b64"),
            ("ds_load_u8_d16_hi v0, v1", Target::Gfx1100, "ds_read_u8_d16_hi"),
            ("global_load_d16_hi_b16 v0, v[1:2], off", Target::Gfx1201, "global_load_b16_d16_hi"),
            ("global_atomic_add_u64 v[1:2], v[3:4], off", Target::Gfx1201, "global_atomic_add_x2"),
            ("global_atomic_min_num_f32 v[1:2], v3, off", Target::Gfx1201, "global_atomic_fmin"),
            ("global_atomic_pk_add_f16 v[1:2], v3, off", Target::Gfx1201, "global_atomic_pk_add_f16"),
            ("global_atomic_min_f64 v[1:2], v[3:4], off", Target::Gfx942, "global_atomic_min_f64"),
        ];
        for (text, target, name) in cases {
            assert_eq!(renamed(text, target), name, "{text}");
        }
    }

    #[test]
    fn operands_follow_the_name() {
        let mut parsed = parse("ds_cmpstore_rtn_b32 v0, v1, v2, v3").unwrap();
        canonicalize(&mut parsed, Target::Gfx1100);
        let expected = parse("ds_cmpst_rtn_b32 v0, v1, v3, v2").unwrap();
        assert_eq!((parsed.mnemonic, parsed.args), (expected.mnemonic, expected.args));
    }
}
