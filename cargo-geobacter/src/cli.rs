//! The command line, and what `--help` says.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Rust kernels for accelerators, compiled once, by ordinary cargo.
#[derive(Debug, Parser)]
#[command(
    name = "cargo geobacter",
    bin_name = "cargo geobacter",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  cargo geobacter new demo                      a project with one kernel and one test
  cargo geobacter run --release                 build and run; without a GPU on a simulated gfx942
  cargo geobacter test                          all tests, with device code for every kernel
  cargo geobacter sim -- ./hip_program          run a ROCm program on simulated GPUs
  cargo geobacter inspect --gpu gfx942 --emit asm
                                                what a kernel becomes
  cargo geobacter cache list                    device code that is kept on disk
  cargo geobacter doctor                        what is missing on this machine

`cargo geobacter` builds into `geobacter/` inside of cargo's target folder. Programs that plain cargo builds run their \
kernels on the processor only."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build and run a program, with device code for its kernels.
    #[command(after_help = "\
Every argument but `--device`, `--gpu` and `--gpu-only` goes to `cargo run` as it is (`cargo geobacter build --help` tells of the last two). \
`--device sim:gfx1100` has the program see that device and no other; several are separated by commas, and `amd`, `host` and `sim` \
stand for all of a kind, as `cuda` does. Simulated are gfx90a, gfx942, gfx1030, gfx1100 and gfx1201 of AMD's GPUs, and sm_70, sm_75, \
sm_80, sm_86, sm_89, sm_90, sm_100 and sm_120 of NVIDIA's. Without `--device`, the program sees all devices of this machine and a \
simulated gfx942, or the simulated ones that AMDGPU_SIM names (gfx942x2,gfx90a), and those that PTX_SIM names (sm_90,sm_80x2).

Examples:
  cargo geobacter run --release --example saxpy
  cargo geobacter run --device sim:gfx1100 --example saxpy
  cargo geobacter run --device sim:sm_90,cuda --example saxpy
  AMDGPU_SIM=gfx942x2 cargo geobacter run")]
    Run(CargoArguments),
    /// Build programs, with an archive of their kernels inside.
    #[command(after_help = "\
Every argument but `--gpu` and `--gpu-only` goes to `cargo build` as it is. `--gpu gfx942,gfx1100` puts device code for these GPUs into the \
programs, which then need neither cargo-geobacter nor a toolchain where they run on one of them; GEOBACTER_GPU in the \
environment does the same. With `--gpu-only` they carry nothing else, and no other GPU can run them. `cargo geobacter list` shows what a program carries. A compiler wrapper that RUSTC_WRAPPER names (sccache) stays in use for \
crates without kernels; one that cargo's configuration file names is not used.

Examples:
  cargo geobacter build --release
  cargo geobacter build --release --gpu gfx90a,gfx942
  cargo geobacter build --workspace --examples --target-dir build")]
    Build(CargoArguments),
    /// Run tests, with device code for their kernels.
    #[command(after_help = "\
Every argument but `--device`, `--gpu` and `--gpu-only` goes to `cargo test` as it is (`cargo geobacter run --help` and `cargo geobacter build --help` tell of those). \
Without `--device`, and without AMDGPU_SIM in the environment, tests see the devices of this machine and a simulated gfx942. \
Documentation tests are built by rustdoc and run their kernels on the processor only.

Examples:
  cargo geobacter test
  cargo geobacter test --device sim:gfx1100,sim:gfx1201
  cargo geobacter test --release --test kernels -- --nocapture")]
    Test(CargoArguments),
    /// Run any ROCm program, one that uses HIP or HSA, on simulated GPUs.
    #[command(after_help = "\
The program finds the simulator where it looks for libhsa-runtime64.so.1. It is run as it is: nothing of it is built again, and no \
GPU, driver or ROCm kernel module is needed; HIP programs need HIP's own libraries (Debian: libamdhip64-5). Code for the \
simulated GPU must be in the program: compile with `hipcc --offload-arch=gfx90a`, say.

A kernel that faults, or that breaks a rule that `--check` has the simulator look after, is reported on standard error, with the \
line of its source if it was compiled with line tables (-gline-tables-only). The exit code is the program's.

Examples:
  cargo geobacter sim -- ./vector_add
  cargo geobacter sim --device gfx942x2 -- rocminfo
  cargo geobacter sim --check -- ./tests --filter reduction
  cargo geobacter sim --counters - -- ./matmul")]
    Sim(SimArguments),
    /// Show what a program's kernels become on a GPU.
    #[command(after_help = "\
