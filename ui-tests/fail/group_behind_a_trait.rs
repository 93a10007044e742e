#![forbid(unsafe_code)]
use geobacter::prelude::*;

struct Context<'a, 'k> {
    wg: &'a Workgroup<'k, 1>,
}

trait Synchronise {
    fn synchronise(&self);
}

impl Synchronise for Context<'_, '_> {
    fn synchronise(&self) {
        self.wg.barrier();
    }
}

fn run(wg: &Workgroup<1>, context: impl Synchronise, y: &Out<f32>) {
    wg.each(|item| {
        if item.x() == 0 {
            context.synchronise();
        }
        y.set(&item, 1.0);
    });
}

#[kernel(workgroup = 64)]
fn mistake(wg: Workgroup<1>, y: Out<f32>) {
    run(&wg, Context { wg: &wg }, &y);
}

fn main() {}
