//! Formats on the host what a device left unformatted.
//!
//! The values are shown by `core::fmt` itself, so that they look as on the host. It has no stable way to take options that
//! are known at run time but width and precision: flags select one of several format strings, and padding other than with
//! zeros is done here.

use std::{borrow::Cow, fmt};

use geobacter_spool::format::{COUNT, Count, Formatter, Options, Piece, Shape, Style, Template, Value};

/// What stands for a value that stayed on the device.
const PLACE_HOLDER: &str = "{}";

/// The text of a template with these values. `text` reads a string of the device, by address and length.
///
/// A value that is missing or cannot be read is shown as `{}`; `None` if the bytes are no template.
pub fn message<'a>(
    template: &[u8],
    values: &[Value],
    text: &dyn Fn(u64, u64) -> Option<Cow<'a, str>>,
) -> Option<String> {
    let mut message = Vec::new();
    for piece in Template::new(template) {
        match piece.ok()? {
            Piece::Text(text) => message.extend_from_slice(text),
            Piece::Argument(index, options) => {
                let shown = Shown::of(&options, values)
                    .zip(values.get(index))
                    .map(|(options, value)| show(value, &options, text));
                message.extend_from_slice(shown.flatten().as_deref().unwrap_or(PLACE_HOLDER).as_bytes());
            }
        }
    }
    Some(String::from_utf8_lossy(&message).into_owned())
}

/// The value as its formatter shows it without options; `{}` if it stayed on the device.
pub fn plain<'a>(value: &Value, text: &dyn Fn(u64, u64) -> Option<Cow<'a, str>>) -> String {
    show(value, &Shown::default(), text).unwrap_or_else(|| PLACE_HOLDER.to_owned())
}

/// Options with their counts filled in.
#[derive(Clone, Copy, Default)]
struct Shown {
    plus: bool,
    alternate: bool,
    zero: bool,
    debug_hex: Option<Style>,
    fill: Option<char>,
    /// As in [`Options::alignment`].
    alignment: Option<u32>,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Shown {
    fn of(options: &Options, values: &[Value]) -> Option<Self> {
        let count = |count| {
            Some(match count {
                Count::Implied => None,
                Count::Is(count) => Some(count.into()),
                Count::Argument(index) => {
                    let value = values.get(usize::from(index)).filter(|value| value.formatter == COUNT)?;
                    Some(usize::from(value.bytes[0] as u16))
                }
            })
        };
        let has = |flag| options.flags & flag != 0;
        let hex = has(Options::DEBUG_LOWER_HEX).then_some(Style::LowerHex);
        Some(Self {
            plus: has(Options::PLUS),
            alternate: has(Options::ALTERNATE),
            zero: has(Options::ZERO),
            debug_hex: hex.or(has(Options::DEBUG_UPPER_HEX).then_some(Style::UpperHex)),
            fill: Some(options.fill()),
            alignment: Some(options.alignment()).filter(|&alignment| alignment < 3),
            width: count(options.width)?,
            precision: count(options.precision)?,
        })
    }

    /// Brings a text to the width that is asked for.
    fn pad(&self, text: String, usual_alignment: u32) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if missing == 0 {
            return text;
        }
        let before = match self.alignment.unwrap_or(usual_alignment) {
            LEFT => 0,
            RIGHT => missing,
            _ => missing / 2,
        };
        let fill = |count| std::iter::repeat_n(self.fill.unwrap_or(' '), count);
        fill(before).chain(text.chars()).chain(fill(missing - before)).collect()
    }
}

const LEFT: u32 = 0;
const RIGHT: u32 = 1;

/// Formats with the flags, and with width and precision as given here.
macro_rules! by_flags {
    ($value:expr, $options:expr, $counts:literal, $style:literal $(, $name:ident = $count:expr)*) => {
        match ($options.plus, $options.alternate) {
            (false, false) => format!(concat!("{:", $counts, $style, "}"), $value $(, $name = $count)*),
            (true, false) => format!(concat!("{:+", $counts, $style, "}"), $value $(, $name = $count)*),
            (false, true) => format!(concat!("{:#", $counts, $style, "}"), $value $(, $name = $count)*),
            (true, true) => format!(concat!("{:+#", $counts, $style, "}"), $value $(, $name = $count)*),
        }
    };
}

/// Formats with all options but padding that is not with zeros.
macro_rules! by_options {
    ($value:expr, $options:expr, $style:literal) => {
        match ($options.width.filter(|_| $options.zero), $options.precision) {
            (None, None) => by_flags!($value, $options, "", $style),
            (None, Some(digits)) => by_flags!($value, $options, ".digits$", $style, digits = digits),
            (Some(width), None) => by_flags!($value, $options, "0width$", $style, width = width),
            (Some(width), Some(digits)) => {
                by_flags!($value, $options, "0width$.digits$", $style, width = width, digits = digits)
            }
        }
    };
}

/// What all integers can do.
trait Integer:
    fmt::Display + fmt::Debug + fmt::LowerHex + fmt::UpperHex + fmt::Octal + fmt::Binary + fmt::LowerExp + fmt::UpperExp
{
}

