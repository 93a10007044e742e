//! What names mean, and where registers, local memory and constants lie.

use std::collections::HashMap;

use crate::{
    error::LoadError,
    machine::{
        code::Argument,
        value::{Cell, LANES, Row, Source},
        warp::MOST_LOCAL,
    },
    ptx::{
        tree::Formal,
        types::{Space, Type},
    },
};

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    Register {
        row: u32,
        ty: Type,
    },
    /// So many registers with numbers behind the name.
    Registers {
        row: u32,
        ty: Type,
        count: u32,
    },
    /// A variable in memory.
    Memory(Memory),
    /// The function with this number.
    Function(u32),
}

/// A variable in memory, or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Global(u64),
    Const(u64),
    /// The shared variable with this number.
    Shared(u32),
    /// In the frame.
    Local {
        offset: u32,
        bytes: u32,
    },
    /// In the frame, for a call.
    Param {
        offset: u32,
        bytes: u32,
    },
    /// A kernel's parameter.
    EntryParam(u32),
}

impl Memory {
    /// The space that it is in.
    pub fn space(self) -> Space {
        match self {
            Self::Global(_) => Space::Global,
            Self::Const(_) => Space::Const,
            Self::Shared(_) => Space::Shared,
            Self::Local { .. } => Space::Local,
            Self::Param { .. } | Self::EntryParam(_) => Space::Param,
        }
    }
}

/// The constants of a module, each once.
#[derive(Debug, Default)]
pub struct Constants {
    pub rows: Vec<Row>,
    known: HashMap<(u128, usize), u32>,
}

impl Constants {
    /// The rows that hold a value for all lanes.
    pub fn source<C: Cell>(&mut self, value: C) -> Source {
        let next = self.rows.len() as u32;
        let row = *self.known.entry((value.bits(), C::ROWS)).or_insert(next);
        if row == next {
            self.rows.resize(self.rows.len() + C::ROWS, Row([0; LANES]));
            let rows = &mut self.rows[row as usize..];
            let cells: &mut [C] = bytemuck::cast_slice_mut(rows);
            cells.fill(value);
        }
        Source::Constant(row)
    }

    /// The rows that hold a value of a type for all lanes.
    pub fn of_type(&mut self, ty: Type, bits: u64) -> Source {
        match ty.bits() {
            128 => self.source(u128::from(bits)),
            64 => self.source(bits),
            1 => self.source(if bits == 0 { 0 } else { u32::MAX }),
            bits_of_type => self.source(bits as u32 & (u32::MAX >> (32 - bits_of_type))),
        }
    }
}

/// The prototype of a call by address: parameters, and what is returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prototype {
    pub params: Vec<u32>,
    pub returns: Vec<u32>,
}

/// A block of a function.
#[derive(Debug)]
struct Scope<'a> {
    names: HashMap<&'a str, Symbol>,
    /// What local memory reached to when it began.
    local: u32,
    /// The function's is 0, and the others follow as they begin.
    number: u32,
}

/// What the names of a function mean, and its frame.
#[derive(Debug, Default)]
pub struct Frame<'a> {
    scopes: Vec<Scope<'a>>,
    /// Scopes that have begun.
    begun: u32,
    /// Instructions by their labels, and the numbers of the scopes that those are in.
    pub labels: HashMap<(u32, &'a str), u32>,
    /// Lists of labels.
    pub targets: HashMap<&'a str, Vec<&'a str>>,
    pub prototypes: HashMap<&'a str, Prototype>,
    /// Rows that registers take.
    pub rows: u32,
    /// Bytes of local memory in scopes that are open.
    local: u32,
    /// The most bytes of local memory in scopes that were open at once.
    pub most_local: u32,
    pub is_entry: bool,
    /// Functions that are called, or whose addresses are taken.
    pub calls: Vec<u32>,
    /// Shared variables that are used.
    pub shared: Vec<u32>,
}

/// Rows of a register.
pub fn rows_of(ty: Type) -> u32 {
    match ty.bits() {
        128 => 4,
        64 => 2,
        _ => 1,
    }
}

impl<'a> Frame<'a> {
    /// The frame of a function, with its first scope.
    pub fn new(is_entry: bool) -> Self {
        let mut frame = Self { is_entry, ..Self::default() };
        frame.open();
        frame
    }

    /// A scope begins.
    pub fn open(&mut self) {
        self.scopes.push(Scope { names: HashMap::new(), local: self.local, number: self.begun });
        self.begun += 1;
    }

