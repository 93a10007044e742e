//! Sub-dword addressing: parts of registers as sources and results (*CDNA 3 ISA*, section 6.6 "Sub-Dword Addressing").

use super::text::Parsed;

/// A part of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Byte 0 to 3.
    Byte(u8),
    /// Word 0 or 1.
    Word(u8),
}

/// What becomes of the rest of the result's register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// It becomes zero.
    Pad,
    /// It is filled with the sign.
    Sext,
    /// It stays.
    Preserve,
}

impl Part {
    /// The part that a modifier names; the whole if it is not there.
    pub fn of(parsed: &Parsed, modifier: &str) -> Option<Self> {
        Some(match parsed.modifier(modifier) {
            None | Some("DWORD") => Self::Whole,
            Some("BYTE_0") => Self::Byte(0),
            Some("BYTE_1") => Self::Byte(1),
            Some("BYTE_2") => Self::Byte(2),
            Some("BYTE_3") => Self::Byte(3),
            Some("WORD_0") => Self::Word(0),
            Some("WORD_1") => Self::Word(1),
            Some(_) => return None,
        })
    }

    fn place(self) -> (u32, u32) {
        match self {
            Self::Whole => (0, 32),
            Self::Byte(n) => (u32::from(n) * 8, 8),
            Self::Word(n) => (u32::from(n) * 16, 16),
        }
    }

    /// The part of a source, extended with zeros or its sign.
    pub fn take(self, word: u32, sext: bool) -> u32 {
        let (at, width) = self.place();
        let high = word << (32 - at - width);
        if sext { (high as i32 >> (32 - width)) as u32 } else { high >> (32 - width) }
    }

    /// The register after the result went into this part of it.
    pub fn put(self, old: u32, value: u32, unused: Unused) -> u32 {
        let (at, width) = self.place();
        let mask = (u32::MAX >> (32 - width)) << at;
        let placed = value << at & mask;
        match unused {
            Unused::Pad => placed,
            Unused::Preserve => old & !mask | placed,
            Unused::Sext => {
                let sign = (value << (32 - width)) >> 31 != 0;
                let above = !(u64::from(u32::MAX) >> (32 - at - width)) as u32;
                placed | if sign { above } else { 0 }
            }
        }
    }
}

impl Unused {
    /// What the instruction says; `Pad` if it says nothing.
    pub fn of(parsed: &Parsed) -> Option<Self> {
        Some(match parsed.modifier("dst_unused") {
            None | Some("UNUSED_PAD") => Self::Pad,
            Some("UNUSED_SEXT") => Self::Sext,
            Some("UNUSED_PRESERVE") => Self::Preserve,
            Some(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_and_put() {
        assert_eq!(Part::Byte(2).take(0x1280_5678, false), 0x80);
        assert_eq!(Part::Byte(2).take(0x1280_5678, true), 0xffff_ff80);
        assert_eq!(Part::Word(1).take(0x1280_5678, true), 0x1280);
        assert_eq!(Part::Word(1).put(0xaaaa_bbbb, 0x1234, Unused::Preserve), 0x1234_bbbb);
        assert_eq!(Part::Byte(1).put(0xaaaa_bbbb, 0x80, Unused::Sext), 0xffff_8000);
        assert_eq!(Part::Byte(1).put(0xaaaa_bbbb, 0x180, Unused::Pad), 0x8000);
    }
}
