//! Vector comparisons. The chapter "VOPC" of the guides.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::{
    operand::Type::{self, B16, B32, B64, F16, F32, F64, I64},
    vector::{Kind, Lane, Row, row},
};

/// Bits of the classes that a number can be in.
fn class(t: Type, a: u64, mask: u64) -> u64 {
    let format = t.format().expect("a float");
    let negative = a & format.sign() != 0;
    let magnitude = a & !format.sign();
    let pair = if format.is_signalling(a) {
        return mask & 1;
    } else if format.is_nan(a) {
        return mask >> 1 & 1;
    } else if magnitude == format.infinity() {
        (2, 9)
    } else if magnitude == 0 {
        (5, 6)
    } else if format.is_denormal(a) {
        (4, 7)
    } else {
        (3, 8)
    };
    mask >> if negative { pair.0 } else { pair.1 } & 1
}

fn float(l: &Lane, t: Type, [a, b, _]: [u64; 3], less: bool, equal: bool, greater: bool, unordered: bool) -> u64 {
    u64::from(match l.number(t, a).compare(l.number(t, b)) {
        Some(Less) => less,
        Some(Equal) => equal,
        Some(Greater) => greater,
        None => unordered,
    })
}

fn integer(bits: u32, signed: bool, [a, b, _]: [u64; 3], less: bool, equal: bool, greater: bool) -> u64 {
    let value = |x: u64| if signed { i128::from((x << (64 - bits)) as i64) } else { i128::from(x << (64 - bits)) };
    u64::from(match value(a).cmp(&value(b)) {
        Less => less,
        Equal => equal,
        Greater => greater,
    })
}

macro_rules! compare {
    ($name:literal, $type:expr, $operation:expr) => {
        [
            row(&[concat!("v_cmp_", $name)], B32, &[$type, $type], $operation).kind(Kind::Compare),
            row(&[concat!("v_cmpx_", $name)], B32, &[$type, $type], $operation).kind(Kind::CompareExec),
        ]
    };
}

/// The relations of floating point numbers: less, equal, greater, unordered.
macro_rules! float_table {
    ($table:ident, $type:expr, $($name:literal: $less:literal $equal:literal $greater:literal $unordered:literal,)*) => {
        static $table: &[[Row; 2]] = &[$(
            compare!($name, $type, |l, s| float(l, $type, s, $less == 1, $equal == 1, $greater == 1, $unordered == 1)),
        )*];
    };
}

float_table! { SINGLES, F32,
    "f_f32": 0 0 0 0, "lt_f32": 1 0 0 0, "eq_f32": 0 1 0 0, "le_f32": 1 1 0 0,
    "gt_f32": 0 0 1 0, "lg_f32": 1 0 1 0, "ge_f32": 0 1 1 0, "o_f32": 1 1 1 0,
    "u_f32": 0 0 0 1, "nge_f32": 1 0 0 1, "nlg_f32": 0 1 0 1, "ngt_f32": 1 1 0 1,
    "nle_f32": 0 0 1 1, "neq_f32": 1 0 1 1, "nlt_f32": 0 1 1 1, "tru_f32": 1 1 1 1, "t_f32": 1 1 1 1,
}
float_table! { HALVES, F16,
    "f_f16": 0 0 0 0, "lt_f16": 1 0 0 0, "eq_f16": 0 1 0 0, "le_f16": 1 1 0 0,
    "gt_f16": 0 0 1 0, "lg_f16": 1 0 1 0, "ge_f16": 0 1 1 0, "o_f16": 1 1 1 0,
    "u_f16": 0 0 0 1, "nge_f16": 1 0 0 1, "nlg_f16": 0 1 0 1, "ngt_f16": 1 1 0 1,
    "nle_f16": 0 0 1 1, "neq_f16": 1 0 1 1, "nlt_f16": 0 1 1 1, "tru_f16": 1 1 1 1, "t_f16": 1 1 1 1,
}
float_table! { DOUBLES, F64,
    "f_f64": 0 0 0 0, "lt_f64": 1 0 0 0, "eq_f64": 0 1 0 0, "le_f64": 1 1 0 0,
    "gt_f64": 0 0 1 0, "lg_f64": 1 0 1 0, "ge_f64": 0 1 1 0, "o_f64": 1 1 1 0,
    "u_f64": 0 0 0 1, "nge_f64": 1 0 0 1, "nlg_f64": 0 1 0 1, "ngt_f64": 1 1 0 1,
    "nle_f64": 0 0 1 1, "neq_f64": 1 0 1 1, "nlt_f64": 0 1 1 1, "tru_f64": 1 1 1 1, "t_f64": 1 1 1 1,
}

