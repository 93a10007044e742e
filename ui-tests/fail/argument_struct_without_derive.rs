#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy)]
struct Settings {
    scale: f32,
}

#[kernel(workgroup = 64)]
fn scale(item: Item<1>, settings: Settings, y: InOut<f32>) {
    y.set(&item, y.get(&item) * settings.scale);
}

fn main() {}
