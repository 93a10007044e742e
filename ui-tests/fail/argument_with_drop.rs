#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, KernelArg)]
struct Guard {
    id: u32,
}

impl Drop for Guard {
    fn drop(&mut self) {
        println!("{}", self.id);
    }
}

fn main() {}
