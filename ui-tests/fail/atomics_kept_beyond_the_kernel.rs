#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::sync::Mutex;

static KEPT: Mutex<Option<Atomics<'static, u32>>> = Mutex::new(None);

#[kernel(workgroup = 64)]
fn mistake(_wg: Workgroup<1>, counts: Atomics<u32>) {
    *KEPT.lock().unwrap() = Some(counts);
}

fn main() {}
