//! LLVM's disassembler: the toolchain's libLLVM, through the C API.
//!
//! Some words make it end its process. (The product has it in the worker, which is started again.) So it works in a fork,
//! which says what it has as it goes; a word that it does not survive is taken as no instruction.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    fs::File,
    io::Read,
    os::fd::FromRawFd,
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
    one_at_a_time: Mutex<()>,
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
            std::mem::forget(library);
            Self { create, disassemble, one_at_a_time: Mutex::new(()) }
        }
    }
}

impl Llvm {
    /// Disassembles from here on in a fork of this process; gives the text of each instruction, and its length.
    fn forked(&self, target: &str, code: &[u8], from: usize) -> Vec<(usize, String)> {
        let (triple, target) = (CString::new("amdgcn-amd-amdhsa").unwrap(), CString::new(target).unwrap());
        let mut code = code.to_vec();
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe can be had");
        // SAFETY: the child calls LLVM, which no thread of the parent uses now, and functions of the kernel.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "a process can be had");
        if child == 0 {
            // SAFETY: two C strings, and no functions for symbols; the process ends here.
            unsafe {
                let context =
                    (self.create)(triple.as_ptr(), target.as_ptr(), ptr::null_mut(), 0, ptr::null(), ptr::null());
                self.report(context, &mut code[from..], from, ends[1]);
                libc::_exit(0);
            }
        }
        let mut said = Vec::new();
        // SAFETY: the descriptors are this function's; the child is its own, and ends.
        unsafe {
            libc::close(ends[1]);
            File::from_raw_fd(ends[0]).read_to_end(&mut said).expect("a pipe can be read");
            libc::waitpid(child, ptr::null_mut(), 0);
        }
        let mut instructions = Vec::new();
        let mut rest = said.as_slice();
        while let [length, size, more @ ..] = rest
            && let Some((text, more)) = more.split_at_checked(usize::from(*size))
        {
            instructions.push((usize::from(*length), String::from_utf8_lossy(text).into_owned()));
            rest = more;
        }
        instructions
    }

    /// Writes length and text of each instruction.
    ///
    /// # Safety
    /// The context is a disassembler, and `to` a descriptor that is open for writing.
    unsafe fn report(&self, context: *mut c_void, code: &mut [u8], from: usize, to: c_int) {
        let mut text = [0_u8; 256];
        let mut offset = 0;
        while offset < code.len() {
            let rest = &mut code[offset..];
            // SAFETY: both buffers have the sizes that are given.
            let known = unsafe {
                let (bytes, size) = (rest.as_mut_ptr(), rest.len() as u64);
                let (to, room) = (text[2..].as_mut_ptr().cast(), text.len() - 2);
                (self.disassemble)(context, bytes, size, (from + offset) as u64, to, room)
            };
            let length = if known == 0 { rest.len().min(4) } else { known };
            let size = text[2..].iter().position(|byte| *byte == 0).filter(|_| known > 0).unwrap_or(0);
            (text[0], text[1]) = (length as u8, size as u8);
            // SAFETY: so many bytes are there.
            unsafe { libc::write(to, text.as_ptr().cast(), size + 2) };
            offset += length;
        }
    }
}

impl Disassembler for Llvm {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let _guard = self.one_at_a_time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut instructions, mut offset) = (Vec::new(), 0);
        while offset < code.len() {
            let mut found = self.forked(target, code, offset);
            if found.iter().map(|(length, _)| length).sum::<usize>() < code.len() - offset {
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
