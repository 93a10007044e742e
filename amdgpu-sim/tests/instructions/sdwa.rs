//! Sub-dword addressing: operands that are bytes and halves of registers. The chapter "SDWA" of the guides.

use super::{
    inputs::Random,
    operand::Type,
    target::{Generation, Target},
    vector::{Kind, Row},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Byte(u32),
    Word(u32),
    All,
}

const PARTS: [Part; 7] =
    [Part::Byte(0), Part::Byte(1), Part::Byte(2), Part::Byte(3), Part::Word(0), Part::Word(1), Part::All];

#[derive(Clone, Copy, Debug)]
enum Unused {
    Zero,
    Sign,
    Keep,
}

impl Part {
    fn text(self) -> String {
        match self {
            Self::Byte(at) => format!("BYTE_{at}"),
            Self::Word(at) => format!("WORD_{at}"),
            Self::All => "DWORD".to_owned(),
        }
    }

    /// Shift and width.
    fn place(self) -> (u32, u32) {
        match self {
            Self::Byte(at) => (8 * at, 8),
            Self::Word(at) => (16 * at, 16),
            Self::All => (0, 32),
        }
    }
}

/// Parts of sources and destination.
#[derive(Clone, Debug)]
pub struct Sdwa {
    sources: [Part; 2],
    extends: [bool; 2],
    destination: Part,
    unused: Unused,
}

impl Sdwa {
    /// A random one.
    pub fn random(row: &Row, target: &Target, plain: bool, random: &mut Random) -> Self {
        let part = |random: &mut Random| if plain { Part::All } else { random.pick(&PARTS) };
        let extends = |kind: Option<&Type>, random: &mut Random| {
            !plain && kind.is_some_and(|kind| kind.format().is_none()) && random.one_in(2)
        };
        Self {
            sources: [part(random), part(random)],
            extends: [extends(row.from.first(), random), extends(row.from.get(1), random)],
            destination: match if row.reads_destination { Part::All } else { part(random) } {
                // Whether RDNA's results of 16 bits fill a whole register here, the guide does not say.
                Part::All if row.to.is_half() && target.generation >= Generation::Gfx10 => Part::Word(0),
                part => part,
            },
            unused: random.pick(&[Unused::Zero, Unused::Sign, Unused::Keep]),
        }
    }

    /// Whether a source is extended with its sign.
    pub fn extends(&self, source: usize) -> bool {
        self.extends.get(source).copied().unwrap_or(false)
    }

    /// As the assembler has it.
    pub fn text(&self, row: &Row) -> String {
        let mut text = String::new();
        if !matches!(row.kind, Kind::Compare | Kind::CompareExec) {
            let unused = match self.unused {
                Unused::Zero => "UNUSED_PAD",
                Unused::Sign => "UNUSED_SEXT",
                Unused::Keep => "UNUSED_PRESERVE",
            };
            text += &format!(" dst_sel:{} dst_unused:{unused}", self.destination.text());
        }
        let count = row.from.len() - usize::from(row.reads_destination);
        for (i, part) in self.sources.iter().enumerate().take(count) {
            text += &format!(" src{i}_sel:{}", part.text());
        }
        text
    }

    /// The part of a source's register.
    pub fn select(&self, source: usize, value: u64) -> u64 {
        let Some(part) = self.sources.get(source) else { return value };
        let (shift, width) = part.place();
        let value = value >> shift & ((1 << width) - 1);
        if self.extends(source) {
            return (((value << (64 - width)) as i64) >> (64 - width)) as u32 as u64;
        }
        value
    }

    /// The destination's register with a result in it.
    pub fn merge(&self, value: u64, old: u64) -> u64 {
        let (shift, width) = self.destination.place();
        let mask = ((1_u64 << width) - 1) << shift;
        let part = value << shift & mask;
        match self.unused {
            Unused::Zero => part,
            Unused::Keep => part | old & !mask & 0xffff_ffff,
            // Below the part there are zeros.
            Unused::Sign => {
                let negative = part >> (shift + width - 1) & 1 == 1;
                let above = if negative { !((1_u64 << (shift + width)) - 1) & 0xffff_ffff } else { 0 };
                part | above
            }
        }
    }
}
