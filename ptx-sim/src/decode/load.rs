//! A module: memory for its variables, code of its functions, what its kernels need.

use std::{collections::HashMap, sync::Arc};

use super::{
    decoder::{Decoder, ModuleNames},
    names::{Constants, Frame, Memory as Place, Prototype, Symbol, formal_bytes},
    operation,
};
use crate::{
    error::LoadError,
    machine::code::{Code, Function, Instruction, Op, Origin, function_address},
    memory::Memory,
    module::Param,
    ptx::{
        parse::parse,
        tree::{self, Formal, Linkage, Statement, Value, Variable},
        types::{Space, Type},
    },
    target::Target,
};

/// Most shared memory that a kernel can declare, in bytes.
const MOST_SHARED: u64 = 48 << 10;
/// Most bytes of a kernel's parameters, and how many they were before PTX 8.1.
const MOST_PARAMS: (u32, u32) = (32764, 4352);

type Result<T> = std::result::Result<T, LoadError>;

/// A module that is loaded.
#[derive(Debug)]
pub struct Loaded {
    pub code: Arc<Code>,
    pub kernels: Vec<KernelCode>,
    /// Device addresses and sizes of variables that others may see.
    pub globals: HashMap<String, (u64, u64)>,
    pub constant_bytes: u64,
    pub version: (u32, u32),
    pub target: Target,
    /// What the module runs on.
    pub device: Target,
    pub memory: Arc<Memory>,
    allocations: Vec<u64>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        for address in &self.allocations {
            // It is the module's own, so it is there.
            let _ = self.memory.free(*address);
        }
    }
}

/// What is known of a kernel.
#[derive(Clone, Debug)]
pub struct KernelCode {
    pub name: String,
    /// Its function's number.
    pub function: u32,
    pub params: Vec<Param>,
    /// Where each shared variable of the module begins.
    pub shared_offsets: Vec<u32>,
    /// Shared memory that it declares, in bytes.
    pub shared: u32,
    /// Local memory of a thread, without what recursion needs, in bytes.
    pub local: u32,
    /// Most threads of a block.
    pub most_threads: u32,
    pub required: Option<[u32; 3]>,
}

/// A shared variable.
#[derive(Clone, Copy, Debug)]
struct Shared {
    bytes: u64,
    align: u32,
    /// Its size is the launch's.
    is_dynamic: bool,
}

/// Loads a module.
///
/// # Errors
/// The text is no PTX that the device runs or that is simulated; there is no memory for the variables.
pub fn load(text: &str, device: Target, memory: &Arc<Memory>) -> Result<Loaded> {
    let tree = parse(text)?;
    let target = Target::parse(tree.target).map_err(|error| LoadError::invalid(1, tree.target, error.to_string()))?;
    if tree.version < target.first_version() {
        let (major, minor) = target.first_version();
        return Err(LoadError::invalid(1, tree.target, format!("the target begins with PTX {major}.{minor}")));
    }
    if !device.runs(target) {
        return Err(LoadError::Target { code: target, device });
    }
    let loaded = Loaded {
        code: Arc::default(),
        kernels: Vec::new(),
        globals: HashMap::new(),
        constant_bytes: 0,
        version: tree.version,
        target,
        device,
        memory: Arc::clone(memory),
        allocations: Vec::new(),
    };
    let names = ModuleNames { symbols: HashMap::new(), constants: Constants::default(), version: tree.version, target };
    let mut loader =
        Loader { tree: &tree, loaded, names, code: Code::default(), shared: Vec::new(), signatures: Vec::new() };
    loader.variables()?;
    loader.functions()?;
    for (number, function) in loader.definitions() {
        loader.body(number, function)?;
    }
    loader.values()?;
    loader.kernels()?;
    Ok(loader.finish())
}

struct Loader<'t, 'a> {
    tree: &'t tree::Module<'a>,
    loaded: Loaded,
    names: ModuleNames<'a>,
    code: Code,
    shared: Vec<Shared>,
    signatures: Vec<(Prototype, bool)>,
}

