//! The questions and answers of the code generation worker.
//!
//! The worker is one process per program (or per link step). It reads a [`Request`], answers with a [`Response`], and
//! goes on until its standard input closes. LLVM may abort it at any time; the client takes that as an answer too.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{archive::Producer, diagnostic::Diagnostic};

/// Version of this protocol. The worker refuses another one in [`Request::Hello`].
pub const PROTOCOL_VERSION: u32 = 4;

/// What the client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// First message: which protocol, and which toolchain's LLVM to load.
    Hello {
        /// [`PROTOCOL_VERSION`] of the client.
        protocol: u32,
        /// Sysroot of the toolchain that made the bitcode.
        sysroot: PathBuf,
    },
    /// Generate device code for one kernel.
    Compile(CompileJob),
    /// Disassemble device code.
    Disassemble(DisassembleJob),
    /// Collect what kernels reach and check it: the spool step.
    Extract(ExtractJob),
}

/// What the worker answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::Hello`]: the worker is ready.
    Ready {
        /// Version of the LLVM that it loaded.
        llvm: String,
    },
    /// To [`Request::Compile`].
    Compiled(CompiledKernel),
    /// To [`Request::Disassemble`].
    Disassembled(Vec<Instruction>),
    /// To [`Request::Extract`].
    Extracted(Extracted),
    /// The request could not be met; the worker goes on.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// Generate device code for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileJob {
    /// Bitcode of the kernel and everything that it reaches, as the archive has it.
    pub bitcode: Vec<u8>,
    /// Mangled name of the entry function in it.
    pub entry: String,
    /// The symbol that the kernel shall have in the code object.
    pub export: String,
    /// The device: `gfx942`, `gfx1100`.
    pub target: String,
    /// What to make.
    pub emit: Emit,
    /// Whether it is for a device that checks accesses. LDS then holds what the kernel declares and nothing else: LLVM would
    /// move private arrays there, and a value in one, of which not all bytes are written, looks like LDS that was never filled.
    pub checked: bool,
    /// The values of the kernel's specialisation constants, one behind the other in the order of the parameters, as bytes of the
    /// kernarg segment. Empty: the code takes them from there at run time.
    pub constants: Vec<u8>,
}

/// What a compile job makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Emit {
    /// A linked code object that the device's loader takes.
    CodeObject,
    /// The target's assembly, as text.
    Assembly,
    /// Optimised LLVM IR, as text.
    LlvmIr,
    /// LLVM IR as the archive has it, before anything is done to it, as text.
    SourceIr,
}

/// Device code for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledKernel {
    /// What [`CompileJob::emit`] asked for.
    pub bytes: Vec<u8>,
    /// What the kernel takes of the device, read back from the code object. `None` unless a code object was asked for.
    pub resources: Option<KernelResources>,
}

/// What a kernel takes of the device: read from the code object, and checked against its descriptor. A code object that is PTX
/// says nothing of registers, occupancy and code size: the driver makes machine code of it. They are 0 there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelResources {
    /// The kernel's symbol in the code object, without `.kd`.
    pub symbol: String,
    /// Bytes of the kernarg segment, hidden arguments included.
    pub kernarg_size: u32,
    /// Alignment of the kernarg segment in bytes.
    pub kernarg_align: u32,
    /// Bytes of explicit arguments at the start of the kernarg segment.
    pub explicit_kernarg_size: u32,
    /// The arguments that the loader fills in, with their place in the kernarg segment.
    pub hidden_args: Vec<HiddenArg>,
    /// Static LDS in bytes.
    pub lds: u32,
    /// Scratch in bytes for each work-item.
    pub scratch: u32,
    /// Whether the kernel calls functions whose stack need is not known (recursion).
    pub dynamic_stack: bool,
    /// Architectural vector registers for each work-item.
    pub vgprs: u32,
    /// Accumulation vector registers for each work-item.
    pub agprs: u32,
    /// Scalar registers for each wave.
    pub sgprs: u32,
    /// Vector registers spilled to scratch.
    pub vgpr_spills: u32,
    /// Scalar registers spilled.
    pub sgpr_spills: u32,
    /// Work-items in a wave.
    pub wave_size: u32,
    /// The largest work-group that the code was made for.
    pub max_workgroup: u32,
    /// Waves that one SIMD can hold at once with these resources.
    pub occupancy: u32,
    /// Bytes of machine code.
    pub code_size: u32,
}

/// [`HiddenArg::kind`] of the address of a launch's hidden block, which kernels for NVIDIA GPUs take that panic or print: in device
/// memory, [`HIDDEN_BLOCK_WORDS`] words of 64 bits, the addresses of the launch's fault record and of its output buffer.
pub const HIDDEN_BLOCK: &str = "hidden_geobacter_block";

/// Words of a hidden block.
pub const HIDDEN_BLOCK_WORDS: usize = 2;

/// An argument that the loader fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenArg {
    /// Its name in the AMDGPU code object ABI, for example `hidden_printf_buffer`, or [`HIDDEN_BLOCK`].
    pub kind: String,
    /// Offset in the kernarg segment.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

/// Disassemble device code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisassembleJob {
    /// The device: `gfx942`.
    pub target: String,
    /// The machine code.
    pub code: Vec<u8>,
}

/// One machine instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// Offset in the machine code, in bytes.
    pub offset: u32,
    /// Length in bytes. Bytes that are no instruction come as four-byte entries with empty text.
    pub length: u32,
    /// The instruction in the assembler's syntax, white space folded to single blanks.
    pub text: String,
}

/// The spool step: collect what kernels reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractJob {
    /// Who writes the archive.
    pub producer: Producer,
    /// Unoptimised bitcode files of the crates that may hold kernels (`*.no-opt.bc`): all of it is read.
    pub kernel_modules: Vec<PathBuf>,
    /// Static libraries (`.rlib`) whose members hold bitcode, as `.llvmbc` section or plain; read as far as needed.
    pub libraries: Vec<PathBuf>,
}

/// What the spool step found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// The kernel archive; empty if there are no kernels.
    pub archive: Vec<u8>,
    /// How many kernel instances it holds.
    pub kernels: usize,
    /// What no device can run. If there is any, the archive is empty.
    pub diagnostics: Vec<Diagnostic>,
}
