//! Kernels that the type system lets pass and no device can run, one mistake each.
use std::{
    cell::Cell,
    fs,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use geobacter::prelude::*;

#[kernel(workgroup = 64)]
fn prints(item: Item<1>, x: In<f32>) {
    if x[&item].is_nan() {
        println!("element {} is not a number", item.x());
    }
}

#[kernel(workgroup = 64)]
fn reads_a_file(item: Item<1>, y: Out<u32>) {
    y.set(&item, fs::read("table").is_ok() as u32);
}

fn neighbours(x: &[f32], at: usize) -> Vec<f32> {
    let mut list = Vec::new();
    list.extend_from_slice(&x[at.saturating_sub(1)..(at + 2).min(x.len())]);
    list
}

fn smooth(x: &[f32], at: usize) -> f32 {
    let around = neighbours(x, at);
    around.iter().sum::<f32>() / around.len() as f32
}

#[kernel(workgroup = 64)]
fn allocates(item: Item<1>, x: In<f32>, y: Out<f32>) {
    y.set(&item, smooth(&x, item.x()));
}

#[kernel(workgroup = 64)]
fn allocates_lds(wg: Workgroup<1>, x: Slice<f32>, y: Out<f32>) {
    let tile = vec![x[0]; wg.items()];
    wg.each(|item| y.set(&item, tile[item.local_x()]));
}

trait Shape {
    fn area(&self, depth: u32) -> f32;
}

struct Square(f32);
struct Half<'a>(&'a dyn Shape);

impl Shape for Square {
    fn area(&self, _: u32) -> f32 {
        self.0 * self.0
    }
}

impl Shape for Half<'_> {
    fn area(&self, depth: u32) -> f32 {
        if depth == 0 { 0.0 } else { self.0.area(depth - 1) / 2.0 }
    }
}

#[kernel(workgroup = 64)]
fn recursion_through_a_trait_object(item: Item<1>, x: In<f32>, y: Out<f32>) {
    let square = Square(x[&item]);
    let shapes: [&dyn Shape; 2] = [&square, &Half(&square)];
    y.set(&item, shapes[item.x() % 2].area(3));
}

#[kernel(workgroup = 64)]
fn table_of_functions(item: Item<1>, x: In<f32>, y: Out<f32>) {
    const TABLE: [fn(f32) -> f32; 2] = [f32::abs, f32::to_degrees];
    y.set(&item, TABLE[item.x() % 2](x[&item]));
}

#[kernel(workgroup = 64)]
fn host_atomic(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let sum = AtomicU32::new(0);
    wg.each(|item| {
        sum.fetch_add(x[&item], Ordering::Relaxed);
    });
    let sum = sum.into_inner();
    wg.each(|item| y.set(&item, sum));
}

#[kernel(workgroup = 64)]
fn mutex(wg: Workgroup<1>, x: In<u32>, y: Out<u32>) {
    let sum = Mutex::new(0);
    wg.each(|item| *sum.lock().unwrap() += x[&item]);
    let sum = *sum.lock().unwrap();
    wg.each(|item| y.set(&item, sum));
}

static SCALE: OnceLock<f32> = OnceLock::new();

#[kernel(workgroup = 64)]
fn once_lock(item: Item<1>, x: In<f32>, y: Out<f32>) {
    y.set(&item, SCALE.get().copied().unwrap_or(1.0) * x[&item]);
}

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

#[kernel(workgroup = 64)]
fn thread_local(wg: Workgroup<1>, y: Out<u32>) {
    wg.each(|_item| COUNT.set(COUNT.get() + 1));
    let count = COUNT.get();
    wg.each(|item| y.set(&item, count));
}

static mut TILE: [f32; 64] = [0.0; 64];

#[kernel(workgroup = 64)]
fn static_mut(wg: Workgroup<1>, x: In<f32>, y: Out<f32>) {
    wg.each(|item| unsafe { TILE[item.local_x()] = x[&item] });
    wg.barrier();
    wg.each(|item| y.set(&item, unsafe { TILE[63 - item.local_x()] }));
}

#[kernel(workgroup = 64)]
fn inline_assembly(item: Item<1>, y: Out<u64>) {
    let time: u64;
    unsafe { std::arch::asm!("rdtsc", out("rax") time, out("rdx") _) };
    y.set(&item, time);
}

unsafe extern "C" {
    fn j0(x: f64) -> f64;
}

#[kernel(workgroup = 64)]
fn foreign_function(item: Item<1>, x: In<f64>, y: Out<f64>) {
    y.set(&item, unsafe { j0(x[&item]) });
}

#[kernel(workgroup = 64)]
fn asks_the_time(item: Item<1>, y: Out<u32>) {
    let start = Instant::now();
    y.set(&item, start.elapsed().subsec_nanos());
}

#[kernel(workgroup = 64)]
fn sleeps(item: Item<1>, y: Out<u32>) {
    thread::sleep(Duration::from_millis(1));
    y.set(&item, 1);
}

#[kernel(workgroup = 64)]
fn asks_the_environment(item: Item<1>, y: Out<u32>) {
    y.set(&item, std::env::var_os("DEBUG").is_some() as u32);
}

#[cfg(target_arch = "x86_64")]
#[kernel(workgroup = 64)]
fn vector_instructions(item: Item<1>, x: In<f32>, y: Out<f32>) {
    use std::arch::x86_64::{_mm_cvtss_f32, _mm_rcp_ss, _mm_set_ss};
    y.set(&item, unsafe { _mm_cvtss_f32(_mm_rcp_ss(_mm_set_ss(x[&item]))) });
}

#[kernel(workgroup = 64)]
fn ends_the_program(item: Item<1>, x: In<f32>) {
    if x[&item] < 0.0 {
        std::process::exit(1);
    }
}

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    let (x, u) = (device.zeroed::<f32>(64)?, device.zeroed::<u32>(64)?);
    let (mut y, mut v) = (device.zeroed::<f32>(64)?, device.zeroed::<u32>(64)?);
    let (d, mut e, mut l) = (device.zeroed::<f64>(64)?, device.zeroed::<f64>(64)?, device.zeroed::<u64>(64)?);
    prints::launch(&device, 64, &x)?;
    reads_a_file::launch(&device, 64, &mut v)?;
    allocates::launch(&device, 64, &x, &mut y)?;
    allocates_lds::launch(&device, 64, &x, &mut y)?;
    recursion_through_a_trait_object::launch(&device, 64, &x, &mut y)?;
    table_of_functions::launch(&device, 64, &x, &mut y)?;
    host_atomic::launch(&device, 64, &u, &mut v)?;
    mutex::launch(&device, 64, &u, &mut v)?;
    once_lock::launch(&device, 64, &x, &mut y)?;
    thread_local::launch(&device, 64, &mut v)?;
    static_mut::launch(&device, 64, &x, &mut y)?;
    inline_assembly::launch(&device, 64, &mut l)?;
    foreign_function::launch(&device, 64, &d, &mut e)?;
    asks_the_time::launch(&device, 64, &mut v)?;
    sleeps::launch(&device, 64, &mut v)?;
    asks_the_environment::launch(&device, 64, &mut v)?;
    #[cfg(target_arch = "x86_64")]
    vector_instructions::launch(&device, 64, &x, &mut y)?;
    ends_the_program::launch(&device, 64, &x)?;
    Ok(())
}
