//! Code object readers, executables and their symbols.

use std::{
    collections::HashMap,
    ffi::{c_char, c_void},
    sync::{Arc, PoisonError, RwLock},
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    loader::{Loaded, Symbol, SymbolValue},
    out::{null, put, text},
    state::{Simulator, fail, lock, simulator, status},
};
use crate::{isa::target::Target, machine::dispatch::Kernel};

/// Alignment of kernarg segments in bytes.
const KERNARG_ALIGNMENT: u32 = 16;

#[derive(Debug, Default)]
struct Executable {
    frozen: bool,
    loaded: Vec<(Agent, Loaded)>,
    symbols: Vec<u64>,
    kernels: Vec<u64>,
}

/// All readers and executables of the process.
#[derive(Debug, Default)]
pub struct Executables {
    readers: HashMap<u64, Arc<[u8]>>,
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
    fn get(&mut self, handle: hsa_executable_t) -> Result<&mut Executable, hsa_status_t> {
        self.executables
            .get_mut(&handle.handle)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_EXECUTABLE, "no executable has this handle"))
    }
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
        let handle = simulator.handle();
        lock(&simulator.executables).readers.insert(handle, bytes.into());
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(code_object_reader, handle) }
    };
    status(create())
}

pub unsafe extern "C" fn hsa_code_object_reader_destroy(code_object_reader: hsa_code_object_reader_t) -> hsa_status_t {
    let destroy = || {
        let removed = lock(&simulator()?.executables).readers.remove(&code_object_reader.handle);
        removed
            .map(drop)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER, "no code object reader has this handle"))
    };
    status(destroy())
}

pub unsafe extern "C" fn hsa_executable_create_alt(
    profile: hsa_profile_t,
    _default_float_rounding_mode: hsa_default_float_rounding_mode_t,
    _options: *const c_char,
    executable: *mut hsa_executable_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        if executable.is_null() || ![HSA_PROFILE_BASE, HSA_PROFILE_FULL].contains(&profile) {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no place for the executable, or no such profile"));
        }
        let handle = simulator.handle();
        lock(&simulator.executables).executables.insert(handle, Executable::default());
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(executable, handle) }
    };
    status(create())
}

fn target(simulator: &Simulator, agent: Agent) -> Result<Target, hsa_status_t> {
    match agent {
        Agent::Gpu(n) => simulator.config.targets().get(n).and_then(|name| Target::named(name)),
        Agent::Cpu => None,
    }
    .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_AGENT, "the agent runs no code objects"))
}

pub unsafe extern "C" fn hsa_executable_load_agent_code_object(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    code_object_reader: hsa_code_object_reader_t,
    _options: *const c_char,
    loaded_code_object: *mut hsa_loaded_code_object_t,
) -> hsa_status_t {
    let load = || {
        let simulator = simulator()?;
        let agent = Agent::find(simulator, agent)?;
        let target = target(simulator, agent)?;
        let mut all = lock(&simulator.executables);
        let bytes = all.readers.get(&code_object_reader.handle).cloned();
        let bytes = bytes.ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER, "no code object reader has this handle")
        })?;
        let executable = all.get(executable)?;
        if executable.frozen {
            return Err(fail(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, "the executable is frozen"));
        }
        let loaded = Loaded::load(simulator, target, agent.gpus(), &bytes)?;
        let names: Vec<(u64, Symbol)> =
            loaded.symbols.iter().map(|symbol| (simulator.handle(), symbol.clone())).collect();
        executable.symbols.extend(names.iter().map(|(handle, _)| *handle));
        executable.loaded.push((agent, loaded));
        all.symbols.extend(names.into_iter().map(|(handle, symbol)| (handle, (agent, symbol))));
        if !loaded_code_object.is_null() {
            // SAFETY: not null, and the caller gives room for a handle.
            unsafe { put(loaded_code_object, simulator.handle()) }?;
        }
        Ok(())
    };
    status(load())
}

pub unsafe extern "C" fn hsa_executable_freeze(executable: hsa_executable_t, _options: *const c_char) -> hsa_status_t {
    let freeze = || {
        let simulator = simulator()?;
        let mut all = lock(&simulator.executables);
        let this = all.get(executable)?;
        if this.frozen {
            return Err(fail(HSA_STATUS_ERROR_FROZEN_EXECUTABLE, "the executable is frozen already"));
        }
        let mut kernels = Vec::new();
        for (agent, loaded) in &this.loaded {
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

pub unsafe extern "C" fn hsa_executable_get_symbol_by_name(
    executable: hsa_executable_t,
    symbol_name: *const c_char,
    agent: *const hsa_agent_t,
    symbol: *mut hsa_executable_symbol_t,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        // SAFETY: the caller gives text that ends with a zero.
        let name = unsafe { text(symbol_name, "symbol_name") }?;
        if symbol.is_null() {
            return Err(null("symbol"));
        }
        let agent = if agent.is_null() {
            None
        } else {
            // SAFETY: not null, and the caller gives an agent.
            Some(Agent::find(simulator, unsafe { agent.read_unaligned() })?)
        };
        let mut all = lock(&simulator.executables);
        let handles = all.get(executable)?.symbols.clone();
        let found = handles.into_iter().find(|handle| {
            all.symbols
                .get(handle)
                .is_some_and(|(owner, symbol)| symbol.name == name && agent.is_none_or(|agent| agent == *owner))
        });
        let found = found.ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_SYMBOL_NAME, format!("the executable has no symbol {name}"))
        })?;
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(symbol, found) }
    };
    status(get())
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
            (HSA_EXECUTABLE_SYMBOL_INFO_NAME, _) => {
                if value.is_null() {
                    return Err(null("value"));
                }
                std::ptr::copy_nonoverlapping(symbol.name.as_ptr(), value.cast::<u8>(), symbol.name.len());
                Ok(())
            }
            (HSA_EXECUTABLE_SYMBOL_INFO_MODULE_NAME_LENGTH, _) => put(value, 0_u32),
            (HSA_EXECUTABLE_SYMBOL_INFO_AGENT, _) => put(value, agent.handle()),
            (HSA_EXECUTABLE_SYMBOL_INFO_LINKAGE, _) => put(value, HSA_SYMBOL_LINKAGE_PROGRAM),
            (HSA_EXECUTABLE_SYMBOL_INFO_IS_DEFINITION, _) => put(value, true),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_ADDRESS, SymbolValue::Variable(_)) => put(value, symbol.address),
            (HSA_EXECUTABLE_SYMBOL_INFO_VARIABLE_SIZE, SymbolValue::Variable(size)) => put(value, size as u32),
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
        for (_, loaded) in removed.loaded {
            loaded.unload(simulator);
        }
        Ok(())
    };
    status(destroy())
}
