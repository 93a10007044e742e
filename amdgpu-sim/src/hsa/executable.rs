//! Code object readers, executables, and what a program asks of the latter's symbols.

use std::{
    collections::HashMap,
    ffi::{c_char, c_void},
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, PoisonError, RwLock},
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    loader::{Loaded, Symbol, SymbolValue},
    out::{null, put, put_bytes, text},
    state::{Simulator, fail, lock, simulator, status},
};
use crate::{isa::target::Target, machine::dispatch::Kernel};

/// Alignment of kernarg segments in bytes.
const KERNARG_ALIGNMENT: u32 = 16;
/// Alignment of variables in bytes, as far as it is known: symbols do not say it.
const VARIABLE_ALIGNMENT: u32 = 4;

/// Where a code object comes from, for who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Memory of the program that begins at this address.
    Memory(u64),
    /// The program's file of this descriptor, from this offset on.
    File(hsa_file_t, u64),
}

/// The bytes of a code object. A copy: what the program has may change.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// Where they come from.
    pub storage: Storage,
}

/// A code object that an executable has loaded.
#[derive(Debug)]
pub struct LoadedObject {
    /// Its handle.
    pub handle: u64,
    /// The agent that it was loaded for.
    pub agent: Agent,
    /// Where it comes from.
    pub reader: Reader,
    /// The thing itself.
    pub loaded: Loaded,
}

/// An executable.
#[derive(Debug)]
pub struct Executable {
    profile: hsa_profile_t,
    rounding: hsa_default_float_rounding_mode_t,
    frozen: bool,
    /// What it has loaded.
    pub loaded: Vec<LoadedObject>,
    /// Variables that the program has defined: for an agent, or for all.
    definitions: HashMap<(Option<Agent>, String), u64>,
    symbols: Vec<u64>,
    kernels: Vec<u64>,
}

/// All readers and executables of the process.
#[derive(Debug, Default)]
pub struct Executables {
    readers: HashMap<u64, Reader>,
    executables: HashMap<u64, Executable>,
    symbols: HashMap<u64, (Agent, Symbol)>,
}

/// The kernels of all frozen executables, by the addresses of their descriptors. Not a part of [`Executables`], which
/// stay locked while code is decoded: that keeps nobody from launching other kernels.
#[derive(Debug, Default)]
pub struct Kernels(RwLock<HashMap<u64, (Agent, Arc<Kernel>)>>);

impl Kernels {
    /// The kernel whose descriptor is at this address, if it is this agent's.
    pub fn find(&self, address: u64, agent: Agent) -> Option<Arc<Kernel>> {
        let kernels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kernels.get(&address).filter(|(owner, _)| *owner == agent).map(|(_, kernel)| Arc::clone(kernel))
    }

    fn add(&self, kernels: Vec<(u64, (Agent, Arc<Kernel>))>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(kernels);
    }

    fn remove(&self, addresses: &[u64]) {
        let mut kernels = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            kernels.remove(address);
        }
    }
}

impl Executables {
    /// A live executable.
    pub fn get(&mut self, handle: hsa_executable_t) -> Result<&mut Executable, hsa_status_t> {
        self.executables
            .get_mut(&handle.handle)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_EXECUTABLE, "no executable has this handle"))
    }

    /// All live executables.
    pub fn all(&self) -> impl Iterator<Item = (hsa_executable_t, &Executable)> {
        self.executables.iter().map(|(handle, executable)| (hsa_executable_t { handle: *handle }, executable))
    }

    /// The symbols of an executable, in the order in which they were loaded.
    fn symbols(&mut self, executable: hsa_executable_t) -> Result<Vec<(u64, Agent)>, hsa_status_t> {
        let handles = self.get(executable)?.symbols.clone();
        Ok(handles.into_iter().filter_map(|handle| Some((handle, self.symbols.get(&handle)?.0))).collect())
    }

    /// The reader of a handle.
    fn reader(&self, reader: hsa_code_object_reader_t) -> Result<Reader, hsa_status_t> {
        self.readers.get(&reader.handle).cloned().ok_or_else(unknown_reader)
    }
}

impl Executable {
    /// Refuses what must not be done to a frozen executable.
    fn thaw(&self) -> Result<(), hsa_status_t> {
        if self.frozen { Err(fail(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, "the executable is frozen")) } else { Ok(()) }
    }

