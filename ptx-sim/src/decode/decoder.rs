//! One instruction, taken apart: its modifiers and operands, in their order.

use std::collections::HashMap;

use super::names::{Constants, Frame, Memory, Symbol};
use crate::{
    error::LoadError,
    machine::value::Source,
    ptx::{
        tree::{Base, Instruction, Operand},
        types::{Space, Type},
    },
    target::Target,
};

pub type Result<T> = std::result::Result<T, LoadError>;

/// What is known of the module when its instructions are decoded.
pub struct ModuleNames<'a> {
    pub symbols: HashMap<&'a str, Symbol>,
    pub constants: Constants,
    pub version: (u32, u32),
    pub target: Target,
}

/// What an address begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressBase {
    Zero,
    /// A register of 64 bits.
    Wide(Source),
    /// A register of 32 bits.
    Narrow(Source),
    /// The function's local memory.
    Frame,
    /// The shared variable with this number.
    Shared(u32),
}

/// An address, as an instruction has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub space: Space,
    pub base: AddressBase,
    pub offset: i64,
}

/// An instruction that is taken apart.
pub struct Decoder<'d, 'a> {
    pub instruction: &'d Instruction<'a>,
    pub module: &'d mut ModuleNames<'a>,
    pub frame: &'d mut Frame<'a>,
    modifier: usize,
    operand: usize,
}

impl<'d, 'a> Decoder<'d, 'a> {
    pub fn new(instruction: &'d Instruction<'a>, module: &'d mut ModuleNames<'a>, frame: &'d mut Frame<'a>) -> Self {
        Self { instruction, module, frame, modifier: 0, operand: 0 }
    }

    /// An error about the instruction.
    pub fn error(&self, message: impl Into<String>) -> LoadError {
        LoadError::invalid(self.instruction.line, self.instruction.text, message)
    }

    /// The error that the instruction is not there.
    pub fn unknown(&self) -> LoadError {
        self.error(format!("the instruction `{}` is not simulated", self.instruction.opcode))
    }

    /// The error that the instruction is there, but not for a type.
    pub fn bad_type(&self, ty: Type) -> LoadError {
        self.error(format!("`{}` is not there for {}", self.instruction.opcode, ty.name()))
    }

    /// Refuses what the module's version or its target does not have.
    ///
    /// # Errors
    /// They do not.
    pub fn need(&self, version: (u32, u32), target: u32) -> Result<()> {
        let (has, opcode) = (self.module.version, self.instruction.opcode);
        if has < version {
            let ((major, minor), (has_major, has_minor)) = (version, has);
            return Err(self.error(format!("this form of `{opcode}` begins with PTX {major}.{minor}; the module's version is {has_major}.{has_minor}")));
        }
        if self.module.target.number() < target {
            return Err(self.error(format!(
                "this form of `{opcode}` begins with sm_{target}; the module is for {}",
                self.module.target
            )));
        }
        Ok(())
    }

