#![forbid(unsafe_code)]
use geobacter::prelude::*;

// Every item of the group would write the group's element.
#[kernel(workgroup = 64)]
fn sums(wg: Workgroup<1>, x: In<f32>, y: Out<f32, PerGroup<1>>) {
    wg.each(|mut item| y.group_block(&mut item)[0] = x[&item]);
}

// The group's elements are filled by the group, not by one of its items.
#[kernel(workgroup = 64)]
fn fills(wg: Workgroup<1>, y: Out<f32, PerGroup<1>>) {
    wg.each(|item| y.fill(&wg, |_| item.x() as f32));
}

fn main() {}
