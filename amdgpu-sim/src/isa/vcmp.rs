//! Vector comparisons: VOPC (*CDNA 3 ISA*, section 12.9 "VOPC instructions").

use half::f16;

use super::{
    arithmetic::class,
    lane::Lane,
    step::{DecodeError, Step},
    valu::{Vop, compare},
};

/// The step of a vector comparison; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let name = v.parsed.mnemonic.as_str();
    let (exec, rest) = match name.strip_prefix("v_cmpx_") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("v_cmp_")?),
    };
    let (relation, ty) = rest.rsplit_once('_')?;
    if relation == "class" {
        return Some(match ty {
            "f32" => compare(v, exec, |a: Raw<f32>, b: u32| class(a.0, b)),
            "f64" => compare(v, exec, |a: Raw<f64>, b: u32| class(a.0, b)),
            "f16" => compare(v, exec, |a: Raw<f16>, b: u32| class(a.0, b)),
            _ => return None,
        });
    }
    match ty {
        "f32" => float::<f32>(v, exec, relation),
        "f64" => float::<f64>(v, exec, relation),
        "f16" => float::<f16>(v, exec, relation),
        "i32" => integer::<i32>(v, exec, relation),
        "u32" => integer::<u32>(v, exec, relation),
        "i64" => integer::<i64>(v, exec, relation),
        "u64" => integer::<u64>(v, exec, relation),
        "i16" => integer::<i16>(v, exec, relation),
        "u16" => integer::<u16>(v, exec, relation),
        _ => None,
    }
}

/// A float whose denormals are not flushed when it is read: the class test sees them.
#[derive(Clone, Copy, Default)]
struct Raw<T>(T);

impl<T: Lane> Lane for Raw<T> {
    const WORDS: usize = T::WORDS;
    const BITS: u32 = T::BITS;
    fn from_words(low: u32, high: u32) -> Self {
        Self(T::from_words(low, high))
    }
    fn words(self) -> (u32, u32) {
        self.0.words()
    }
    fn constant(operand: &super::text::Operand) -> Option<Self> {
        T::constant(operand).map(Self)
    }
    fn neg(self) -> Self {
        Self(self.0.neg())
    }
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

fn integer<T: Lane + Ord>(v: &Vop<'_>, exec: bool, relation: &str) -> Option<Result<Step, DecodeError>> {
    Some(match relation {
        "f" => compare(v, exec, |_: T, _: T| false),
        "lt" => compare(v, exec, |a: T, b: T| a < b),
        "eq" => compare(v, exec, |a: T, b: T| a == b),
        "le" => compare(v, exec, |a: T, b: T| a <= b),
        "gt" => compare(v, exec, |a: T, b: T| a > b),
        "ne" | "lg" => compare(v, exec, |a: T, b: T| a != b),
        "ge" => compare(v, exec, |a: T, b: T| a >= b),
        "t" | "tru" => compare(v, exec, |_: T, _: T| true),
        _ => return None,
    })
}

/// The names say which of less, equal, greater and unordered make the comparison true.
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "the negated relations are true for NaNs")]
fn float<T: Lane + PartialOrd>(v: &Vop<'_>, exec: bool, relation: &str) -> Option<Result<Step, DecodeError>> {
    Some(match relation {
        "f" => compare(v, exec, |_: T, _: T| false),
        "lt" => compare(v, exec, |a: T, b: T| a < b),
        "eq" => compare(v, exec, |a: T, b: T| a == b),
        "le" => compare(v, exec, |a: T, b: T| a <= b),
        "gt" => compare(v, exec, |a: T, b: T| a > b),
        "lg" => compare(v, exec, |a: T, b: T| a.partial_cmp(&b).is_some_and(|order| order.is_ne())),
        "ge" => compare(v, exec, |a: T, b: T| a >= b),
        "o" => compare(v, exec, |a: T, b: T| !a.is_nan() && !b.is_nan()),
        "u" => compare(v, exec, |a: T, b: T| a.is_nan() || b.is_nan()),
        "nge" => compare(v, exec, |a: T, b: T| !(a >= b)),
        "nlg" => compare(v, exec, |a: T, b: T| a.partial_cmp(&b).is_none_or(|order| order.is_eq())),
        "ngt" => compare(v, exec, |a: T, b: T| !(a > b)),
        "nle" => compare(v, exec, |a: T, b: T| !(a <= b)),
        "neq" => compare(v, exec, |a: T, b: T| a != b),
        "nlt" => compare(v, exec, |a: T, b: T| !(a < b)),
        "t" | "tru" => compare(v, exec, |_: T, _: T| true),
        _ => return None,
    })
}