    /// The next modifier.
    pub fn modifier(&self) -> Option<&'a str> {
        self.instruction.modifiers.get(self.modifier).copied()
    }

    /// Whether the next modifier is this one, which is then passed.
    pub fn eat(&mut self, word: &str) -> bool {
        let is_next = self.modifier() == Some(word);
        self.modifier += usize::from(is_next);
        is_next
    }

    /// What the next modifier stands for, if it is one of these.
    pub fn one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        let next = self.modifier()?;
        let (_, meaning) = words.iter().find(|(word, _)| *word == next)?;
        self.modifier += 1;
        Some(*meaning)
    }

    /// What the next modifier stands for, which must be one of these.
    ///
    /// # Errors
    /// It is none.
    pub fn must<T: Copy>(&mut self, words: &[(&str, T)]) -> Result<T> {
        if let Some(meaning) = self.one_of(words) {
            return Ok(meaning);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let found = self.modifier().map_or_else(|| "nothing".to_owned(), |word| format!("`{word}`"));
        Err(self.error(format!("where {found} stands must be one of {}", known.join(", "))))
    }

    /// The next modifier, which is a type.
    ///
    /// # Errors
    /// It is none.
    pub fn ty(&mut self) -> Result<Type> {
        match self.modifier().and_then(Type::of) {
            Some(ty) => {
                self.modifier += 1;
                Ok(ty)
            }
            None => Err(self.error(match self.modifier() {
                Some(word) => format!("the modifier `{word}` is not known here"),
                None => "the type is missing".to_owned(),
            })),
        }
    }

    /// Refuses modifiers and operands that nobody has asked for.
    ///
    /// # Errors
    /// There are some.
    pub fn finish(&self) -> Result<()> {
        if let Some(word) = self.modifier() {
            return Err(self.error(format!("the modifier `{word}` is not known here")));
        }
        if self.operand < self.instruction.operands.len() {
            return Err(self.error(format!("more than {} operands", self.operand)));
        }
        Ok(())
    }

    /// Operands that are left.
    pub fn operands_left(&self) -> usize {
        self.instruction.operands.len().saturating_sub(self.operand)
    }

    /// The next operand, which is not passed.
    pub fn peek(&self) -> Option<&'d Operand<'a>> {
        self.instruction.operands.get(self.operand)
    }

    /// The next operand.
    ///
    /// # Errors
    /// There is none.
    pub fn operand(&mut self) -> Result<&'d Operand<'a>> {
        let operand = self.peek().ok_or_else(|| self.error("an operand is missing"))?;
        self.operand += 1;
        Ok(operand)
    }

    /// What a name means.
    ///
    /// # Errors
    /// Nothing.
    pub fn symbol(&self, name: &str) -> Result<Symbol> {
        self.frame.find(name, &self.module.symbols).ok_or_else(|| self.error(format!("`{name}` is not defined")))
    }

    /// The row and the type of a register.
    ///
    /// # Errors
    /// It is none.
    pub fn register(&self, name: &str) -> Result<(u32, Type)> {
        match self.symbol(name)? {
            Symbol::Register { row, ty } => Ok((row, ty)),
            _ => Err(self.error(format!("`{name}` is no register"))),
        }
    }

    fn check(&self, name: &str, wanted: Type, found: Type, wide: bool) -> Result<()> {
        // Loads, stores and conversions take registers that are wider than the type.
        let wider = wide
            && found != Type::Pred
            && wanted != Type::Pred
            && found.bits() >= wanted.bits()
            && (found.is_bits() || found.is_integer() && !wanted.is_float());
        if wanted.takes(found) || wider {
            return Ok(());
        }
        Err(self.error(format!("`{name}` is a register of type {}, where {} is wanted", found.name(), wanted.name())))
    }

    /// The register that an operand gives a value of this type to.
    ///
    /// # Errors
    /// It is no register, or one of another type.
    pub fn register_of(&self, operand: &Operand<'a>, ty: Type, wide: bool) -> Result<(u32, Type)> {
        match operand {
            Operand::Name(name, 0) => {
                let (row, found) = self.register(name)?;
                self.check(name, ty, found, wide)?;
                Ok((row, found))
            }
            _ => Err(self.error("the first operand is no register")),
        }
    }

    /// The register that gets a value of this type.
    ///
    /// # Errors
    /// It is no register, or one of another type.
    pub fn destination(&mut self, ty: Type) -> Result<u32> {
        let operand = self.operand()?;
        Ok(self.register_of(operand, ty, false)?.0)
    }

    /// A value of this type from an operand.
    ///
    /// # Errors
    /// It is none.
    pub fn source_of(&mut self, operand: &Operand<'a>, ty: Type, wide: bool) -> Result<(Source, Type)> {
        let bits = match *operand {
            Operand::Name(name, 0) => {
                let (row, found) = self.register(name)?;
                self.check(name, ty, found, wide)?;
                return Ok((Source::Register(row), found));
            }
            Operand::Integer(value) if ty.is_integer() || ty == Type::Pred => value,
            Operand::Single(bits) if matches!(ty, Type::F32 | Type::B32) => u64::from(bits),
            Operand::Single(bits) if ty == Type::F64 => f64::from(f32::from_bits(bits)).to_bits(),
            Operand::Double(bits) if matches!(ty, Type::F64 | Type::B64) => bits,
            Operand::Double(bits) if ty == Type::F32 => u64::from((f64::from_bits(bits) as f32).to_bits()),
            _ => return Err(self.error(format!("an operand is no value of type {}", ty.name()))),
        };
        Ok((self.module.constants.of_type(ty, bits), ty))
    }

    /// The next operand, a value of this type.
    ///
    /// # Errors
    /// It is none.
    pub fn source(&mut self, ty: Type) -> Result<Source> {
        let operand = self.operand()?;
        Ok(self.source_of(operand, ty, false)?.0)
    }

    /// A destination and two sources of this type.
    ///
    /// # Errors
    /// As for each of them.
    pub fn two(&mut self, ty: Type) -> Result<(u32, (Source, Source))> {
        Ok((self.destination(ty)?, (self.source(ty)?, self.source(ty)?)))
    }

    /// A destination and three sources of this type.
    ///
    /// # Errors
    /// As for each of them.
    pub fn three(&mut self, ty: Type) -> Result<(u32, (Source, Source, Source))> {
        Ok((self.destination(ty)?, (self.source(ty)?, self.source(ty)?, self.source(ty)?)))
    }

    /// The next operand, a predicate, and whether its opposite is meant.
    ///
    /// # Errors
    /// It is none.
    pub fn predicate(&mut self) -> Result<(Source, bool)> {
        let operand = self.operand()?;
        if let Operand::Not(name) = operand {
            let (row, ty) = self.register(name)?;
            self.check(name, Type::Pred, ty, false)?;
            return Ok((Source::Register(row), true));
        }
        Ok((self.source_of(operand, Type::Pred, false)?.0, false))
    }

    /// An integer that must be known now.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&mut self) -> Result<u64> {
        match self.operand()? {
            Operand::Integer(value) => Ok(*value),
            _ => Err(self.error("an operand must be an integer that is known when the module is loaded")),
        }
    }

    /// The next operand, an address in this space.
    ///
    /// # Errors
    /// It is none.
    pub fn address(&mut self, space: Space) -> Result<Address> {
        let Operand::Address(base, offset) = *self.operand()? else {
            return Err(self.error("an operand must be an address in brackets"));
        };
        let plain = |base, offset| Ok(Address { space: self.address_space(space), base, offset });
        let name = match base {
            Base::Number => return plain(AddressBase::Zero, offset),
            Base::Name(name) => name,
        };
        match self.symbol(name)? {
            Symbol::Register { row, ty } if ty.is_integer() && ty.bits() == 64 => {
                plain(AddressBase::Wide(Source::Register(row)), offset)
            }
            Symbol::Register { row, ty } if ty.is_integer() && ty.bits() == 32 => {
                plain(AddressBase::Narrow(Source::Register(row)), offset)
            }
            Symbol::Memory(memory) => {
                let is_fit = memory.space() == space
                    || space == Space::Generic && matches!(memory, Memory::Global(_) | Memory::Const(_));
                if !is_fit {
                    let (found, wanted) = (memory.space().name(), space.name());
                    return Err(
                        self.error(format!("`{name}` is in {found} memory, and the instruction is for {wanted}"))
                    );
                }
                let (base, begin) = self.memory_base(memory);
                plain_in(memory, base, begin.wrapping_add(offset))
            }
            _ => Err(self.error(format!("`{name}` has no address"))),
        }
    }

    /// Where addresses of a space in an instruction are: a function's parameters are in its frame.
    fn address_space(&self, space: Space) -> Space {
        if space == Space::Param && !self.frame.is_entry { Space::Local } else { space }
    }

    /// Base and offset of a variable.
    pub fn memory_base(&mut self, memory: Memory) -> (AddressBase, i64) {
        match memory {
            Memory::Global(address) | Memory::Const(address) => (AddressBase::Zero, address as i64),
            Memory::Shared(number) => {
                self.frame.shared.push(number);
                (AddressBase::Shared(number), 0)
            }
            Memory::Local { offset, .. } | Memory::Param { offset, .. } => (AddressBase::Frame, i64::from(offset)),
            Memory::EntryParam(offset) => (AddressBase::Zero, i64::from(offset)),
        }
    }
}

/// An address in the space that a variable really lies in.
fn plain_in(memory: Memory, base: AddressBase, offset: i64) -> Result<Address> {
    let space = match memory {
        // The frame is local memory.
        Memory::Param { .. } => Space::Local,
        memory => memory.space(),
    };
    Ok(Address { space, base, offset })
}