fn prototype(returns: &[Formal<'_>], params: &[Formal<'_>]) -> Prototype {
    let sizes = |formals: &[Formal<'_>]| formals.iter().map(formal_bytes).collect();
    Prototype { params: sizes(params), returns: sizes(returns) }
}

impl<'t, 'a> Loader<'t, 'a> {
    /// Memory for the module's variables, and what their names mean.
    fn variables(&mut self) -> Result<()> {
        for variable in &self.tree.variables {
            let invalid = |message: &str| Err(LoadError::invalid(variable.line, variable.name, message));
            let is_dynamic = variable.space == Space::Shared && variable.count.is_none_or(|count| count == 0);
            if variable.linkage == Linkage::Extern && !is_dynamic {
                let is_defined =
                    |other: &&Variable<'_>| other.name == variable.name && other.linkage != Linkage::Extern;
                if self.tree.variables.iter().any(|other| is_defined(&other)) {
                    continue;
                }
                return invalid("the variable is declared, and not defined in this module");
            }
            let place = match variable.space {
                Space::Global | Space::Const => self.memory_for(variable)?,
                Space::Shared => Place::Shared(self.shared_variable(variable)?),
                _ => return invalid("a variable of the module is in global, constant or shared memory"),
            };
            let symbol = Symbol::Memory(place);
            if self.names.symbols.insert(variable.name, symbol).is_some() {
                return invalid("the name is defined twice");
            }
        }
        Ok(())
    }

    fn memory_for(&mut self, variable: &Variable<'a>) -> Result<Place> {
        let bytes = variable.bytes().filter(|_| variable.count.is_some());
        let Some(bytes) = bytes else {
            return Err(LoadError::invalid(variable.line, variable.name, "the variable has no size"));
        };
        let align = u64::from(variable.alignment());
        let memory = &self.loaded.memory;
        let address = match variable.space {
            Space::Const => memory.allocate_constant(bytes.max(1), align),
            _ => memory.allocate(bytes.max(1), align),
        };
        let address = address.map_err(|error| LoadError::Memory { variable: variable.name.to_owned(), error })?;
        self.loaded.allocations.push(address);
        if variable.linkage != Linkage::Internal {
            self.loaded.globals.insert(variable.name.to_owned(), (address, bytes));
        }
        if variable.space == Space::Const {
            self.loaded.constant_bytes += bytes;
            self.code.constant_memory.push((address, address + bytes));
            return Ok(Place::Const(address));
        }
        Ok(Place::Global(address))
    }

    fn shared_variable(&mut self, variable: &Variable<'a>) -> Result<u32> {
        if !variable.values.is_empty() {
            return Err(LoadError::invalid(variable.line, variable.name, "shared memory has no initial values"));
        }
        let bytes = variable.bytes().unwrap_or(u64::MAX);
        let is_dynamic = variable.count.is_none_or(|count| count == 0);
        self.shared.push(Shared { bytes, align: variable.alignment(), is_dynamic });
        Ok(self.shared.len() as u32 - 1)
    }

    /// Numbers and signatures of the functions.
    fn functions(&mut self) -> Result<()> {
        for function in &self.tree.functions {
            let invalid = |message: &str| Err(LoadError::invalid(function.line, function.name, message));
            let signature = prototype(&function.returns, &function.params);
            let is_defined = function.body.is_some();
            match self.names.symbols.get(function.name) {
                None => {
                    let number = self.signatures.len() as u32;
                    self.names.symbols.insert(function.name, Symbol::Function(number));
                    self.signatures.push((signature, is_defined));
                    self.code.functions.push(Function {
                        name: function.name.to_owned(),
                        is_defined,
                        ..Function::default()
                    });
                }
                Some(Symbol::Function(number)) => {
                    let (known, has_body) = &mut self.signatures[*number as usize];
                    if *known != signature {
                        return invalid("the function is declared with other parameters");
                    }
                    if *has_body && is_defined {
                        return invalid("the function is defined twice");
                    }
                    *has_body |= is_defined;
                    self.code.functions[*number as usize].is_defined |= is_defined;
                }
                Some(_) => return invalid("the name is defined twice"),
            }
        }
        Ok(())
    }

    /// The functions that have a body, with their numbers.
    fn definitions(&self) -> Vec<(u32, &'t tree::Function<'a>)> {
        let number = |function: &tree::Function<'a>| match self.names.symbols.get(function.name) {
            Some(Symbol::Function(number)) => *number,
            _ => 0,
        };
        let with_body = self.tree.functions.iter().filter(|function| function.body.is_some());
        with_body.map(|function| (number(function), function)).collect()
    }

    /// Decodes a function.
    fn body(&mut self, number: u32, function: &'t tree::Function<'a>) -> Result<()> {
        let Some(body) = &function.body else { return Ok(()) };
        let mut frame = Frame::new(function.is_entry);
        let entry = self.code.instructions.len() as u32;
        self.labels(&mut frame, body, entry)?;
        let (mut params, mut returns) = (Vec::new(), Vec::new());
        if function.is_entry {
            for (param, formal) in entry_params(function, self.loaded.version)?.iter().zip(&function.params) {
                if let Formal::Memory(variable) = formal {
                    frame.define(variable.name, Symbol::Memory(Place::EntryParam(param.offset)), variable.line)?;
                }
            }
        } else {
            for formal in &function.returns {
                returns.push(frame.formal(formal)?);
            }
            for formal in &function.params {
                params.push(frame.formal(formal)?);
            }
        }
        let mut loc = None;
        for statement in body {
            match statement {
                Statement::Open => frame.open(),
                Statement::Close => frame.close(),
                Statement::Loc(here) => loc = Some(*here),
                Statement::Registers { ty, name, count, line } => {
                    frame.register(name, *ty, *count, *line)?;
                }
                Statement::Variable(variable) => self.variable(&mut frame, variable)?,
                Statement::Label { .. } | Statement::Targets { .. } | Statement::Prototype { .. } => {}
                Statement::Instruction(instruction) => {
                    let decoded = self.instruction(&mut frame, instruction)?;
                    self.code.instructions.push(decoded);
                    self.code.origins.push(Origin { line: instruction.line, text: instruction.text.into(), loc });
                }
            }
        }
        // Whoever runs off the end returns.
        self.code.instructions.push(Instruction { guard: None, op: Op::Return });
        self.code.origins.push(Origin { line: function.line, text: "}".into(), loc });
        self.code.by_entry.push((entry, number));
        let decoded = &mut self.code.functions[number as usize];
        decoded.entry = entry;
        decoded.rows = frame.rows;
        decoded.local = frame.most_local.next_multiple_of(16);
        decoded.params = params.into();
        decoded.returns = returns.into();
        decoded.calls = frame.calls;
        decoded.shared = frame.shared;
        Ok(())
    }

    /// Labels, lists of them, and prototypes: they may be used before they stand there.
    fn labels(&self, frame: &mut Frame<'a>, body: &'t [Statement<'a>], entry: u32) -> Result<()> {
        let mut pc = entry;
        for statement in body {
            match statement {
                Statement::Instruction(_) => pc += 1,
                Statement::Label { name, line } if frame.labels.insert(name, pc).is_some() => {
                    return Err(LoadError::invalid(*line, name, "the label is defined twice"));
                }
                Statement::Targets { name, labels, line } if frame.targets.insert(name, labels.clone()).is_some() => {
                    return Err(LoadError::invalid(*line, name, "the list of labels is defined twice"));
                }
                Statement::Prototype { name, returns, params } => {
                    frame.prototypes.insert(name, prototype(returns, params));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A variable of a function.
    fn variable(&mut self, frame: &mut Frame<'a>, variable: &Variable<'a>) -> Result<()> {
        let invalid = |message: &str| Err(LoadError::invalid(variable.line, variable.name, message));
        if !variable.values.is_empty() {
            return invalid("variables of functions have no initial values");
        }
        let place = match variable.space {
            Space::Shared => Place::Shared(self.shared_variable(variable)?),
            Space::Local | Space::Param => {
                let Some(bytes) = variable.bytes().filter(|_| variable.count.is_some()) else {
                    return invalid("the variable has no size");
                };
                let offset = frame.room(variable.name, bytes, variable.alignment(), variable.line)?;
                let bytes = bytes as u32;
                if variable.space == Space::Local {
                    Place::Local { offset, bytes }
                } else {
                    Place::Param { offset, bytes }
                }
            }
            _ => return invalid("variables of functions are in local, shared or parameter memory"),
        };
        frame.define(variable.name, Symbol::Memory(place), variable.line)
    }

    fn instruction(&mut self, frame: &mut Frame<'a>, instruction: &'t tree::Instruction<'a>) -> Result<Instruction> {
        let mut decoder = Decoder::new(instruction, &mut self.names, frame);
        let guard = match instruction.guard {
            None => None,
            Some((is_negated, name)) => match decoder.register(name)? {
                (row, Type::Pred) => Some((row, is_negated)),
                _ => return Err(decoder.error(format!("`{name}` is no predicate"))),
            },
        };
        let op = operation(&mut decoder, &self.signatures)?;
        decoder.finish()?;
        Ok(Instruction { guard, op })
    }

    /// Writes the initial values of the module's variables.
    fn values(&mut self) -> Result<()> {
        for variable in self.tree.variables.iter().filter(|variable| !variable.values.is_empty()) {
            let Some(Symbol::Memory(Place::Global(address) | Place::Const(address))) =
                self.names.symbols.get(variable.name)
            else {
                continue;
            };
            let size = variable.ty.bytes() as usize;
            let mut bytes = Vec::with_capacity(variable.values.len() * size);
            for value in &variable.values {
                let number = self.value(variable, value)?;
                bytes.extend_from_slice(&u128::from(number).to_le_bytes()[..size]);
            }
            self.loaded
                .memory
                .write(*address, &bytes)
                .map_err(|error| LoadError::Memory { variable: variable.name.to_owned(), error })?;
        }
        Ok(())
    }

    fn value(&self, variable: &Variable<'a>, value: &Value<'a>) -> Result<u64> {
        let invalid = |text: &str, message: String| LoadError::invalid(variable.line, text, message);
        let fits = |ty: Type| variable.ty.takes(ty);
        match *value {
            Value::Number(number) if !variable.ty.is_float() => Ok(number),
            Value::Single(bits) if fits(Type::F32) => Ok(u64::from(bits)),
            Value::Single(bits) if variable.ty == Type::F64 => Ok(f64::from(f32::from_bits(bits)).to_bits()),
            Value::Double(bits) if fits(Type::F64) => Ok(bits),
            Value::Double(bits) if variable.ty == Type::F32 => Ok(u64::from((f64::from_bits(bits) as f32).to_bits())),
            Value::Address { name, offset, byte, .. } => {
                let address = match self.names.symbols.get(name) {
                    Some(Symbol::Memory(Place::Global(address) | Place::Const(address))) => *address,
                    Some(Symbol::Function(number)) => function_address(*number),
                    Some(_) => return Err(invalid(name, "the address is not known before the kernel runs".to_owned())),
                    None => return Err(invalid(name, "the name is not defined".to_owned())),
                };
                let address = address.wrapping_add_signed(offset);
                match byte {
                    Some(byte) => Ok(address >> (8 * byte) & 0xff),
                    None if variable.ty.bits() == 64 && variable.ty.is_integer() => Ok(address),
                    None => Err(invalid(name, "an address has 64 bits".to_owned())),
                }
            }
            _ => Err(invalid(variable.name, format!("an initial value is none of type {}", variable.ty.name()))),
        }
    }

    /// The functions that a function reaches.
    fn reached(&self, from: u32) -> Vec<u32> {
        let mut all = vec![from];
        // Whoever has an address may be called.
        let named = self.tree.variables.iter().flat_map(|variable| &variable.values);
        let addressed = named.filter_map(|value| match value {
            Value::Address { name, .. } => match self.names.symbols.get(name) {
                Some(Symbol::Function(number)) => Some(*number),
                _ => None,
            },
            _ => None,
        });
        all.extend(addressed);
        let mut at = 0;
        while let Some(number) = all.get(at).copied() {
            for callee in &self.code.functions[number as usize].calls {
                if !all.contains(callee) {
                    all.push(*callee);
                }
            }
            at += 1;
        }
        all
    }

    /// Local memory of a function and of those that it calls; recursion is counted once.
    fn local(&self, number: u32, path: &mut Vec<u32>, known: &mut HashMap<u32, u32>) -> u32 {
        const DEEPEST: usize = 200;
        if let Some(bytes) = known.get(&number) {
            return *bytes;
        }
        if path.contains(&number) || path.len() > DEEPEST {
            return 0;
        }
        path.push(number);
        let function = &self.code.functions[number as usize];
        let below = function.calls.iter().map(|callee| self.local(*callee, path, known)).max().unwrap_or(0);
        path.pop();
        let bytes = function.local.saturating_add(below);
        known.insert(number, bytes);
        bytes
    }

    /// What each kernel needs.
    fn kernels(&mut self) -> Result<()> {
        for (number, function) in self.definitions().into_iter().filter(|(_, function)| function.is_entry) {
            let reached = self.reached(number);
            let mut used: Vec<u32> = reached
                .iter()
                .flat_map(|number| self.code.functions[*number as usize].shared.iter().copied())
                .collect();
            used.sort_unstable();
            used.dedup();
            let (mut end, mut offsets) = (0_u64, vec![0; self.shared.len()]);
            let mut dynamic_align = 1;
            for number in &used {
                let variable = self.shared[*number as usize];
                if variable.is_dynamic {
                    dynamic_align = dynamic_align.max(variable.align);
                    continue;
                }
                let begin = end.next_multiple_of(u64::from(variable.align));
                offsets[*number as usize] = begin as u32;
                end = begin.saturating_add(variable.bytes);
                if end > MOST_SHARED {
                    let message = format!("the kernel declares more than {MOST_SHARED} bytes of shared memory");
                    return Err(LoadError::invalid(function.line, function.name, message));
                }
            }
            // What the launch asks for begins behind what the kernel declares.
            let has_dynamic = used.iter().any(|number| self.shared[*number as usize].is_dynamic);
            let begin = if has_dynamic { end.next_multiple_of(u64::from(dynamic_align)) } else { end };
            for number in used.iter().filter(|number| self.shared[**number as usize].is_dynamic) {
                offsets[*number as usize] = begin as u32;
            }
            let product = |sizes: [u32; 3]| sizes.iter().fold(1_u32, |product, size| product.saturating_mul(*size));
            let most = function.required.or(function.most).map_or(1024, product);
            self.loaded.kernels.push(KernelCode {
                name: function.name.to_owned(),
                function: number,
                params: entry_params(function, self.loaded.version)?,
                shared_offsets: offsets,
                shared: begin as u32,
                local: self.local(number, &mut Vec::new(), &mut HashMap::new()),
                most_threads: most.min(1024),
                required: function.required,
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Loaded {
        self.code.constants = self.names.constants.rows;
        self.code.files = self.tree.files.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
        self.loaded.code = Arc::new(self.code);
        self.loaded
    }
}

/// Where a kernel's parameters lie.
fn entry_params(function: &tree::Function<'_>, version: (u32, u32)) -> Result<Vec<Param>> {
    let mut all = Vec::new();
    let mut end = 0_u32;
    let most = if version >= (8, 1) { MOST_PARAMS.0 } else { MOST_PARAMS.1 };
    for formal in &function.params {
        let Formal::Memory(variable) = formal else {
            return Err(LoadError::invalid(function.line, function.name, "a kernel's parameters are in memory"));
        };
        let (size, align) = (formal_bytes(formal), variable.alignment());
        let offset = end.next_multiple_of(align);
        let Some(next) = offset.checked_add(size).filter(|end| *end <= most) else {
            let message = format!("the kernel's parameters have more than {most} bytes");
            return Err(LoadError::invalid(variable.line, variable.name, message));
        };
        end = next;
        all.push(Param { name: variable.name.to_owned(), offset, size, align });
    }
    Ok(all)
}