    /// A scope ends.
    pub fn close(&mut self) {
        if let Some(scope) = self.scopes.pop() {
            self.local = scope.local;
        }
    }

    /// Gives a name a meaning.
    ///
    /// # Errors
    /// It has one.
    pub fn define(&mut self, name: &'a str, symbol: Symbol, line: u32) -> Result<(), LoadError> {
        let scope = self.scopes.last_mut().and_then(|scope| scope.names.insert(name, symbol));
        if scope.is_some() { Err(LoadError::invalid(line, name, "the name is defined twice")) } else { Ok(()) }
    }

    /// A register, or as many as this.
    ///
    /// # Errors
    /// The name has a meaning, or there are too many registers.
    pub fn register(&mut self, name: &'a str, ty: Type, count: Option<u32>, line: u32) -> Result<u32, LoadError> {
        const MOST: u32 = 1 << 18;
        let row = self.rows;
        self.rows = rows_of(ty)
            .checked_mul(count.unwrap_or(1))
            .and_then(|rows| rows.checked_add(row))
            .filter(|rows| *rows < MOST)
            .ok_or_else(|| LoadError::invalid(line, name, "the function has too many registers"))?;
        let symbol = match count {
            None => Symbol::Register { row, ty },
            Some(count) => Symbol::Registers { row, ty, count },
        };
        self.define(name, symbol, line)?;
        Ok(row)
    }

    /// Room in the frame's local memory.
    ///
    /// # Errors
    /// There is not so much.
    pub fn room(&mut self, name: &str, bytes: u64, align: u32, line: u32) -> Result<u32, LoadError> {
        let offset = self.local.next_multiple_of(align.max(1));
        let end = u64::from(offset) + bytes;
        if end > u64::from(MOST_LOCAL) {
            return Err(LoadError::invalid(line, name, format!("the function needs {end} bytes of local memory")));
        }
        self.local = end as u32;
        self.most_local = self.most_local.max(self.local);
        Ok(offset)
    }

    /// The instruction that a label here or around stands for.
    pub fn label(&self, name: &str) -> Option<u32> {
        self.scopes.iter().rev().find_map(|scope| self.labels.get(&(scope.number, name)).copied())
    }

    /// What a name means here.
    pub fn find(&self, name: &str, module: &HashMap<&str, Symbol>) -> Option<Symbol> {
        for scope in self.scopes.iter().rev() {
            if let Some(symbol) = scope.names.get(name) {
                return match symbol {
                    // It is the name of no single register.
                    Symbol::Registers { .. } => None,
                    symbol => Some(*symbol),
                };
            }
        }
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        // `%r1<3>` is `%r10`, `%r11`, `%r12`: the name may end with digits itself.
        for length in (1..=digits).rev() {
            let (prefix, number) = name.split_at(name.len() - length);
            if number.len() > 1 && number.starts_with('0') {
                continue;
            }
            let Ok(number) = number.parse::<u32>() else { continue };
            for scope in self.scopes.iter().rev() {
                if let Some(Symbol::Registers { row, ty, count }) = scope.names.get(prefix)
                    && number < *count
                {
                    return Some(Symbol::Register { row: row + number * rows_of(*ty), ty: *ty });
                }
            }
        }
        module.get(name).copied()
    }

    /// A place for a parameter in the frame, or in registers.
    ///
    /// # Errors
    /// The name has a meaning, or there is no room.
    pub fn formal(&mut self, formal: &Formal<'a>) -> Result<Argument, LoadError> {
        match formal {
            Formal::Register { name, ty, line } => {
                let row = self.register(name, *ty, None, *line)?;
                Ok(Argument::Value { source: Source::Register(row), bytes: formal_bytes(formal) })
            }
            Formal::Memory(variable) => {
                let bytes = formal_bytes(formal);
                let offset = self.room(variable.name, u64::from(bytes), variable.alignment(), variable.line)?;
                self.define(variable.name, Symbol::Memory(Memory::Param { offset, bytes }), variable.line)?;
                Ok(Argument::Memory { offset, bytes })
            }
        }
    }
}

/// Bytes of a parameter; 0 for a predicate.
pub fn formal_bytes(formal: &Formal<'_>) -> u32 {
    match formal {
        Formal::Register { ty: Type::Pred, .. } => 0,
        Formal::Register { ty, .. } => ty.bytes(),
        Formal::Memory(variable) => variable.bytes().and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(u32::MAX),
    }
}
