#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::cell::RefCell;

thread_local! {
    static KEPT: RefCell<Option<Lds<'static, [f32; 64]>>> = const { RefCell::new(None) };
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>) {
    KEPT.set(Some(tile));
}

fn main() {}