    /// The variables that code of this agent can name.
    fn externals(&self, agent: Agent) -> HashMap<String, u64> {
        let definitions = self.definitions.iter();
        let visible = definitions.filter(|((owner, _), _)| owner.is_none_or(|owner| owner == agent));
        visible.map(|((_, name), address)| (name.clone(), *address)).collect()
    }
}

fn unknown_reader() -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER, "no code object reader has this handle")
}

/// Keeps a code object, and gives the handle of its reader.
fn add_reader(simulator: &Simulator, bytes: &[u8], storage: Storage) -> u64 {
    let handle = simulator.handle();
    lock(&simulator.executables).readers.insert(handle, Reader { bytes: bytes.into(), storage });
    handle
}

pub unsafe extern "C" fn hsa_code_object_reader_create_from_memory(
    code_object: *const c_void,
    size: usize,
    code_object_reader: *mut hsa_code_object_reader_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        if code_object.is_null() || size == 0 || code_object_reader.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no code object, or no place for the reader"));
        }
        // SAFETY: the caller gives `size` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(code_object.cast::<u8>(), size) };
        let handle = add_reader(simulator, bytes, Storage::Memory(code_object as u64));
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(code_object_reader, handle) }
    };
    status(create())
}

/// Reads a part of the program's file: from `offset` on, `size` bytes or all that there are.
fn read(file: hsa_file_t, offset: usize, size: Option<usize>) -> Result<Vec<u8>, hsa_status_t> {
    let invalid = |error: io::Error| fail(HSA_STATUS_ERROR_INVALID_FILE, format!("file descriptor {file}: {error}"));
    // Opened anew, so that neither the program's descriptor nor its position is touched.
    let path = format!("/proc/self/fd/{file}");
    let length = std::fs::metadata(&path).map_err(invalid)?;
    if !length.is_file() {
        return Err(fail(HSA_STATUS_ERROR_INVALID_FILE, format!("file descriptor {file} is no regular file's")));
    }
    let length = usize::try_from(length.len()).unwrap_or(usize::MAX);
    let size = size.unwrap_or_else(|| length.saturating_sub(offset));
    if size == 0 || offset.checked_add(size).is_none_or(|end| end > length) {
        let reason = format!("{size} bytes from {offset} on are not in the file of {length} bytes");
        return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
    }
    let mut bytes = vec![0; size];
    File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, offset as u64)).map_err(invalid)?;
    Ok(bytes)
}

/// Makes a reader of a part of a file.
///
/// # Safety
/// `reader` is null or has room for a handle.
pub unsafe fn create_from_file(
    file: hsa_file_t,
    offset: usize,
    size: Option<usize>,
    reader: *mut hsa_code_object_reader_t,
) -> Result<(), hsa_status_t> {
    let simulator = simulator()?;
    if reader.is_null() {
        return Err(null("code_object_reader"));
    }
    let bytes = read(file, offset, size)?;
    let handle = add_reader(simulator, &bytes, Storage::File(file, offset as u64));
    // SAFETY: not null, and room for a handle by this function's contract.
    unsafe { put(reader, handle) }
}

pub unsafe extern "C" fn hsa_code_object_reader_create_from_file(
    file: hsa_file_t,
    code_object_reader: *mut hsa_code_object_reader_t,
) -> hsa_status_t {
    // SAFETY: the caller gives room for a handle.
    status(unsafe { create_from_file(file, 0, None, code_object_reader) })
}

pub unsafe extern "C" fn hsa_code_object_reader_destroy(code_object_reader: hsa_code_object_reader_t) -> hsa_status_t {
    let destroy = || {
        let removed = lock(&simulator()?.executables).readers.remove(&code_object_reader.handle);
        removed.map(drop).ok_or_else(unknown_reader)
    };
    status(destroy())
}

pub unsafe extern "C" fn hsa_executable_create_alt(
    profile: hsa_profile_t,
    default_float_rounding_mode: hsa_default_float_rounding_mode_t,
    _options: *const c_char,
    executable: *mut hsa_executable_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        if executable.is_null() || ![HSA_PROFILE_BASE, HSA_PROFILE_FULL].contains(&profile) {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no place for the executable, or no such profile"));
        }
        let handle = simulator.handle();
        let made = Executable {
            profile,
            rounding: default_float_rounding_mode,
            frozen: false,
            loaded: Vec::new(),
            definitions: HashMap::new(),
            symbols: Vec::new(),
            kernels: Vec::new(),
        };
        lock(&simulator.executables).executables.insert(handle, made);
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(executable, handle) }
    };
    status(create())
}

