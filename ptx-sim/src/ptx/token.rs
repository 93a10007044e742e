//! Tokens.

use crate::error::LoadError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind<'a> {
    /// A name: of a register (`%r1`), a label, a variable, an opcode.
    Name(&'a str),
    /// A dot and a word: `.global`, `.f32`, `.shared::cta`.
    Dot(&'a str),
    /// An integer, and whether it was written with a `U` behind it.
    Integer(u64),
    /// A single-precision number: `0f3F800000`.
    Single(u32),
    /// A double-precision number: `0d3FF0000000000000`, `1.5`.
    Double(u64),
    /// A number with a dot: `8.4`. As a value it is a double.
    Decimal(&'a str),
    /// Text in quotes, without them.
    Text(&'a str),
    /// A single character.
    Mark(u8),
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub kind: Kind<'a>,
    /// Its line; the first one is 1.
    pub line: u32,
    /// Where it begins in the text.
    pub begin: usize,
    /// Where it ends.
    pub end: usize,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Takes a text apart.
///
/// # Errors
/// Something in it is no token.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, LoadError> {
    let bytes = text.as_bytes();
    let (mut at, mut line) = (0, 1);
    let mut all = Vec::with_capacity(bytes.len() / 4);
    while let Some(&byte) = bytes.get(at) {
        let begin = at;
        let rest = &bytes[at..];
        let invalid = |end: usize, message: &str| {
            // Beside a broken character there may be no border of one.
            let text = String::from_utf8_lossy(&bytes[begin..end.min(bytes.len())]);
            Err(LoadError::invalid(line, &text, message))
        };
        let word = |from: usize| rest[from..].iter().take_while(|byte| is_name(**byte)).count() + from;
        let kind = match byte {
            b'\n' => {
                line += 1;
                at += 1;
                continue;
            }
            // The text that `cuModuleLoadData` is given ends with one.
            0 if rest.iter().all(|byte| *byte == 0) => break,
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'/' if rest.starts_with(b"//") => {
                at += rest.iter().take_while(|byte| **byte != b'\n').count();
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                let Some(length) = rest[2..].windows(2).position(|pair| pair == b"*/") else {
                    return invalid(at + 2, "a comment without an end");
                };
                line += rest[..length + 2].iter().filter(|byte| **byte == b'\n').count() as u32;
                at += length + 4;
                continue;
            }
            b'"' => {
                let Some(length) = rest[1..].iter().position(|byte| matches!(byte, b'"' | b'\n')) else {
                    return invalid(at + 1, "a text without an end");
                };
                if rest[length + 1] == b'\n' {
                    return invalid(at + length, "a text without an end");
                }
                at += length + 2;
                Kind::Text(&text[begin + 1..at - 1])
            }
            b'.' if rest.get(1).is_some_and(|next| is_name(*next)) => {
                let mut length = word(1);
                // `.shared::cta` is one.
                while rest[length..].starts_with(b"::") && rest.get(length + 2).is_some_and(|next| is_name(*next)) {
                    length = word(length + 2);
                }
                at += length;
                Kind::Dot(&text[begin..at])
            }
            b'0'..=b'9' => {
                let mut length = word(0);
                let is_decimal = rest[..length].iter().all(u8::is_ascii_digit);
                if is_decimal && rest.get(length) == Some(&b'.') && rest.get(length + 1).is_some_and(u8::is_ascii_digit)
                {
                    length = word(length + 1);
                    if rest[length - 1].eq_ignore_ascii_case(&b'e') && matches!(rest.get(length), Some(b'+' | b'-')) {
                        length = word(length + 1);
                    }
                    at += length;
                    Kind::Decimal(&text[begin..at])
                } else {
                    at += length;
                    let Some(kind) = number(&text[begin..at]) else {
                        return invalid(at, "this is no number");
                    };
                    kind
                }
            }
            b'%' | b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z' => {
                at += word(1);
                Kind::Name(&text[begin..at])
            }
            b'.' | b',' | b';' | b':' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'@' | b'!' | b'|'
            | b'+' | b'-' | b'=' | b'~' | b'*' => {
                at += 1;
                Kind::Mark(byte)
            }
            _ => return invalid(at + 1, "a character that PTX has no use for"),
        };
        all.push(Token { kind, line, begin, end: at });
    }
    Ok(all)
}

fn number(text: &str) -> Option<Kind<'static>> {
    let (plain, lower) = (text.strip_suffix('U').unwrap_or(text), text.get(..2).map(str::to_ascii_lowercase));
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Kind::Integer);
    match lower.as_deref() {
        Some("0f") if text.len() == 10 => u32::from_str_radix(&text[2..], 16).ok().map(Kind::Single),
        Some("0d") if text.len() == 18 => u64::from_str_radix(&text[2..], 16).ok().map(Kind::Double),
        Some("0f" | "0d") => None,
        Some("0x") => radix(&plain[2..], 16),
        Some("0b") => radix(&plain[2..], 2),
        _ if plain.len() > 1 && plain.starts_with('0') => radix(&plain[1..], 8),
        _ => radix(plain, 10),
    }
}
