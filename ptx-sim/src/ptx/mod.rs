//! The text of PTX: tokens, and the syntax tree that is made of them. Names are not resolved here, and opcodes not known.

pub mod parse;
pub mod token;
pub mod tree;
pub mod types;
