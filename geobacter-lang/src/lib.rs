//! The device language of Geobacter.
#![no_std]

pub mod descriptor;
pub mod instance;
