//! Decoded code.

use std::{fmt, sync::Arc};

use super::{
    env::Env,
    value::{Row, Source},
    warp::Warp,
};
use crate::fault::{Site, SourceLocation, Trap};

/// Something that registers alone are concerned with.
pub type Compute = Box<dyn Fn(&mut Warp) + Send + Sync>;
/// Something that can fail.
pub type Access = Box<dyn Fn(&mut Warp, &mut Env<'_>) -> Result<(), Box<Trap>> + Send + Sync>;

/// What an instruction does.
pub enum Op {
    Compute(Compute),
    Access(Access),
    /// Goes on elsewhere.
    Branch(u32),
    /// Goes on at the target with this number.
    BranchIndexed {
        index: Source,
        targets: Box<[u32]>,
    },
    Call(Box<Call>),
    Return,
    Exit,
    /// Ends the kernel with a fault.
    Trap(&'static str),
    /// Something that all lanes of a mask do together.
    Together(Box<Together>),
    Barrier(Box<Barrier>),
}

/// A call.
pub struct Call {
    pub target: Target,
    /// What the caller gives.
    pub arguments: Box<[Argument]>,
    /// What the caller gets.
    pub results: Box<[Argument]>,
}

/// What a call enters.
pub enum Target {
    /// The function with this number.
    Function(u32),
    /// The function with the address in this register.
    Address(Source),
}

/// A value that goes into a function or comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Bytes of the frame's local memory.
    Memory { offset: u32, bytes: u32 },
    /// A register or a constant, of so many bytes; 0 for a predicate.
    Value { source: Source, bytes: u32 },
}

impl Argument {
    /// Its bytes; 0 for a predicate.
    pub fn bytes(self) -> u32 {
        match self {
            Self::Memory { bytes, .. } | Self::Value { bytes, .. } => bytes,
        }
    }
}

/// Something that all lanes of a mask do together.
pub struct Together {
    /// The mask.
    pub members: Source,
    /// Whether all must be at the same instruction.
    pub is_same: bool,
    pub run: Compute,
}

/// What happens at a barrier of the block.
pub struct Barrier {
    /// Its number.
    pub number: Source,
    /// How many threads it is for; `None` for all that have not ended.
    pub threads: Option<Source>,
    /// Whether the threads wait.
    pub waits: bool,
    /// Whether a warp's lanes must be at the same barrier instruction.
    pub is_aligned: bool,
    /// What becomes of a predicate of all threads.
    pub reduction: Option<Reduction>,
}

/// What becomes of a predicate of all threads at a barrier.
#[derive(Clone, Copy, Debug)]
pub struct Reduction {
    pub kind: ReductionKind,
    pub predicate: Source,
    pub is_negated: bool,
    /// The register that gets it.
    pub row: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReductionKind {
    Count,
    All,
    Any,
}

/// An instruction.
pub struct Instruction {
    /// The predicate in front of it, and whether it must be false.
    pub guard: Option<(u32, bool)>,
    pub op: Op,
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruction").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// Number of a file, line, column.
pub type Place = (u32, u32, u32);

/// Where an instruction comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its line in the PTX.
    pub line: u32,
    /// Its text.
    pub text: Box<str>,
    /// Its place in the source and those of the calls that it was inlined into, innermost first: file, line, column.
    pub places: Arc<[Place]>,
}

/// A function's frame.
#[derive(Clone, Debug, Default)]
pub struct Function {
    pub name: String,
    /// Its first instruction.
    pub entry: u32,
    /// Whether it has a body.
    pub is_defined: bool,
    /// Rows of its registers.
    pub rows: u32,
    /// Bytes of its local memory.
    pub local: u32,
    pub params: Box<[Argument]>,
    pub returns: Box<[Argument]>,
    /// Functions that it calls, and those whose addresses it takes.
    pub calls: Vec<u32>,
    /// Numbers of the shared variables that it uses.
    pub shared: Vec<u32>,
}

/// The code of a module.
#[derive(Debug, Default)]
pub struct Code {
    pub instructions: Vec<Instruction>,
    pub origins: Vec<Origin>,
    pub functions: Vec<Function>,
    /// Functions with a body, by their first instruction.
    pub by_entry: Vec<(u32, u32)>,
    pub constants: Vec<Row>,
    pub files: Vec<(u32, String)>,
    /// First and last byte but one of constant memory, for each variable.
    pub constant_memory: Vec<(u64, u64)>,
}

/// The address of the first function; that of each next one is [`FUNCTION_STEP`] further.
const FUNCTIONS: u64 = 4 << 56;
/// What is between the addresses of two functions.
const FUNCTION_STEP: u64 = 16;

/// The address of the function with this number.
pub fn function_address(number: u32) -> u64 {
    FUNCTIONS + u64::from(number) * FUNCTION_STEP
}

impl Code {
    /// The function that an instruction is in.
    pub fn function_of(&self, pc: u32) -> &Function {
        let after = self.by_entry.partition_point(|(entry, _)| *entry <= pc);
        &self.functions[self.by_entry[after - 1].1 as usize]
    }

    /// The function with a body that has this address.
    pub fn function_at(&self, address: u64) -> Option<&Function> {
        let distance = address.checked_sub(FUNCTIONS).filter(|distance| distance.is_multiple_of(FUNCTION_STEP))?;
        let function = self.functions.get(usize::try_from(distance / FUNCTION_STEP).ok()?)?;
        function.is_defined.then_some(function)
    }

    /// Where an instruction comes from.
    pub fn site(&self, pc: u32) -> Option<Box<Site>> {
        let origin = self.origins.get(pc as usize)?;
        let place = |(file, line, column): Place| {
            let name = self.files.iter().find(|(number, _)| *number == file);
            SourceLocation { file: name.map_or_else(|| format!("file {file}"), |(_, name)| name.clone()), line, column }
        };
        let source = origin.places.iter().map(|at| place(*at)).collect();
        let function = self.function_of(pc).name.clone();
        Some(Box::new(Site { function, instruction: origin.text.to_string(), line: origin.line, source }))
    }
}