/// The older form of `hsa_executable_create_alt`: it can make an executable that is frozen, and so empty for ever.
pub unsafe extern "C" fn hsa_executable_create(
    profile: hsa_profile_t,
    executable_state: hsa_executable_state_t,
    options: *const c_char,
    executable: *mut hsa_executable_t,
) -> hsa_status_t {
    if ![HSA_EXECUTABLE_STATE_UNFROZEN, HSA_EXECUTABLE_STATE_FROZEN].contains(&executable_state) {
        return fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no executable state {executable_state}"));
    }
    let rounding = HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT;
    // SAFETY: the same contract.
    let result = unsafe { hsa_executable_create_alt(profile, rounding, options, executable) };
    if result != HSA_STATUS_SUCCESS || executable_state == HSA_EXECUTABLE_STATE_UNFROZEN {
        return result;
    }
    // SAFETY: the handle was written just now.
    unsafe { hsa_executable_freeze(executable.read_unaligned(), options) }
}

pub unsafe extern "C" fn hsa_executable_get_info(
    executable: hsa_executable_t,
    attribute: hsa_executable_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let mut all = lock(&simulator()?.executables);
        let executable = all.get(executable)?;
        let state = if executable.frozen { HSA_EXECUTABLE_STATE_FROZEN } else { HSA_EXECUTABLE_STATE_UNFROZEN };
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_EXECUTABLE_INFO_PROFILE => put(value, executable.profile),
                HSA_EXECUTABLE_INFO_STATE => put(value, state),
                HSA_EXECUTABLE_INFO_DEFAULT_FLOAT_ROUNDING_MODE => put(value, executable.rounding),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no executable attribute {attribute}"))),
            }
        }
    };
    status(get())
}

fn target(simulator: &Simulator, agent: Agent) -> Result<Target, hsa_status_t> {
    agent.target(simulator).ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_AGENT, "the agent runs no code objects"))
}

/// Loads a code object, and gives the handle of what was loaded.
pub fn load(
    simulator: &Simulator,
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    reader: impl FnOnce(&Executables) -> Result<Reader, hsa_status_t>,
) -> Result<u64, hsa_status_t> {
    let agent = Agent::find(simulator, agent)?;
    let target = target(simulator, agent)?;
    let mut all = lock(&simulator.executables);
    let reader = reader(&all)?;
    let executable = all.get(executable)?;
    executable.thaw()?;
    let loaded = Loaded::load(simulator, target, agent.gpus(), &reader.bytes, &executable.externals(agent))?;
    let names: Vec<(u64, Symbol)> = loaded.symbols.iter().map(|symbol| (simulator.handle(), symbol.clone())).collect();
    executable.symbols.extend(names.iter().map(|(handle, _)| *handle));
    let handle = simulator.handle();
    executable.loaded.push(LoadedObject { handle, agent, reader, loaded });
    all.symbols.extend(names.into_iter().map(|(handle, symbol)| (handle, (agent, symbol))));
    Ok(handle)
}

pub unsafe extern "C" fn hsa_executable_load_agent_code_object(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    code_object_reader: hsa_code_object_reader_t,
    _options: *const c_char,
    loaded_code_object: *mut hsa_loaded_code_object_t,
) -> hsa_status_t {
    let load = || {
        let handle = load(simulator()?, executable, agent, |all| all.reader(code_object_reader))?;
        if loaded_code_object.is_null() {
            return Ok(());
        }
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(loaded_code_object, handle) }
    };
    status(load())
}

/// Code objects of a program, and not of an agent, are a thing of HSAIL's: there are none for AMD GPUs.
pub unsafe extern "C" fn hsa_executable_load_program_code_object(
    executable: hsa_executable_t,
    code_object_reader: hsa_code_object_reader_t,
    _options: *const c_char,
    _loaded_code_object: *mut hsa_loaded_code_object_t,
) -> hsa_status_t {
    let load = || {
        let mut all = lock(&simulator()?.executables);
        all.reader(code_object_reader)?;
        all.get(executable)?.thaw()?;
        Err(fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, "the code object is an agent's, and no program's"))
    };
    status(load())
}