/// The relations of integers: less, equal, greater.
macro_rules! integer_table {
    ($table:ident, $type:expr, $bits:literal, $signed:literal, $($name:literal: $less:literal $equal:literal $greater:literal,)*) => {
        static $table: &[[Row; 2]] = &[$(
            compare!($name, $type, |_, s| integer($bits, $signed, s, $less == 1, $equal == 1, $greater == 1)),
        )*];
    };
}

integer_table! { I16S, B16, 16, true,
    "f_i16": 0 0 0, "lt_i16": 1 0 0, "eq_i16": 0 1 0, "le_i16": 1 1 0, "gt_i16": 0 0 1, "ne_i16": 1 0 1,
    "ge_i16": 0 1 1, "t_i16": 1 1 1,
}
integer_table! { U16S, B16, 16, false,
    "f_u16": 0 0 0, "lt_u16": 1 0 0, "eq_u16": 0 1 0, "le_u16": 1 1 0, "gt_u16": 0 0 1, "ne_u16": 1 0 1,
    "ge_u16": 0 1 1, "t_u16": 1 1 1,
}
integer_table! { I32S, B32, 32, true,
    "f_i32": 0 0 0, "lt_i32": 1 0 0, "eq_i32": 0 1 0, "le_i32": 1 1 0, "gt_i32": 0 0 1, "ne_i32": 1 0 1,
    "ge_i32": 0 1 1, "t_i32": 1 1 1,
}
integer_table! { U32S, B32, 32, false,
    "f_u32": 0 0 0, "lt_u32": 1 0 0, "eq_u32": 0 1 0, "le_u32": 1 1 0, "gt_u32": 0 0 1, "ne_u32": 1 0 1,
    "ge_u32": 0 1 1, "t_u32": 1 1 1,
}
integer_table! { I64S, I64, 64, true,
    "f_i64": 0 0 0, "lt_i64": 1 0 0, "eq_i64": 0 1 0, "le_i64": 1 1 0, "gt_i64": 0 0 1, "ne_i64": 1 0 1,
    "ge_i64": 0 1 1, "t_i64": 1 1 1,
}
integer_table! { U64S, B64, 64, false,
    "f_u64": 0 0 0, "lt_u64": 1 0 0, "eq_u64": 0 1 0, "le_u64": 1 1 0, "gt_u64": 0 0 1, "ne_u64": 1 0 1,
    "ge_u64": 0 1 1, "t_u64": 1 1 1,
}

static CLASSES: &[[Row; 2]] = &[
    [
        row(&["v_cmp_class_f32"], B32, &[F32, B32], |_, [a, b, _]| class(F32, a, b)).kind(Kind::Compare),
        row(&["v_cmpx_class_f32"], B32, &[F32, B32], |_, [a, b, _]| class(F32, a, b)).kind(Kind::CompareExec),
    ],
    [
        row(&["v_cmp_class_f16"], B32, &[F16, B32], |_, [a, b, _]| class(F16, a, b)).kind(Kind::Compare),
        row(&["v_cmpx_class_f16"], B32, &[F16, B32], |_, [a, b, _]| class(F16, a, b)).kind(Kind::CompareExec),
    ],
    [
        row(&["v_cmp_class_f64"], B32, &[F64, B32], |_, [a, b, _]| class(F64, a, b)).kind(Kind::Compare),
        row(&["v_cmpx_class_f64"], B32, &[F64, B32], |_, [a, b, _]| class(F64, a, b)).kind(Kind::CompareExec),
    ],
];

/// The tables.
pub fn tables() -> impl Iterator<Item = &'static Row> {
    [SINGLES, HALVES, DOUBLES, I16S, U16S, I32S, U32S, I64S, U64S, CLASSES].into_iter().flatten().flatten()
}