impl<T> Integer for T where
    T: fmt::Display
        + fmt::Debug
        + fmt::LowerHex
        + fmt::UpperHex
        + fmt::Octal
        + fmt::Binary
        + fmt::LowerExp
        + fmt::UpperExp
{
}

fn integer(value: &dyn Integer, style: Style, options: &Shown) -> Option<String> {
    let text = match style {
        Style::Display => by_options!(value, options, ""),
        Style::Debug => match options.debug_hex {
            None => by_options!(value, options, "?"),
            Some(Style::LowerHex) => by_options!(value, options, "x?"),
            Some(_) => by_options!(value, options, "X?"),
        },
        Style::LowerHex => by_options!(value, options, "x"),
        Style::UpperHex => by_options!(value, options, "X"),
        Style::Octal => by_options!(value, options, "o"),
        Style::Binary => by_options!(value, options, "b"),
        Style::LowerExp => by_options!(value, options, "e"),
        Style::UpperExp => by_options!(value, options, "E"),
        Style::Pointer => return None,
    };
    Some(options.pad(text, RIGHT))
}

/// What floating-point numbers can do.
trait Float: fmt::Display + fmt::Debug + fmt::LowerExp + fmt::UpperExp {}

impl<T: fmt::Display + fmt::Debug + fmt::LowerExp + fmt::UpperExp> Float for T {}

fn float(value: &dyn Float, style: Style, options: &Shown) -> Option<String> {
    let text = match style {
        Style::Display => by_options!(value, options, ""),
        Style::Debug => by_options!(value, options, "?"),
        Style::LowerExp => by_options!(value, options, "e"),
        Style::UpperExp => by_options!(value, options, "E"),
        _ => return None,
    };
    Some(options.pad(text, RIGHT))
}

/// What texts, truth values and errors can do.
trait Word: fmt::Display + fmt::Debug {}

impl<T: fmt::Display + fmt::Debug> Word for T {}

/// `pads_debug`: whether `{:?}` keeps to a width.
fn word(value: &dyn Word, style: Style, options: &Shown, pads_debug: bool) -> Option<String> {
    // They know no zeros.
    let options = &Shown { zero: false, ..*options };
    match style {
        Style::Display => Some(options.pad(by_options!(value, options, ""), LEFT)),
        Style::Debug if pads_debug => Some(options.pad(by_options!(value, options, "?"), LEFT)),
        Style::Debug => Some(by_options!(value, options, "?")),
        _ => None,
    }
}

/// An address. With `#` it is filled up with zeros, to the width of all addresses if none is given.
fn address(value: u64, style: Style, options: &Shown) -> Option<String> {
    if !matches!(style, Style::Pointer | Style::Debug) {
        return None;
    }
    let options = &Shown { zero: options.zero || options.alternate, ..*options };
    let pointer = std::ptr::without_provenance::<()>(value as usize);
    Some(options.pad(by_options!(pointer, options, "p"), RIGHT))
}

fn show<'a>(value: &Value, options: &Shown, text: &dyn Fn(u64, u64) -> Option<Cow<'a, str>>) -> Option<String> {
    let Formatter { style, shape, .. } = Formatter::from_number(value.formatter)?;
    let [low, high] = value.bytes;
    let wide = u128::from(high) << 64 | u128::from(low);
    match shape {
        Shape::U8 => integer(&(low as u8), style, options),
        Shape::U16 => integer(&(low as u16), style, options),
        Shape::U32 => integer(&(low as u32), style, options),
        Shape::U64 => integer(&low, style, options),
        Shape::U128 => integer(&wide, style, options),
        Shape::Usize => integer(&(low as usize), style, options),
        Shape::I8 => integer(&(low as i8), style, options),
        Shape::I16 => integer(&(low as i16), style, options),
        Shape::I32 => integer(&(low as i32), style, options),
        Shape::I64 => integer(&(low as i64), style, options),
        Shape::I128 => integer(&(wide as i128), style, options),
        Shape::Isize => integer(&(low as isize), style, options),
        Shape::F32 => float(&f32::from_bits(low as u32), style, options),
        Shape::F64 => float(&f64::from_bits(low), style, options),
        Shape::Bool => word(&(low as u8 != 0), style, options, true),
        Shape::Char => {
            let value = char::from_u32(low as u32)?;
            word(&value, style, options, false)
        }
        Shape::Str => {
            let value = text(low, high)?;
            word(&value, style, options, false)
        }
        Shape::Address => address(low, style, options),
        Shape::Unit => (style == Style::Debug).then(|| {
            let options = &Shown { zero: false, ..*options };
            options.pad(by_options!((), options, "?"), LEFT)
        }),
        // Types of one value.
        Shape::TryFromIntError => {
            let error = u8::try_from(256_u32).err()?;
            word(&error, style, options, false)
        }
        Shape::TryFromSliceError => {
            let error = <[u8; 1]>::try_from(&[0_u8; 2][..]).err()?;
            word(&error, style, options, false)
        }
        Shape::CharTryFromError => {
            let error = char::try_from(0xD800_u32).err()?;
            word(&error, style, options, false)
        }
    }
}

#[cfg(test)]
mod tests;
