//! A simulated GPU for tests, and kernels on it.

#![allow(dead_code, reason = "no test needs all of it")]

pub mod instruction;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use ptx_sim::{Fault, Kernel, Launch, LoadError, Memory, Module, Target};

/// A GPU with a loaded module.
pub struct Gpu {
    pub memory: Arc<Memory>,
    pub module: Module,
}

impl Gpu {
    /// Loads a module.
    pub fn load(target: &str, ptx: &str) -> Result<Self, LoadError> {
        let memory = Arc::new(Memory::new(1 << 30));
        let module = Module::load(ptx, Target::parse(target).unwrap(), &memory)?;
        Ok(Self { memory, module })
    }

    /// Loads a module of a kernel `k`, of which this is the text between the header and the end.
    pub fn of(target: &str, items: &str) -> Self {
        match Self::load(target, &module(target, items)) {
            Ok(gpu) => gpu,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn kernel(&self, name: &str) -> Kernel {
        self.module.kernel(name).unwrap_or_else(|| panic!("no kernel {name}"))
    }

    /// Memory with this content.
    pub fn buffer(&self, bytes: &[u8]) -> u64 {
        let address = self.memory.allocate(bytes.len().max(1) as u64, 16).unwrap();
        self.memory.write(address, bytes).unwrap();
        address
    }

    /// The content of memory.
    pub fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
        let mut all = vec![0; bytes];
        self.memory.read(address, &mut all).unwrap();
        all
    }

    /// Launches a kernel whose parameters are numbers of 64 bits.
    pub fn launch(&self, name: &str, grid: u32, block: u32, params: &[u64]) -> Result<(), Fault> {
        self.launch_with(name, [grid, 1, 1], [block, 1, 1], 0, params)
    }

    pub fn launch_with(
        &self,
        name: &str,
        grid: [u32; 3],
        block: [u32; 3],
        dynamic_shared: u32,
        params: &[u64],
    ) -> Result<(), Fault> {
        let params: Vec<u8> = params.iter().flat_map(|param| param.to_le_bytes()).collect();
        self.kernel(name).launch(&Launch { grid, block, dynamic_shared, params: &params, stop: None })
    }
}

/// The first lines of a module that has everything that a target can have.
pub fn module(target: &str, items: &str) -> String {
    format!(".version 8.8\n.target {target}\n.address_size 64\n{items}\n")
}

/// Numbers as bytes.
pub fn bytes(values: &[u64], size: usize) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()[..size].to_vec()).collect()
}

/// Bytes as numbers.
pub fn numbers(bytes: &[u8], size: usize) -> Vec<u64> {
    let number = |bytes: &[u8]| {
        let mut all = [0; 8];
        all[..size].copy_from_slice(bytes);
        u64::from_le_bytes(all)
    };
    bytes.chunks(size).map(number).collect()
}

/// A generator of pseudo-random numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }
}

/// A tool of LLVM 22, if it is installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/usr/bin/{name}-22"));
    path.is_file().then_some(path)
}

/// Whether LLVM's compiler is there; says so if not.
pub fn have_llvm() -> bool {
    let is_there = tool("llc").is_some();
    if !is_there {
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "LLVM 22's llc is not installed");
        eprintln!("skipped: LLVM 22's llc is not installed");
    }
    is_there
}

/// Runs a tool to its end.
pub fn run(name: &str, args: &[&str]) {
    let program = tool(name).expect("the tool is there");
    let output = Command::new(&program).args(args).stdin(Stdio::null()).output().expect("the tool starts");
    assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Holds a module against NVIDIA's assembler, which must take it, too. Where there is none, nothing happens, unless tools are required.
pub fn accepted_by_ptxas(target: &str, text: &str) {
    let Some(program) = geobacter_cuda_toolkit::program("ptxas") else {
        assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "there is no ptxas");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("in.ptx"), folder.path().join("out.cubin"));
    std::fs::write(&source, text).unwrap();
    let arguments = [format!("-arch={target}"), "-O0".to_owned()];
    let output =
        Command::new(program).args(arguments).arg(&source).arg("-o").arg(&object).stdin(Stdio::null()).output();
    let output = output.expect("ptxas starts");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("is not defined for option") {
        // Later assemblers have no old targets.
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    let named: Vec<String> = said
        .lines()
        .map(|said| {
            let number =
                said.split("line ").nth(1).and_then(|rest| rest.split(';').next()).and_then(|n| n.trim().parse().ok());
            format!("{said}: {}", number.and_then(|n: usize| lines.get(n - 1)).unwrap_or(&""))
        })
        .take(20)
        .collect();
    assert!(
        output.status.success(),
        "NVIDIA's assembler refuses what the simulator is tested with:\n{}",
        named.join("\n")
    );
}
