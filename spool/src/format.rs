//! How device code says which values a message has, and what the message's template says of them.
//!
//! A device formats nothing. It leaves a value's bytes and a [`Formatter`], one number that says what they are and how they
//! are shown; the host does the rest. The number stands where the host's code has the address of a formatting function: the
//! spool step replaces one by the other.

/// The most values of a message that are carried; the others are shown as `{}`.
pub const MAX_VALUES: usize = 8;

/// A value as a device leaves it. Plain data, the same layout on host and device.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// As many bytes as the formatter says, little-endian. For a `str`: its address and its length in bytes.
    pub bytes: [u64; 2],
    /// A [`Formatter::number`], or [`NOT_CARRIED`].
    pub formatter: u32,
    /// Nothing.
    pub reserved: u32,
}

impl Value {
    /// Its size in bytes.
    pub const SIZE: usize = size_of::<Self>();

    /// The value as bytes, in the device's (little-endian) order.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.bytes[0].to_le_bytes());
        bytes[8..16].copy_from_slice(&self.bytes[1].to_le_bytes());
        bytes[16..20].copy_from_slice(&self.formatter.to_le_bytes());
        bytes[20..].copy_from_slice(&self.reserved.to_le_bytes());
        bytes
    }

    /// Reads a value from the device's bytes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let double = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self { bytes: [double(0), double(8)], formatter: word(16), reserved: word(20) }
    }
}

/// In place of a formatter: the value stayed on the device.
pub const NOT_CARRIED: u32 = 0;
/// In place of a formatter: the value is a width or a precision, an `u16`.
pub const COUNT: u32 = 1;

/// The trait that shows a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the traits of `core::fmt`")]
pub enum Style {
    Display,
    Debug,
    LowerHex,
    UpperHex,
    Octal,
    Binary,
    LowerExp,
    UpperExp,
    Pointer,
}

impl Style {
    /// All of them, by number.
    pub const ALL: [Self; 9] = [
        Self::Display,
        Self::Debug,
        Self::LowerHex,
        Self::UpperHex,
        Self::Octal,
        Self::Binary,
        Self::LowerExp,
        Self::UpperExp,
        Self::Pointer,
    ];

    /// The trait's name.
    pub fn name(self) -> &'static str {
        ["Display", "Debug", "LowerHex", "UpperHex", "Octal", "Binary", "LowerExp", "UpperExp", "Pointer"]
            [self as usize]
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "types of the same name")]
pub enum Shape {
    U8,
    U16,
    U32,
    U64,
    U128,
    Usize,
    I8,
    I16,
    I32,
    I64,
    I128,
    Isize,
    F32,
    F64,
    Bool,
    Char,
    Str,
    /// An address: of a reference or a pointer.
    Address,
    Unit,
    TryFromIntError,
    TryFromSliceError,
    CharTryFromError,
}

impl Shape {
    /// All of them, by number, with the type's path and the logarithm of its size; `None` for a type without bytes.
    pub const ALL: [(Self, &'static str, Option<u32>); 22] = [
        (Self::U8, "u8", Some(0)),
        (Self::U16, "u16", Some(1)),
        (Self::U32, "u32", Some(2)),
        (Self::U64, "u64", Some(3)),
        (Self::U128, "u128", Some(4)),
        (Self::Usize, "usize", Some(3)),
        (Self::I8, "i8", Some(0)),
        (Self::I16, "i16", Some(1)),
        (Self::I32, "i32", Some(2)),
        (Self::I64, "i64", Some(3)),
        (Self::I128, "i128", Some(4)),
        (Self::Isize, "isize", Some(3)),
        (Self::F32, "f32", Some(2)),
        (Self::F64, "f64", Some(3)),
        (Self::Bool, "bool", Some(0)),
        (Self::Char, "char", Some(2)),
        (Self::Str, "str", Some(4)),
        (Self::Address, "*const ()", Some(3)),
        (Self::Unit, "()", None),
        (Self::TryFromIntError, "core::num::error::TryFromIntError", None),
        (Self::TryFromSliceError, "core::array::TryFromSliceError", None),
        (Self::CharTryFromError, "core::char::convert::CharTryFromError", None),
    ];

    /// The shape of the type with this path.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == path).map(|&(shape, ..)| shape)
    }

    fn size_class(self) -> u32 {
        // Sizes are powers of two; 0 is no size.
        Self::ALL[self as usize].2.map_or(0, |logarithm| logarithm + 1)
    }
}

/// What formats a value: a type's implementation of one of the traits of `core::fmt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formatter {
    /// How it is shown.
    pub style: Style,
    /// What is shown.
    pub shape: Shape,
    /// How many references lie between the value that is given and the one that is shown, at most
    /// [`Formatter::MAX_REFERENCES`].
    pub references: u8,
}

