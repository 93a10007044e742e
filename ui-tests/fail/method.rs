#![forbid(unsafe_code)]
use geobacter::prelude::*;

struct Scale(f32);

impl Scale {
    #[kernel(workgroup = 64)]
    fn scale(&self, item: Item<1>, y: InOut<f32>) {
        y.set(&item, self.0 * y.get(&item));
    }
}

fn main() {}
