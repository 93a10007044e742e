//! Values are shown as `core::fmt` shows them, whatever the options.

use geobacter_spool::format::Formatter;
use proptest::prelude::*;

use super::*;

/// A template with one place-holder, and options that arguments 1 and 2 give where they are.
fn template(flags: u32, width: Option<u16>, precision: Option<u16>) -> Vec<u8> {
    let mut bytes = vec![0xc1];
    bytes.extend(flags.to_le_bytes());
    for (bit, count) in [(2, width), (4, precision)] {
        if let Some(count) = count {
            bytes[0] |= bit;
            bytes.extend(count.to_le_bytes());
        }
    }
    bytes.push(0);
    bytes
}

fn shown(style: Style, shape: Shape, value: u128, flags: u32, width: Option<u16>, precision: Option<u16>) -> String {
    let formatter = Formatter { style, shape, references: 0 }.number();
    let value = Value { bytes: [value as u64, (value >> 64) as u64], formatter, reserved: 0 };
    let text = |_, length: u64| Some(Cow::Borrowed("é\"\n☃abc"[..].get(..length as usize)?));
    message(&template(flags, width, precision), &[value], &text).expect("a template")
}

const USUAL: u32 = ' ' as u32 | 3 << 29;

/// Alignment and fill character, as in a format string.
fn aligned(alignment: u32, fill: char) -> u32 {
    fill as u32 | alignment << 29
}

macro_rules! check {
    ($style:ident, $shape:ident, $value:expr, $bits:expr, $w:expr, $p:expr, $letter:literal) => {{
        let (value, bits, w, p) = ($value, $bits, $w as usize, $p as usize);
        let (width, digits) = (Some($w), Some($p));
        let of = |flags, width, digits| shown(Style::$style, Shape::$shape, bits, flags, width, digits);
        let (plus, alternate, zero) = (Options::PLUS, Options::ALTERNATE, Options::ZERO);
        prop_assert_eq!(of(USUAL, None, None), format!(concat!("{:", $letter, "}"), value));
        prop_assert_eq!(of(USUAL, width, None), format!(concat!("{:w$", $letter, "}"), value, w = w));
        prop_assert_eq!(of(USUAL, None, digits), format!(concat!("{:.p$", $letter, "}"), value, p = p));
        prop_assert_eq!(
            of(USUAL | plus, width, digits),
            format!(concat!("{:+w$.p$", $letter, "}"), value, w = w, p = p)
        );
        prop_assert_eq!(of(USUAL | alternate, width, None), format!(concat!("{:#w$", $letter, "}"), value, w = w));
        prop_assert_eq!(
            of(USUAL | plus | alternate | zero, width, None),
            format!(concat!("{:+#0w$", $letter, "}"), value, w = w)
        );
        prop_assert_eq!(
            of(USUAL | zero, width, digits),
            format!(concat!("{:0w$.p$", $letter, "}"), value, w = w, p = p)
        );
        prop_assert_eq!(
            of(aligned(0, '*'), width, digits),
            format!(concat!("{:*<w$.p$", $letter, "}"), value, w = w, p = p)
        );
        prop_assert_eq!(of(aligned(1, '☃'), width, None), format!(concat!("{:☃>w$", $letter, "}"), value, w = w));
        prop_assert_eq!(
            of(aligned(2, '-'), width, digits),
            format!(concat!("{:-^w$.p$", $letter, "}"), value, w = w, p = p)
        );
        prop_assert_eq!(
            of(aligned(2, '-') | zero, width, digits),
            format!(concat!("{:-^0w$.p$", $letter, "}"), value, w = w, p = p)
        );
    }};
}

