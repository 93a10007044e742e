#![forbid(unsafe_code)]
use geobacter::prelude::*;

use std::cell::RefCell;

thread_local! {
    static KEPT: RefCell<Option<Item<'static, 1>>> = RefCell::new(None);
}

#[kernel(workgroup = 64)]
fn keep(item: Item<1>) {
    KEPT.set(Some(item));
}

fn main() {}
