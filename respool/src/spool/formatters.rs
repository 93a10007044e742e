//! Formatting functions by their meaning.
//!
//! A `core::fmt::Argument` holds the address of the function that formats it, and so does the table of a `dyn Debug`. A device
//! has no such functions, and formats nothing: in place of an address stands the [`Formatter`]'s number, by which the device
//! knows how many bytes the value has, and the host how to show them.

use geobacter_spool::format::{Formatter, Shape, Style};

use super::names;

/// What the function with this symbol formats, if it is an implementation of a trait of `core::fmt` for a type whose values
/// can be carried.
pub fn formatter(symbol: &str) -> Option<Formatter> {
    // Most addresses are of something else, and demangling takes its time.
    if !symbol.contains("3fmt") {
        return None;
    }
    let full = names::full(symbol);
    let (ty, style) = implementation(&full)?;
    let style = Style::ALL.into_iter().find(|known| known.name() == style)?;
    shown(ty, style)
}

/// Type and trait of `<TYPE as core::fmt::TRAIT>::fmt`, which legacy mangling writes in another way for types of `core`:
/// `core::fmt::num::<impl core::fmt::TRAIT for TYPE>::fmt`.
fn implementation(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_suffix(">::fmt")?;
    let (ty, style) = match path.strip_prefix('<') {
        Some(inner) => inner.rsplit_once(" as ")?,
        None => {
            let (style, ty) = path.split_once("<impl ")?.1.split_once(" for ")?;
            (ty, style)
        }
    };
    Some((ty, style.strip_prefix("core::fmt::")?))
}

/// What shows a type by a trait, if its values can be carried.
pub fn shown(ty: &str, style: Style) -> Option<Formatter> {
    let mut ty = ty;
    let mut references = 0;
    loop {
        let pointee = ty.strip_prefix('&').map(|pointee| pointee.strip_prefix("mut ").unwrap_or(pointee));
        let pointer = pointee.is_some() || ty.starts_with("*const ") || ty.starts_with("*mut ");
        if pointer && (style == Style::Pointer || pointee.is_none()) {
            return Some(Formatter { style, shape: Shape::Address, references });
        }
        match (pointee, transparent(ty)) {
            // A `&str` is no address of a `str` but all that there is to know of it.
            (Some("str"), _) => {
                return Some(Formatter { style, shape: Shape::Str, references });
            }
            (Some(pointee), _) if references < Formatter::MAX_REFERENCES => {
                references += 1;
                ty = pointee;
            }
            (None, Some(inner)) => ty = inner,
            (None, None) => break,
            (Some(_), _) => return None,
        }
    }
    let shape = Shape::of(ty).filter(|&shape| !matches!(shape, Shape::Str | Shape::Address))?;
    Some(Formatter { style, shape, references })
}

/// What stands in a type that is shown as what stands in it.
fn transparent(ty: &str) -> Option<&str> {
    let wrappers =
        ["core::num::nonzero::NonZero<", "core::num::wrapping::Wrapping<", "core::num::saturating::Saturating<"];
    wrappers.iter().find_map(|wrapper| ty.strip_prefix(wrapper)?.strip_suffix('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implementations_are_known_in_both_manglings() {
        let number = |style, shape, references| Some(Formatter { style, shape, references });
        for (path, expected) in [
            ("<u32 as core::fmt::Display>::fmt", number(Style::Display, Shape::U32, 0)),
            ("core::fmt::num::imp::<impl core::fmt::Display for u32>::fmt", number(Style::Display, Shape::U32, 0)),
            ("core::fmt::num::<impl core::fmt::LowerHex for i128>::fmt", number(Style::LowerHex, Shape::I128, 0)),
            ("core::fmt::float::<impl core::fmt::Debug for f32>::fmt", number(Style::Debug, Shape::F32, 0)),
            ("<&&mut bool as core::fmt::Debug>::fmt", number(Style::Debug, Shape::Bool, 2)),
            ("<&str as core::fmt::Display>::fmt", number(Style::Display, Shape::Str, 0)),
            ("<&&str as core::fmt::Debug>::fmt", number(Style::Debug, Shape::Str, 1)),
            ("<&u32 as core::fmt::Pointer>::fmt", number(Style::Pointer, Shape::Address, 0)),
            ("<*const u8 as core::fmt::Debug>::fmt", number(Style::Debug, Shape::Address, 0)),
            ("<core::num::nonzero::NonZero<u16> as core::fmt::Display>::fmt", number(Style::Display, Shape::U16, 0)),
            (
                "<core::num::error::TryFromIntError as core::fmt::Debug>::fmt",
                number(Style::Debug, Shape::TryFromIntError, 0),
            ),
            ("<str as core::fmt::Display>::fmt", None),
            ("<&T as core::fmt::Display>::fmt", None),
            ("<demo::u32 as core::fmt::Display>::fmt", None),
            ("<u32 as demo::Display>::fmt", None),
            ("<core::option::Option<u32> as core::fmt::Debug>::fmt", None),
            ("<&&&&&u32 as core::fmt::Debug>::fmt", None),
            ("core::fmt::write", None),
        ] {
            let found = implementation(path)
                .and_then(|(ty, style)| shown(ty, Style::ALL.into_iter().find(|known| known.name() == style)?));
            assert_eq!(found, expected, "{path}");
            if let Some(formatter) = found {
                assert_eq!(Formatter::from_number(formatter.number()), expected);
            }
        }
    }

    #[test]
    fn symbols_are_read() {
        let display = "_RNvXsa_NtNtNtCsgEmfK2I1SDS_4core3fmt3num3impmNtB9_7Display3fmt";
        assert_eq!(formatter(display).map(|formatter| formatter.shape), Some(Shape::U32));
        let debug = "_ZN4core3fmt3num50_$LT$impl$u20$core..fmt..Debug$u20$for$u20$u64$GT$3fmt17h806e4e997896e693E";
        let expected = Formatter { style: Style::Debug, shape: Shape::U64, references: 0 };
        assert_eq!(formatter(debug), Some(expected));
    }
}
