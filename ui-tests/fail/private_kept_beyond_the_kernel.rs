#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::cell::RefCell;

thread_local! {
    static KEPT: RefCell<Option<Private<'static, u32>>> = const { RefCell::new(None) };
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>) {
    Box::leak(Box::new(wg.private(0)));
    KEPT.set(Some(wg.private(0)));
}

fn main() {}