/// Defines a variable for code objects that are loaded later.
///
/// # Safety
/// `name` is null or text that ends with a zero.
unsafe fn define(
    executable: hsa_executable_t,
    agent: Option<hsa_agent_t>,
    name: *const c_char,
    address: *mut c_void,
) -> Result<(), hsa_status_t> {
    let simulator = simulator()?;
    let agent = agent.map(|agent| Agent::find(simulator, agent)).transpose()?;
    // SAFETY: by this function's contract.
    let name = unsafe { text(name, "variable_name") }?;
    let mut all = lock(&simulator.executables);
    let loaded = all.symbols(executable)?.into_iter().any(|(handle, owner)| {
        agent.is_none_or(|agent| agent == owner)
            && all.symbols.get(&handle).is_some_and(|(_, symbol)| symbol.name == name)
    });
    let executable = all.get(executable)?;
    executable.thaw()?;
    let key = (agent, name.to_owned());
    if loaded || executable.definitions.contains_key(&key) {
        return Err(fail(HSA_STATUS_ERROR_VARIABLE_ALREADY_DEFINED, format!("{name} is defined already")));
    }
    executable.definitions.insert(key, address as u64);
    Ok(())
}

pub unsafe extern "C" fn hsa_executable_global_variable_define(
    executable: hsa_executable_t,
    variable_name: *const c_char,
    address: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the caller gives text that ends with a zero.
    status(unsafe { define(executable, None, variable_name, address) })
}

pub unsafe extern "C" fn hsa_executable_agent_global_variable_define(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    variable_name: *const c_char,
    address: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the caller gives text that ends with a zero.
    status(unsafe { define(executable, Some(agent), variable_name, address) })
}

pub unsafe extern "C" fn hsa_executable_readonly_variable_define(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    variable_name: *const c_char,
    address: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the caller gives text that ends with a zero.
    status(unsafe { define(executable, Some(agent), variable_name, address) })
}

/// What is loaded is valid: what is not, is refused when it is loaded.
pub unsafe extern "C" fn hsa_executable_validate(executable: hsa_executable_t, result: *mut u32) -> hsa_status_t {
    let validate = || {
        lock(&simulator()?.executables).get(executable)?;
        // SAFETY: null, or room for the result by the caller.
        unsafe { put(result, 0_u32) }
    };
    status(validate())
}

pub unsafe extern "C" fn hsa_executable_validate_alt(
    executable: hsa_executable_t,
    _options: *const c_char,
    result: *mut u32,
) -> hsa_status_t {
    // SAFETY: the same contract.
    unsafe { hsa_executable_validate(executable, result) }
}

pub unsafe extern "C" fn hsa_executable_freeze(executable: hsa_executable_t, _options: *const c_char) -> hsa_status_t {
    let freeze = || {
        let simulator = simulator()?;
        let mut all = lock(&simulator.executables);
        let this = all.get(executable)?;
        this.thaw()?;
        let mut kernels = Vec::new();
        for LoadedObject { agent, loaded, .. } in &this.loaded {
            let found = loaded.kernels(simulator, target(simulator, *agent)?);
            let found =
                found.map_err(|reason| fail(HSA_STATUS_ERROR, format!("cannot disassemble the code: {reason}")))?;
            kernels.extend(found.into_iter().map(|kernel| (kernel.address, (*agent, Arc::new(kernel)))));
        }
        this.frozen = true;
        this.kernels = kernels.iter().map(|(address, _)| *address).collect();
        simulator.kernels.add(kernels);
        Ok(())
    };
    status(freeze())
}

/// Finds a symbol by its name: one of this agent, if one is said.
///
/// # Safety
/// `name` is null or text that ends with a zero; `symbol` is null or has room for a handle.
unsafe fn find_symbol(
    executable: hsa_executable_t,
    name: *const c_char,
    agent: Option<hsa_agent_t>,
    symbol: *mut hsa_executable_symbol_t,
) -> Result<(), hsa_status_t> {
    let simulator = simulator()?;
    // SAFETY: by this function's contract.
    let name = unsafe { text(name, "symbol_name") }?;
    if symbol.is_null() {
        return Err(null("symbol"));
    }
    let agent = agent.map(|agent| Agent::find(simulator, agent)).transpose()?;
    let mut all = lock(&simulator.executables);
    let found = all.symbols(executable)?.into_iter().find(|(handle, owner)| {
        agent.is_none_or(|agent| agent == *owner)
            && all.symbols.get(handle).is_some_and(|(_, symbol)| symbol.name == name)
    });
    let (found, _) = found
        .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_SYMBOL_NAME, format!("the executable has no symbol {name}")))?;
    // SAFETY: not null, and room for a handle by this function's contract.
    unsafe { put(symbol, found) }
}