macro_rules! check_integers {
    ($bits:expr, $w:expr, $p:expr, $($shape:ident $ty:ty),*) => {$({
        let (value, bits) = ($bits as $ty, $bits as $ty as u128);
        check!(Display, $shape, value, bits, $w, $p, "");
        check!(Debug, $shape, value, bits, $w, $p, "?");
        check!(LowerHex, $shape, value, bits, $w, $p, "x");
        check!(UpperHex, $shape, value, bits, $w, $p, "X");
        check!(Octal, $shape, value, bits, $w, $p, "o");
        check!(Binary, $shape, value, bits, $w, $p, "b");
        check!(LowerExp, $shape, value, bits, $w, $p, "e");
        check!(UpperExp, $shape, value, bits, $w, $p, "E");
        let hex = |flag, width| shown(Style::Debug, Shape::$shape, bits, USUAL | flag, width, None);
        prop_assert_eq!(hex(Options::DEBUG_LOWER_HEX, Some($w)), format!("{value:w$x?}", w = $w as usize));
        prop_assert_eq!(hex(Options::DEBUG_UPPER_HEX | Options::ALTERNATE, None), format!("{value:#X?}"));
    })*};
}

proptest! {
    #[test]
    fn integers(bits in any::<u128>(), w in 0..40_u16, p in 0..9_u16) {
        check_integers!(
            bits, w, p, U8 u8, U16 u16, U32 u32, U64 u64, U128 u128, Usize usize, I8 i8, I16 i16, I32 i32, I64 i64,
            I128 i128, Isize isize
        );
    }

    #[test]
    fn floats(
        single in prop_oneof![any::<f32>(), any::<u32>().prop_map(f32::from_bits)],
        double in prop_oneof![any::<f64>(), any::<u64>().prop_map(f64::from_bits), -1e3..1e3],
        w in 0..40_u16, p in 0..9_u16,
    ) {
        check!(Display, F32, single, single.to_bits().into(), w, p, "");
        check!(Debug, F32, single, single.to_bits().into(), w, p, "?");
        check!(LowerExp, F32, single, single.to_bits().into(), w, p, "e");
        check!(Display, F64, double, double.to_bits().into(), w, p, "");
        check!(Debug, F64, double, double.to_bits().into(), w, p, "?");
        check!(UpperExp, F64, double, double.to_bits().into(), w, p, "E");
    }

    #[test]
    fn words_and_addresses(letter: char, truth: bool, length in prop::sample::select(vec![0_u64, 2, 3, 4, 7, 8, 10]),
        address in any::<usize>(), w in 0..40_u16, p in 0..9_u16) {
        check!(Display, Char, letter, (letter as u32).into(), w, p, "");
        check!(Debug, Char, letter, (letter as u32).into(), w, p, "?");
        check!(Display, Bool, truth, truth.into(), w, p, "");
        check!(Debug, Bool, truth, truth.into(), w, p, "?");
        let text = &"é\"\n☃abc"[..length as usize];
        let bits = u128::from(length) << 64 | 1;
        check!(Display, Str, text, bits, w, p, "");
        check!(Debug, Str, text, bits, w, p, "?");
        let pointer = std::ptr::without_provenance::<u8>(address);
        check!(Pointer, Address, pointer, address as u128, w, p, "p");
        check!(Debug, Address, pointer, address as u128, w, p, "?");
        check!(Debug, Unit, (), 0, w, p, "?");
    }
}

#[test]
fn errors_of_one_value() {
    let shown = |shape| [Style::Display, Style::Debug].map(|style| shown(style, shape, 0, USUAL, None, None));
    let number = u8::try_from(300).unwrap_err();
    assert_eq!(shown(Shape::TryFromIntError), [format!("{number}"), format!("{number:?}")]);
    let slice = <[u8; 1]>::try_from(&[][..]).unwrap_err();
    assert_eq!(shown(Shape::TryFromSliceError), [format!("{slice}"), format!("{slice:?}")]);
    let letter = char::try_from(u32::MAX).unwrap_err();
    assert_eq!(shown(Shape::CharTryFromError), [format!("{letter}"), format!("{letter:?}")]);
}