Examples:
  cargo geobacter inspect --example saxpy --gpu gfx942 --emit asm
  cargo geobacter inspect --release --gpu gfx1100 --emit resources
  cargo geobacter inspect --bin demo --kernel saxpy --gpu gfx90a --emit obj -o saxpy.hsaco
  cargo geobacter inspect --example saxpy --gpu sm_90 --emit sass     needs NVIDIA's ptxas and nvdisasm")]
    Inspect(Box<InspectArguments>),
    /// List the kernels that a program carries, and the GPUs that it carries device code for.
    #[command(after_help = "\
Examples:
  cargo geobacter list target/geobacter/release/demo
  cargo geobacter list --json demo")]
    List(ListArguments),
    /// List the devices that a program would see on this machine.
    Devices(OutputArguments),
    /// Show or empty the cache of device code.
    #[command(
        subcommand,
        after_help = "\
Device code that a program has needed is kept on disk, for all programs of this user. GEOBACTER_CACHE names the folder (`off`: \
no cache), GEOBACTER_CACHE_LIMIT the most that it takes (1G; 0: no limit): what was not used for the longest time goes first."
    )]
    Cache(CacheCommand),
    /// Check this machine, and say what to do about what is missing.
    #[command(after_help = "\
The exit code is 1 if kernels can neither be built nor simulated; a missing GPU is a warning.")]
    Doctor(OutputArguments),
    /// Make a new project with one kernel and one test.
    New(NewArguments),
    /// Generate code for programs that ask on standard input.
    #[command(hide = true)]
    Worker,
}

/// Arguments for cargo.
#[derive(Args, Debug)]
pub struct CargoArguments {
    /// Arguments of the cargo command of the same name, and after `--` those of the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CARGO ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

/// Arguments of `sim`.
#[derive(Args, Debug)]
pub struct SimArguments {
    /// The simulated GPUs, for example gfx1100 or gfx942x2,gfx90a [default: AMDGPU_SIM in the environment, or gfx90a].
    #[arg(long, value_name = "GPUS")]
    pub device: Option<String>,
    /// Check every access of kernels: races, values that were never written, missing waits, divergent barriers.
    #[arg(long)]
    pub check: bool,
    /// Memory of each GPU, for example 512M or 16G.
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<String>,
    /// Count what each kernel does: a table on standard error (-), or a file (NAME.json, NAME.trace).
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub counters: Option<OsString>,
    /// Say more on standard error: off, error, warn, info, debug (every HSA call that fails) or trace.
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct ListArguments {
    /// The program, or a shared library.
    #[arg(value_name = "FILE")]
    pub program: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How to print.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputArguments {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to do with the cache.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CacheCommand {
    /// List what is kept, what was used last first.
    List(OutputArguments),
    /// Remove all of it. Programs that need it build it again.
    Clear(OutputArguments),
    /// Print the folder.
    Path(OutputArguments),
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub struct InspectArguments {
    /// Inspect this binary.
    #[arg(long, value_name = "NAME", conflicts_with = "example")]
    pub bin: Option<String>,
    /// Inspect this example.
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// Take it from this package.
    #[arg(short, long, value_name = "PACKAGE")]
    pub package: Option<String>,
    /// Build with the release profile.
    #[arg(short, long, conflicts_with = "profile")]
    pub release: bool,
    /// Build with this profile.
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Build with these features.
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Build in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub target_dir: Option<PathBuf>,
    /// Build the package of this manifest.
    #[arg(long, value_name = "FILE")]
    pub manifest_path: Option<PathBuf>,
    /// Only instances of this kernel: its name, its path, or the name of one instance.
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Generate code for this GPU, for example gfx942 or sm_90.
    #[arg(long, value_name = "GPU")]
    pub gpu: String,
    /// What to show.
    #[arg(long, value_enum)]
    pub emit: Emit,
    /// Write it into this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `inspect` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The GPU's assembly; for an NVIDIA GPU that is PTX.
    Asm,
    /// Machine code of an NVIDIA GPU, as NVIDIA's ptxas makes it of PTX.
    Sass,
    /// Optimised LLVM IR.
    LlvmIr,
    /// LLVM IR as rustc made it, before anything is done to it.
    SourceIr,
    /// Registers, memory and occupancy, one line for each kernel.
    Resources,
    /// The code object of one kernel: an ELF file, or PTX for an NVIDIA GPU.
    Obj,
}

/// Arguments of `new`.
#[derive(Args, Debug)]
pub struct NewArguments {
    /// The folder to make; its last component is the package's name.
    #[arg(value_name = "NAME")]
    pub path: PathBuf,
}