pub unsafe extern "C" fn hsa_executable_get_symbol_by_name(
    executable: hsa_executable_t,
    symbol_name: *const c_char,
    agent: *const hsa_agent_t,
    symbol: *mut hsa_executable_symbol_t,
) -> hsa_status_t {
    // SAFETY: the caller gives text that ends with a zero, an agent or null, and room for a handle.
    status(unsafe {
        let agent = (!agent.is_null()).then(|| agent.read_unaligned());
        find_symbol(executable, symbol_name, agent, symbol)
    })
}

/// The older form of `hsa_executable_get_symbol_by_name`. No symbol belongs to a module, and none is a function.
pub unsafe extern "C" fn hsa_executable_get_symbol(
    executable: hsa_executable_t,
    module_name: *const c_char,
    symbol_name: *const c_char,
    agent: hsa_agent_t,
    _call_convention: i32,
    symbol: *mut hsa_executable_symbol_t,
) -> hsa_status_t {
    let get = || {
        // SAFETY: the caller gives null or text that ends with a zero.
        if !module_name.is_null() && !unsafe { text(module_name, "module_name") }?.is_empty() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_SYMBOL_NAME, "code objects have no modules"));
        }
        // SAFETY: the caller gives text that ends with a zero, and room for a handle.
        unsafe { find_symbol(executable, symbol_name, Some(agent), symbol) }
    };
    status(get())
}

type SymbolCallback =
    unsafe extern "C" fn(exec: hsa_executable_t, symbol: hsa_executable_symbol_t, data: *mut c_void) -> hsa_status_t;

/// Calls `visit` for each symbol that is wanted, until it gives another status than success.
fn visit_symbols(
    executable: hsa_executable_t,
    wanted: impl Fn(&Simulator, Agent) -> Result<bool, hsa_status_t>,
    visit: impl Fn(hsa_executable_symbol_t) -> hsa_status_t,
) -> hsa_status_t {
    let list = || {
        let simulator = simulator()?;
        let mut handles = Vec::new();
        for (handle, owner) in lock(&simulator.executables).symbols(executable)? {
            if wanted(simulator, owner)? {
                handles.push(handle);
            }
        }
        Ok(handles)
    };
    // No lock is held during a call: it may ask for the symbol's attributes.
    match list() {
        Err(status) => status,
        Ok(handles) => handles
            .into_iter()
            .map(|handle| visit(hsa_executable_symbol_t { handle }))
            .find(|status| *status != HSA_STATUS_SUCCESS)
            .unwrap_or(HSA_STATUS_SUCCESS),
    }
}

pub unsafe extern "C" fn hsa_executable_iterate_symbols(
    executable: hsa_executable_t,
    callback: Option<SymbolCallback>,
    data: *mut c_void,
) -> hsa_status_t {
    let Some(callback) = callback else { return null("callback") };
    // SAFETY: the program's callback, called as the specification says.
    visit_symbols(executable, |_, _| Ok(true), |symbol| unsafe { callback(executable, symbol, data) })
}

pub unsafe extern "C" fn hsa_executable_iterate_agent_symbols(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    callback: Option<
        unsafe extern "C" fn(
            exec: hsa_executable_t,
            agent: hsa_agent_t,
            symbol: hsa_executable_symbol_t,
            data: *mut c_void,
        ) -> hsa_status_t,
    >,
    data: *mut c_void,
) -> hsa_status_t {
    let Some(callback) = callback else { return null("callback") };
    if let Err(status) = simulator().and_then(|simulator| Agent::find(simulator, agent)) {
        return status;
    }
    let wanted = |simulator: &Simulator, owner| Ok(Agent::find(simulator, agent)? == owner);
    // SAFETY: the program's callback, called as the specification says.
    visit_symbols(executable, wanted, |symbol| unsafe { callback(executable, agent, symbol, data) })
}

/// There are none: all symbols are those of an agent.
pub unsafe extern "C" fn hsa_executable_iterate_program_symbols(
    executable: hsa_executable_t,
    callback: Option<SymbolCallback>,
    _data: *mut c_void,
) -> hsa_status_t {
    if callback.is_none() {
        return null("callback");
    }
    status(simulator().and_then(|simulator| lock(&simulator.executables).get(executable).map(drop)))
}

