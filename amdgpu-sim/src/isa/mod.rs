//! The instruction sets: text to steps. One table per instruction class; each states the semantics of its instructions
//! once, as Rust closures, for all generations that have them ([`names`]). References are to AMD's *CDNA 3 Instruction
//! Set Architecture Reference Guide* where nothing else is said; *RDNA 2*, *RDNA 3* and *RDNA 4* are its namesakes.
//!
//! ```text
//!  text --parse--> operands, modifiers --canonicalize--> one name for all generations --tables--> step
//! ```

pub mod arithmetic;
pub mod atomic;
pub mod coverage;
pub mod decode;
pub mod dot;
pub mod dpp;
pub mod flow;
pub mod lane;
pub mod lds;
pub mod lds_exchange;
pub mod limits;
pub mod matrix;
pub mod minifloat;
pub mod mubuf;
pub mod names;
pub mod narrow;
pub mod register_index;
pub mod registers;
pub mod rounding;
pub mod salu;
pub mod salu_float;
pub mod sdwa;
pub mod smem;
pub mod step;
pub mod target;
pub mod text;
pub mod transfer;
pub mod valu;
pub mod valu_table;
pub mod vcmp;
pub mod video;
pub mod vmem;
pub mod vop3p;
pub mod vopd;
