//! The syntax tree. Its texts are parts of the module's text.

use super::types::{Space, Type};

/// A module.
#[derive(Debug, Default)]
pub struct Module<'a> {
    pub version: (u32, u32),
    pub target: &'a str,
    /// Names by the numbers that `.file` gives them.
    pub files: Vec<(u32, &'a str)>,
    pub variables: Vec<Variable<'a>>,
    pub functions: Vec<Function<'a>>,
}

/// How a name is seen by other modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    Internal,
    Visible,
    Extern,
    Weak,
    Common,
}

/// A variable, or a parameter that lies in memory.
#[derive(Clone, Debug)]
pub struct Variable<'a> {
    pub linkage: Linkage,
    pub space: Space,
    pub name: &'a str,
    pub ty: Type,
    /// Elements: of a vector, times those of an array. `None` for an array of no size.
    pub count: Option<u64>,
    /// Bytes; 0 if only the type says.
    pub align: u32,
    pub values: Vec<Value<'a>>,
    pub line: u32,
}

impl Variable<'_> {
    /// Its size in bytes; 0 for an array of no size.
    pub fn bytes(&self) -> Option<u64> {
        u64::from(self.ty.bytes()).checked_mul(self.count.unwrap_or(0))
    }

    /// Its alignment in bytes.
    pub fn alignment(&self) -> u32 {
        self.align.max(self.ty.bytes())
    }
}

/// A part of a variable's initial value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// So many bits as the variable's type has.
    Number(u64),
    Single(u32),
    Double(u64),
    /// An address.
    Address {
        name: &'a str,
        /// Added to the address.
        offset: i64,
        /// Whether it is a generic address.
        is_generic: bool,
        /// The byte of the address that is wanted, if it is one.
        byte: Option<u32>,
    },
}

/// A parameter, or what a function returns.
#[derive(Clone, Debug)]
pub enum Formal<'a> {
    Memory(Variable<'a>),
    Register { name: &'a str, ty: Type, line: u32 },
}

/// An entry or a function.
#[derive(Debug)]
pub struct Function<'a> {
    pub is_entry: bool,
    pub name: &'a str,
    pub returns: Vec<Formal<'a>>,
    pub params: Vec<Formal<'a>>,
    /// `.reqntid`
    pub required: Option<[u32; 3]>,
    /// `.maxntid`
    pub most: Option<[u32; 3]>,
    /// `.maxnreg`
    pub registers: Option<u32>,
    pub body: Option<Vec<Statement<'a>>>,
    pub line: u32,
}

/// A place in the source: number of the file, line, column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loc {
    pub file: u32,
    pub line: u32,
    pub column: u32,
    /// File, line and column of the call that was inlined here.
    pub inlined_at: Option<(u32, u32, u32)>,
}

/// A statement of a body.
#[derive(Debug)]
pub enum Statement<'a> {
    /// A block begins.
    Open,
    /// A block ends.
    Close,
    /// Registers: one, or as many as this with numbers behind the name.
    Registers {
        ty: Type,
        name: &'a str,
        count: Option<u32>,
        line: u32,
    },
    Variable(Variable<'a>),
    Label {
        name: &'a str,
        line: u32,
    },
    Loc(Loc),
    /// A list of labels under a name.
    Targets {
        name: &'a str,
        labels: Vec<&'a str>,
        line: u32,
    },
    /// A prototype under a name.
    Prototype {
        name: &'a str,
        returns: Vec<Formal<'a>>,
        params: Vec<Formal<'a>>,
    },
    Instruction(Instruction<'a>),
}

/// An instruction.
#[derive(Debug)]
pub struct Instruction<'a> {
    /// The predicate in front of it, and whether it must be false.
    pub guard: Option<(bool, &'a str)>,
    pub opcode: &'a str,
    pub modifiers: Vec<&'a str>,
    pub operands: Vec<Operand<'a>>,
    pub line: u32,
    /// All of it.
    pub text: &'a str,
}

/// An operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<'a> {
    /// A name, and what is added to its address.
    Name(&'a str, i64),
    /// A component of a special register or a vector: `%tid.x`.
    Member(&'a str, &'a str),
    Integer(u64),
    Single(u32),
    Double(u64),
    /// `!%p`
    Not(&'a str),
    /// `%r1|%p1`
    Pair(&'a str, &'a str),
    /// `{%r1, %r2}`
    Vector(Vec<Operand<'a>>),
    /// `(%r1, %r2)`
    List(Vec<Operand<'a>>),
    /// `[%rd1+8]`
    Address(Base<'a>, i64),
    /// `_`
    Sink,
}

/// What an address begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Base<'a> {
    Name(&'a str),
    Number,
}
