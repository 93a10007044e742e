//! What the examples of Geobacter share: their command line.

pub mod cli;
