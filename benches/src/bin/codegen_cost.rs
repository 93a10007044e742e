//! What the worker takes to make device code of a kernel: with its own start, and warm.

use anyhow::Context;
use geobacter::prelude::*;
use geobacter_codegen_client::Worker;
use geobacter_spool::{
    archive::{Archive, SECTION},
    job::{CompileJob, Emit},
};
use object::{Object, ObjectSection};
use std::time::Instant;

#[kernel(workgroup = 256)]
fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

fn main() -> anyhow::Result<()> {
    // Makes the kernel a part of this program.
    let device = geobacter::device("host")?;
    saxpy::launch(&device, 1u32, 1.0, &device.upload(&[1.0f32])?, &mut device.upload(&[1.0f32])?)?;

    let program = std::fs::read(std::env::current_exe()?)?;
    let elf = object::File::parse(&*program)?;
    let section = elf.section_by_name(SECTION).map(|section| section.data()).transpose()?.unwrap_or_default();
    let archives = Archive::read_section(section)?;
    let archive = archives.first().context("no kernel archive: run this with `cargo geobacter run`")?;
    let kernel = archive.kernels().next().context("no kernel in the archive")??;

    for target in ["gfx942", "gfx1100"] {
        let job = CompileJob {
            checked: false,
            constants: Vec::new(),
            bitcode: kernel.bitcode.clone(),
            entry: kernel.symbol.clone(),
            export: kernel.descriptor.name.clone(),
            target: target.to_owned(),
            emit: Emit::CodeObject,
        };
        let start = Instant::now();
        let worker = Worker::find(&archive.producer().worker, &archive.producer().sysroot)?;
        worker.compile(job.clone())?;
        let with_start = start.elapsed();
        let start = Instant::now();
        worker.compile(job.clone())?;
        let first = start.elapsed();
        let warm = geobacter_benches::measure(20, || drop(worker.compile(job.clone())));
        println!(
            "saxpy for {target}: {:.1} ms with the worker's start, then {:.1} ms (aim: under 100 ms); warm {:.1} ms, median {:.1} ms",
            with_start.as_secs_f64() * 1e3,
            first.as_secs_f64() * 1e3,
            warm.minimum.as_secs_f64() * 1e3,
            warm.median.as_secs_f64() * 1e3,
        );
    }
    Ok(())
}
