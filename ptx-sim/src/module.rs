//! Modules and kernels, as those who load and launch them see them.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    decode::load::{KernelCode, Loaded, load},
    error::LoadError,
    fault::{Fault, FaultKind},
    machine::launch::{Dispatch, run},
    memory::Memory,
    target::Target,
};

/// A parameter of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Where it begins in the parameters' bytes.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
    /// Its alignment in bytes.
    pub align: u32,
}

/// What a launch asks for.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Shared memory of a block beside what the kernel declares, in bytes.
    pub dynamic_shared: u32,
    /// The parameters' bytes, each at its offset ([`Kernel::params`]).
    pub params: &'a [u8],
    /// Ends the launch with a fault when it is set.
    pub stop: Option<&'a AtomicBool>,
}

/// A module that is loaded: its functions, and memory for its variables. The memory is given back with the last of its
/// clones and kernels.
#[derive(Clone, Debug)]
pub struct Module {
    loaded: Arc<Loaded>,
}

impl Module {
    /// Loads a module for a device.
    ///
    /// # Errors
    /// The text is no PTX that the device runs or that is simulated; there is no memory for the variables.
    pub fn load(ptx: &str, device: Target, memory: &Arc<Memory>) -> Result<Self, LoadError> {
        load(ptx, device, memory).map(|loaded| Self { loaded: Arc::new(loaded) })
    }

    /// The names of the kernels.
    pub fn kernels(&self) -> impl Iterator<Item = &str> {
        self.loaded.kernels.iter().map(|kernel| kernel.name.as_str())
    }

    /// The kernel of this name.
    pub fn kernel(&self, name: &str) -> Option<Kernel> {
        let index = self.loaded.kernels.iter().position(|kernel| kernel.name == name)?;
        Some(Kernel { loaded: Arc::clone(&self.loaded), index })
    }

    /// Device address and size in bytes of a variable in global or constant memory that other modules may see.
    pub fn global(&self, name: &str) -> Option<(u64, u64)> {
        self.loaded.globals.get(name).copied()
    }

    /// The version of PTX that it is in: major and minor.
    pub fn version(&self) -> (u32, u32) {
        self.loaded.version
    }

    /// The target that it is for.
    pub fn target(&self) -> Target {
        self.loaded.target
    }
}

/// A kernel of a loaded module. It keeps the module.
#[derive(Clone, Debug)]
pub struct Kernel {
    loaded: Arc<Loaded>,
    index: usize,
}

impl Kernel {
    fn code(&self) -> &KernelCode {
        &self.loaded.kernels[self.index]
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.code().name
    }

    /// Its parameters, in their order.
    pub fn params(&self) -> &[Param] {
        &self.code().params
    }

    /// Bytes that the parameters take.
    pub fn param_bytes(&self) -> u32 {
        self.params().last().map_or(0, |param| param.offset + param.size)
    }

    /// Shared memory that it declares, in bytes.
    pub fn shared_bytes(&self) -> u32 {
        self.code().shared
    }

    /// Local memory of a thread in bytes, without what recursion needs.
    pub fn local_bytes(&self) -> u32 {
        self.code().local
    }

    /// Constant memory of its module in bytes.
    pub fn constant_bytes(&self) -> u64 {
        self.loaded.constant_bytes
    }

    /// Most threads that a block can have.
    pub fn max_threads(&self) -> u32 {
        self.code().most_threads
    }

    /// The only block size that it can be launched with, if it names one.
    pub fn required_threads(&self) -> Option<[u32; 3]> {
        self.code().required
    }

    /// The version of PTX that its module is in: major and minor.
    pub fn version(&self) -> (u32, u32) {
        self.loaded.version
    }

    /// Runs the kernel to its end, on the threads of the rayon pool that it is called in.
    ///
    /// # Errors
    /// What ended it before.
    pub fn launch(&self, launch: &Launch<'_>) -> Result<(), Fault> {
        let kernel = self.code();
        self.check(launch).map_err(|detail| Fault {
            kind: FaultKind::InvalidLaunch,
            kernel: kernel.name.clone(),
            site: None,
            block: [0; 3],
            thread: None,
            address: None,
            detail,
        })?;
        let code = &self.loaded.code;
        let dispatch = Dispatch {
            kernel: &kernel.name,
            code,
            entry: code.functions[kernel.function as usize].entry,
            grid: launch.grid,
            block: launch.block,
            params: &launch.params[..self.param_bytes() as usize],
            memory: &self.loaded.memory,
            shared: kernel.shared + launch.dynamic_shared,
            dynamic_shared: launch.dynamic_shared,
            shared_offsets: &kernel.shared_offsets,
            stop: launch.stop,
            failed: AtomicBool::new(false),
        };
        run(&dispatch).map_err(|fault| *fault)
    }

    /// What is wrong with a launch.
    fn check(&self, launch: &Launch<'_>) -> Result<(), String> {
        let [x, y, z] = launch.block;
        let threads = [x, y, z].iter().fold(1_u32, |product, size| product.saturating_mul(*size));
        if threads == 0 || x > 1024 || y > 1024 || z > 64 {
            return Err(format!("blocks of {x} x {y} x {z} threads; a device has up to 1024 x 1024 x 64"));
        }
        if let Some(required) = self.required_threads().filter(|required| *required != launch.block) {
            let [rx, ry, rz] = required;
            return Err(format!("blocks of {x} x {y} x {z} threads; the kernel wants {rx} x {ry} x {rz}"));
        }
        if threads > self.max_threads() {
            return Err(format!("blocks of {threads} threads; the kernel allows {}", self.max_threads()));
        }
        let [x, y, z] = launch.grid;
        if [x, y, z].contains(&0) || x > i32::MAX as u32 || y > 65535 || z > 65535 {
            return Err(format!("a grid of {x} x {y} x {z} blocks; a device has up to 2147483647 x 65535 x 65535"));
        }
        let (has, given) = (self.param_bytes() as usize, launch.params.len());
        if given < has {
            return Err(format!("{given} bytes of parameters; the kernel has {has}"));
        }
        let shared = self.shared_bytes().saturating_add(launch.dynamic_shared);
        let device = self.loaded.device;
        if shared > device.max_shared() {
            return Err(format!("{shared} bytes of shared memory; {device} has {} for a block", device.max_shared()));
        }
        Ok(())
    }
}
