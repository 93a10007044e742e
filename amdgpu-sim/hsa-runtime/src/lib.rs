//! `libhsa-runtime64.so.1` with simulated GPUs behind it: AMD's HSA runtime, for programs that nobody here wrote.
//!
//! A program that is linked against AMD's library (by itself, or through HIP) runs on the simulator if the dynamic
//! linker finds this library under that name:
//!
//! ```text
//! ln -s target/debug/libhsa_runtime64.so folder/libhsa-runtime64.so.1
//! LD_LIBRARY_PATH=folder AMDGPU_SIM=gfx90a ./program
//! ```
//!
//! It exports every function of AMD's library, with the same symbol version ([`exports`]). `hsa_init` installs the
//! simulator ([`start`]) with the devices of `AMDGPU_SIM`; machine code becomes text through the project's worker
//! ([`text`]), which runs LLVM in a process of its own. What goes wrong in a kernel stands on standard error ([`log`]).
//!
//! | variable | what it says |
//! |---|---|
//! | `AMDGPU_SIM` | the devices, for example `gfx942x2,gfx90a`; else one gfx90a |
//! | `GEOBACTER_WORKER` | the `cargo-geobacter` whose worker is asked; else the one beside this library, else the one on `PATH` |
//! | `GEOBACTER_SYSROOT` | the toolchain whose LLVM it loads; else that of `rustc` (`$RUSTC`, or the one on `PATH`) |
//! | `AMDGPU_SIM_LOG` | `off`, `error`, `warn`, `info`, `debug` (every HSA call that fails, and why) or `trace`; else `error` |
//! | `AMDGPU_SIM_MEMORY`, `AMDGPU_SIM_WATCHDOG`, `GEOBACTER_CHECK` | as for all uses of the simulator: see [`amdgpu_sim`] |

pub mod exports;
pub mod log;
pub mod start;
pub mod text;
