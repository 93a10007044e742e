//! LLVM's disassembler: the toolchain's libLLVM, through the C API.
//!
//! Some words make it end its process. (The product has it in the worker, which is started again.) So it works in a fork,
//! which says what it has as it goes, and is started again; a word that it does not survive is taken as no instruction.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    ptr,
    sync::{Arc, Mutex, OnceLock},
};

use amdgpu_sim::Disassembler;
use geobacter_spool::job::Instruction;
use libloading::Library;

type Create =
    unsafe extern "C" fn(*const c_char, *const c_char, *mut c_void, c_int, *const c_void, *const c_void) -> *mut c_void;
type Disassemble = unsafe extern "C" fn(*mut c_void, *mut u8, u64, u64, *mut c_char, usize) -> usize;

/// The disassembler. LLVM's has state: one caller at a time.
pub struct Llvm {
    create: Create,
    disassemble: Disassemble,
    dispose: unsafe extern "C" fn(*mut c_void),
    fork: Mutex<Option<Fork>>,
}

impl Llvm {
    /// The disassembler, one for the process.
    pub fn get() -> Arc<Self> {
        static LLVM: OnceLock<Arc<Llvm>> = OnceLock::new();
        Arc::clone(LLVM.get_or_init(|| Arc::new(Self::load())))
    }

    /// Loads the libLLVM of the Rust toolchain, which stays loaded.
    fn load() -> Self {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let output = Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc starts");
        let folder = PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim()).join("lib");
        let path = std::fs::read_dir(&folder)
            .expect("the toolchain has libraries")
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libLLVM.so")))
            .expect("the toolchain has a libLLVM");
        // SAFETY: its initialisers register LLVM's options and passes; the functions have the types of LLVM's C headers.
        unsafe {
            let library = Library::new(path).expect("libLLVM can be loaded");
            for part in ["TargetInfo", "Target", "TargetMC", "Disassembler"] {
                let name = format!("LLVMInitializeAMDGPU{part}");
                let initialise = library.get::<unsafe extern "C" fn()>(name.as_bytes()).expect("LLVM knows the target");
                initialise();
            }
            let create = *library.get::<Create>(b"LLVMCreateDisasmCPU").expect("a function of the C API");
            let disassemble = *library.get::<Disassemble>(b"LLVMDisasmInstruction").expect("a function of the C API");
            let dispose = *library.get(b"LLVMDisasmDispose").expect("a function of the C API");
            std::mem::forget(library);
            Self { create, disassemble, dispose, fork: Mutex::new(None) }
        }
    }
}

/// A process that disassembles.
struct Fork {
    child: libc::pid_t,
    stream: UnixStream,
}

impl Drop for Fork {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        // SAFETY: the child is this process's own, and ends when its stream does.
        unsafe { libc::waitpid(self.child, ptr::null_mut(), 0) };
    }
}

impl Fork {
    fn start(llvm: &Llvm) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets can be had");
        // SAFETY: the child calls LLVM, which no thread of this process uses, reads and writes its socket, and ends.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "a process can be had");
        if child == 0 {
            drop(ours);
            // A fuzzer takes signals for its own findings.
            for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGABRT, libc::SIGTRAP] {
                // SAFETY: back to what the system does, in this process of one thread.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            let _ = llvm.serve(theirs);
            // SAFETY: ends this process at once, without the destructors of the other one.
            unsafe { libc::_exit(0) };
        }
        Self { child, stream: ours }
    }

    /// Length and text of each instruction. An error if the process ends before it has them all; `found` has those before.
    fn disassemble(&mut self, target: &str, code: &[u8], found: &mut Vec<(usize, String)>) -> io::Result<()> {
        self.stream.write_all(&[target.len() as u8])?;
        self.stream.write_all(target.as_bytes())?;
        self.stream.write_all(&(code.len() as u32).to_le_bytes())?;
        self.stream.write_all(code)?;
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head)?;
            if head[0] == 0 {
                return Ok(());
            }
            let mut text = vec![0; usize::from(head[1])];
            self.stream.read_exact(&mut text)?;
            found.push((usize::from(head[0]), String::from_utf8_lossy(&text).into_owned()));
        }
    }
}

impl Llvm {
    /// Answers what [`Fork::disassemble`] asks, until nobody asks any more.
    fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        loop {
            let mut length = [0; 1];
            stream.read_exact(&mut length)?;
            let mut target = vec![0; usize::from(length[0])];
            stream.read_exact(&mut target)?;
            let mut size = [0; 4];
            stream.read_exact(&mut size)?;
            let mut code = vec![0; u32::from_le_bytes(size) as usize];
            stream.read_exact(&mut code)?;
            let (triple, target) = (CString::new("amdgcn-amd-amdhsa")?, CString::new(target)?);
            // SAFETY: two C strings, and no functions for symbols.
            let context = unsafe {
                (self.create)(triple.as_ptr(), target.as_ptr(), ptr::null_mut(), 0, ptr::null(), ptr::null())
            };
            let mut text = [0_u8; 256];
            let mut offset = 0;
            while offset < code.len() {
                let rest = &mut code[offset..];
                // SAFETY: both buffers have the sizes that are given.
                let known = unsafe {
                    let (bytes, size) = (rest.as_mut_ptr(), rest.len() as u64);
                    let (to, room) = (text[2..].as_mut_ptr().cast(), text.len() - 2);
                    (self.disassemble)(context, bytes, size, offset as u64, to, room)
                };
                let length = if known == 0 { rest.len().min(4) } else { known };
                let size = text[2..].iter().position(|byte| *byte == 0).filter(|_| known > 0).unwrap_or(0);
                (text[0], text[1]) = (length as u8, size as u8);
                // At once: the next one may be the last.
                stream.write_all(&text[..size + 2])?;
                offset += length;
            }
            stream.write_all(&[0; 2])?;
            // SAFETY: the context is this call's.
            unsafe { (self.dispose)(context) };
        }
    }
}

impl Disassembler for Llvm {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let mut fork = self.fork.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut instructions, mut offset) = (Vec::new(), 0);
        while offset < code.len() {
            let mut found = Vec::new();
            let process = fork.get_or_insert_with(|| Fork::start(self));
            if process.disassemble(target, &code[offset..], &mut found).is_err() {
                *fork = None;
                // The word that it did not survive.
                found.push((4, String::new()));
            }
            for (length, text) in found {
                let length = length.min(code.len() - offset);
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                instructions.push(Instruction { offset: offset as u32, length: length as u32, text });
                offset += length;
            }
        }
        Ok(instructions)
    }
}
