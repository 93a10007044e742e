#![forbid(unsafe_code)]
use geobacter::{
    partition::{Partition, Place},
    prelude::*,
};

// Who says which elements belong to whom promises that no two items share one.
enum Reversed {}

impl Partition<1> for Reversed {
    const COUNT: Option<usize> = Some(1);

    fn index(place: &Place<1>, _: usize, _: usize) -> usize {
        place.items() - 1 - place.id()
    }
}

#[kernel(workgroup = 64)]
fn reversed(item: Item<1>, y: Out<f32, Reversed>) {
    y.set_at(&item, 0, 1.0);
}

fn main() {}