pub unsafe extern "C" fn hsa_executable_symbol_get_info(
    executable_symbol: hsa_executable_symbol_t,
    attribute: hsa_executable_symbol_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let found = lock(&simulator.executables).symbols.get(&executable_symbol.handle).cloned();
        let (agent, symbol) =
            found.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_EXECUTABLE_SYMBOL, "no symbol has this handle"))?;
        // SAFETY: the specification has the caller give room for the attribute's type; for the name, of the length that
        // the name's length attribute gives.
        unsafe { info(agent, &symbol, attribute, value) }
    };
    status(get())
}

/// Writes a symbol's attribute.
///
/// # Safety
/// `value` is null or has room for the attribute's type.
unsafe fn info(
    agent: Agent,
    symbol: &Symbol,
    attribute: hsa_executable_symbol_info_t,
    value: *mut c_void,
) -> Result<(), hsa_status_t> {
    // SAFETY: room for the attribute's type by this function's contract.
    unsafe {
        match (attribute, symbol.value) {
            (HSA_EXECUTABLE_SYMBOL_INFO_TYPE, SymbolValue::Kernel(_)) => put(value, HSA_SYMBOL_KIND_KERNEL),
            (HSA_EXECUTABLE_SYMBOL_INFO_TYPE, SymbolValue::Variable(_)) => put(value, HSA_SYMBOL_KIND_VARIABLE),
            (HSA_EXECUTABLE_SYMBOL_INFO_NAME_LENGTH, _) => put(value, symbol.name.len() as u32),
            (HSA_EXECUTABLE_SYMBOL_INFO_NAME, _) => put_bytes(value, symbol.name.as_bytes()),
            (HSA_EXECUTABLE_SYMBOL_INFO_MODULE_NAME_LENGTH, _) => put(value, 0_u32),
            (HSA_EXECUTABLE_SYMBOL_INFO_MODULE_NAME, _) => Ok(()),
            (HSA_EXECUTABLE_SYMBOL_INFO_AGENT, _) => put(value, agent.handle()),
            (HSA_EXECUTABLE_SYMBOL_INFO_LINKAGE, _) => put(value, HSA_SYMBOL_LINKAGE_PROGRAM),
            (HSA_EXECUTABLE_SYMBOL_INFO_IS_DEFINITION, _) => put(value, true),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ADDRESS, SymbolValue::Variable(_)) => put(value, symbol.address),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_SIZE, SymbolValue::Variable(size)) => put(value, size as u32),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ALLOCATION, SymbolValue::Variable(_)) => {
                put(value, HSA_VARIABLE_ALLOCATION_AGENT)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_SEGMENT, SymbolValue::Variable(_)) => {
                put(value, HSA_VARIABLE_SEGMENT_GLOBAL)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ALIGNMENT, SymbolValue::Variable(_)) => put(value, VARIABLE_ALIGNMENT),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_IS_CONST, SymbolValue::Variable(_)) => put(value, false),
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_CALL_CONVENTION, SymbolValue::Kernel(_)) => put(value, 0_u32),
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, SymbolValue::Kernel(_)) => put(value, symbol.address),
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_SIZE, SymbolValue::Kernel(d)) => {
                put(value, d.kernarg_size)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_ALIGNMENT, SymbolValue::Kernel(_)) => {
                put(value, KERNARG_ALIGNMENT)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE, SymbolValue::Kernel(d)) => {
                put(value, d.group_segment_size)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE, SymbolValue::Kernel(d)) => {
                put(value, d.private_segment_size)
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_DYNAMIC_CALLSTACK, SymbolValue::Kernel(d)) => {
                put(value, d.dynamic_stack())
            }
            _ => Err(fail(
                HSA_STATUS_ERROR_INVALID_ARGUMENT,
                format!("the symbol {} has no attribute {attribute}", symbol.name),
            )),
        }
    }
}

pub unsafe extern "C" fn hsa_executable_destroy(executable: hsa_executable_t) -> hsa_status_t {
    let destroy = || {
        let simulator = simulator()?;
        let mut all = lock(&simulator.executables);
        let removed = all.executables.remove(&executable.handle);
        let removed =
            removed.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_EXECUTABLE, "no executable has this handle"))?;
        for symbol in &removed.symbols {
            all.symbols.remove(symbol);
        }
        simulator.kernels.remove(&removed.kernels);
        for object in removed.loaded {
            object.loaded.unload(simulator);
        }
        Ok(())
    };
    status(destroy())
}
