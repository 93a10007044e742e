#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<u32>) {
    wg.each(|item| {
        if item.x() == 0 {
            geobacter::__private::lang::intrinsics::__gb_barrier();
        }
        y.set(&item, 1);
    });
}

fn main() {}