impl Formatter {
    /// Device code follows no more.
    pub const MAX_REFERENCES: u8 = 3;
    /// Where the number of references stands in [`Formatter::number`]: two bits.
    pub const REFERENCES_BIT: u32 = 16;
    /// Where the size class stands in [`Formatter::number`]: three bits. 0 for a value without bytes; otherwise one more than
    /// the logarithm of its size.
    pub const SIZE_BIT: u32 = 20;
    /// Set in every number.
    const MARK: u32 = 1 << 31;

    /// The number that stands for it in device code.
    pub fn number(self) -> u32 {
        Self::MARK
            | self.style as u32
            | (self.shape as u32) << 8
            | u32::from(self.references) << Self::REFERENCES_BIT
            | self.shape.size_class() << Self::SIZE_BIT
    }

    /// The formatter with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let formatter = Self {
            style: *Style::ALL.get(number as usize & 0xff)?,
            shape: Shape::ALL.get((number >> 8) as usize & 0xff)?.0,
            references: (number >> Self::REFERENCES_BIT) as u8 & 3,
        };
        (formatter.number() == number).then_some(formatter)
    }
}

/// A width or a precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// None is given.
    #[default]
    Implied,
    /// The template gives it.
    Is(u16),
    /// An argument gives it.
    Argument(u16),
}

/// The options of a place-holder, as `core::fmt::FormattingOptions` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Fill character, alignment and flags; see the constants.
    pub flags: u32,
    /// At least so many characters.
    pub width: Count,
    /// Digits behind the point, or at most so many characters.
    pub precision: Count,
}

impl Options {
    /// `+`.
    pub const PLUS: u32 = 1 << 21;
    /// `#`.
    pub const ALTERNATE: u32 = 1 << 23;
    /// `0`.
    pub const ZERO: u32 = 1 << 24;
    /// `x?`.
    pub const DEBUG_LOWER_HEX: u32 = 1 << 25;
    /// `X?`.
    pub const DEBUG_UPPER_HEX: u32 = 1 << 26;
    const FILL: u32 = (1 << 21) - 1;

    /// The fill character.
    pub fn fill(&self) -> char {
        char::from_u32(self.flags & Self::FILL).unwrap_or(' ')
    }

    /// 0: left; 1: right; 2: centre; 3: as is usual for the value.
    pub fn alignment(&self) -> u32 {
        self.flags >> 29 & 3
    }
}

impl Default for Options {
    /// Those of `{}`.
    fn default() -> Self {
        Self { flags: ' ' as u32 | 3 << 29, width: Count::Implied, precision: Count::Implied }
    }
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a [u8]),
    /// The argument with this number.
    Argument(usize, Options),
}

/// The template of a `core::fmt::Arguments` of the pinned toolchain, piece by piece.
///
/// A sequence of bytes: 0 ends it; 1 to 127 is the length of a piece of text that follows; 128 is a piece whose length
/// follows in two bytes; 192 and above is a place-holder, whose low bits say which options follow it.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    rest: &'a [u8],
    next_argument: usize,
    ended: bool,
}

impl<'a> Template<'a> {
    /// The template that begins with these bytes; more may follow it.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, next_argument: 0, ended: false }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn half(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    /// The next piece; `Some(None)` at the end.
    fn piece(&mut self) -> Option<Option<Piece<'a>>> {
        let lead = self.take(1)?[0];
        Some(Some(match lead {
            0 => return Some(None),
            1..=0x7f => Piece::Text(self.take(lead.into())?),
            0x80 => {
                let length = self.half()?;
                Piece::Text(self.take(length.into())?)
            }
            0xc0.. => {
                let mut options = Options::default();
                let count = |indirect: bool, value| if indirect { Count::Argument(value) } else { Count::Is(value) };
                if lead & 1 != 0 {
                    options.flags = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
                }
                if lead & 2 != 0 {
                    options.width = count(lead & 16 != 0, self.half()?);
                }
                if lead & 4 != 0 {
                    options.precision = count(lead & 32 != 0, self.half()?);
                }
                if lead & 8 != 0 {
                    self.next_argument = self.half()?.into();
                }
                self.next_argument += 1;
                Piece::Argument(self.next_argument - 1, options)
            }
            _ => return None,
        }))
    }
}

impl<'a> Iterator for Template<'a> {
    /// A piece, or an error once if the bytes are no template.
    type Item = Result<Piece<'a>, NoTemplate>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.piece() {
            Some(Some(piece)) => Some(Ok(piece)),
            Some(None) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(NoTemplate))
            }
        }
    }
}

/// The bytes are no template of the pinned toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no template of `core::fmt::Arguments` as the pinned toolchain writes them")]
pub struct NoTemplate;
