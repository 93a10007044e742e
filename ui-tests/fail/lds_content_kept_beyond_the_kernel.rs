#![forbid(unsafe_code)]
use geobacter::prelude::*;
use std::sync::Mutex;

static KEPT: Mutex<Option<Filled<'static, [f32; 64]>>> = Mutex::new(None);

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32; 64]>) {
    *KEPT.lock().unwrap() = Some(tile.fill(&wg, |_| 0.0));
}

fn main() {}
