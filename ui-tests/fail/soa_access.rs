#![forbid(unsafe_code)]
use geobacter::prelude::*;

#[derive(Clone, Copy, StructOfArrays)]
struct Particle {
    position: [f32; 3],
    mass: f32,
}

#[kernel(workgroup = 64)]
fn read_of_out(item: Item<1>, particles: OutSoa<Particle>) {
    let _ = particles.get(&item);
    let _ = particles.fields().mass[&item];
}

#[kernel(workgroup = 64)]
fn write_to_in(item: Item<1>, particles: InSoa<Particle>) {
    particles.set(&item, particles.at(0));
    particles.fields().mass[&item] = 1.0;
}

#[kernel(workgroup = 64)]
fn neighbour_of_in_out(item: Item<1>, particles: InOutSoa<Particle>) {
    particles.set(&item, particles.at(item.x() + 1));
}

#[kernel(workgroup = 64)]
fn two_mutable_fields(mut item: Item<1>, particles: InOutSoa<Particle>) {
    let position = particles.fields().position.at(&mut item);
    let mass = particles.fields().mass.at(&mut item);
    position[0] += *mass;
}

fn main() {}
