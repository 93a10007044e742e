#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, #[workgroup_shared] flags: Lds<[bool; 64]>, x: In<u8>, y: Out<u8>) {
    let flags = flags.atomics(&wg, |_| false);
    wg.each(|item| flags.at(x[&item] as usize % 64).store(&item, true));
    let flags = flags.finish(&wg);
    wg.each(|item| y.set(&item, flags[item.local_x()] as u8));
}

fn main() {}
