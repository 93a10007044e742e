//! One instruction with its operands, and what the model says that it does.

use super::{
    inputs::{FULL, Random},
    operand::Type,
    wave::{Mode, Wave},
};

/// First vector register of the destination.
pub const DESTINATION: usize = 4;
/// Vector registers of the largest destination, and of the bank that it starts with.
pub const DESTINATION_WORDS: usize = 4;
/// First scalar register of the destination.
pub const SCALAR_DESTINATION: usize = 12;
/// Scalar registers of the largest destination.
pub const SCALAR_WORDS: usize = 4;
/// The scalar register with what the destination starts with.
pub const SCALAR_BEFORE: usize = 48;
/// The vector register with what the destination starts with.
pub const VECTOR_BEFORE: usize = 64;

/// How close a result must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accuracy {
    /// The same bits. Which NaN an operation gives, the guides do not say: any quiet one is right where the type is a
    /// floating point number.
    Exact,
    /// At most this many units of the last place off.
    Units(u64),
    /// At most this far off, as the guides have it for sines.
    Absolute(f64),
}

/// The vector registers that an instruction writes.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// Its type.
    pub kind: Type,
    /// How close it must be.
    pub accuracy: Accuracy,
}

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Memory of the device.
    Global,
    /// The local data share.
    Lds,
    /// Memory of each lane: a window of 16 bytes.
    Scratch,
}

/// Bytes of memory that a case can read and write.
pub const WINDOW: usize = 1024;
/// Where the window lies, from the addresses in s[0:1] and in LDS.
pub const WINDOW_OFFSET: usize = 8192;
/// Where the window of scratch lies.
pub const SCRATCH_OFFSET: usize = 64;

/// The model's semantics.
pub type Model = Box<dyn Fn(&mut Wave) + Send + Sync>;

/// One instruction with its operands.
pub struct Case {
    /// The instruction's name.
    pub name: String,
    /// Which of its forms.
    pub form: &'static str,
    /// What makes its operands, with all lanes active.
    pub before: String,
    /// The instruction, as the assembler has it.
    pub text: String,
    /// What makes its results vector registers.
    pub after: String,
    /// The memory that it reads and writes.
    pub space: Option<Space>,
    /// The scalar register with the lanes that are active.
    pub exec: usize,
    /// The scalar register with VCC.
    pub vcc: usize,
    /// SCC before it.
    pub scc: bool,
    /// The scalar register with M0.
    pub m0: Option<usize>,
    /// What it does.
    pub model: Model,
    /// The vector registers that it writes.
    pub vector: Option<Destination>,
    /// The first scalar register of the destination, where that is a floating point number.
    pub scalar_float: Option<Destination>,
    /// Whether the MODE register matters to it.
    pub floats: bool,
    /// Whether it may change scalar registers, VCC, EXEC, SCC or M0.
    pub scalars: bool,
}

impl Case {
    /// A case with random masks.
    pub fn new(name: &str, form: &'static str, text: String, random: &mut Random, model: Model) -> Self {
        use super::inputs::MASKS;
        let exec = if random.one_in(3) { FULL } else { random.pick(&MASKS[..4]) };
        Self {
            name: name.to_owned(),
            form,
            before: String::new(),
            text,
            after: String::new(),
            space: None,
            exec,
            vcc: random.pick(&MASKS[..3]),
            scc: random.one_in(2),
            m0: None,
            model,
            vector: None,
            scalar_float: None,
            floats: false,
            scalars: false,
        }
    }

    /// The wave as the instruction finds it.
    pub fn prepare(&self, wave: &mut Wave) {
        for i in 0..DESTINATION_WORDS {
            wave.v[DESTINATION + i] = wave.v[VECTOR_BEFORE + i];
        }
        for i in 0..SCALAR_WORDS {
            wave.s[SCALAR_DESTINATION + i] = wave.s[SCALAR_BEFORE + i];
        }
        wave.exec = wave.mask(self.exec);
        wave.vcc = wave.mask(self.vcc);
        wave.scc = self.scc;
        wave.m0 = self.m0.map_or(0, |register| wave.s[register]);
        wave.unspecified = 0;
        wave.open.fill(false);
        if self.space.is_some() {
            // Sixteen bytes of each lane; in waves of 32, twice.
            for slot in 0..WINDOW / 16 {
                for i in 0..4 {
                    let word = wave.v[VECTOR_BEFORE + i][slot % wave.target.lanes];
                    let at = 16 * slot + 4 * i;
                    wave.window[at..at + 4].copy_from_slice(&word.to_le_bytes());
                }
            }
        }
        wave.scalar_unspecified = false;
    }

    /// Whether it can do something else in this mode than in the default one; for the latter, always.
    pub fn depends_on(&self, mode: &Mode) -> bool {
        self.floats || mode.is_default()
    }

    /// Which of the wave's registers it writes, for messages.
    pub fn label(&self) -> String {
        let mask = |register: usize| format!("s{register}");
        format!("`{}` with exec {} vcc {} scc {}", self.text, mask(self.exec), mask(self.vcc), u8::from(self.scc))
    }
}
