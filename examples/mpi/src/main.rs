//! Heat in a plate: Jacobi's method in two dimensions, on as many processes as `mpirun` starts, each with a device of its own.
//!
//! ```sh
//! cargo geobacter build --release --manifest-path examples/mpi/Cargo.toml
//! mpirun -n 4 examples/mpi/target/geobacter/release/jacobi --size 256x192 --steps 500
//! ```
//! Each rank has a block of the plate, with a margin of one cell (the *halo*) that belongs to its neighbours. A step averages the four
//! neighbours of each cell. Before it, ranks exchange what is new in their outermost rows and columns: rectangle copies between the device
//! and pinned memory, and messages between the ranks. Each cell is computed from the same four numbers in the same order whoever
//! computes it, so the result does not depend on the number of ranks, to the last bit.

mod decomposition;

use std::time::Instant;

use anyhow::{Context, bail};
use clap::Parser;
use decomposition::Block;
use geobacter::{DeviceKind, Rect, prelude::*};
use mpi::{
    collective::SystemOperation,
    request::WaitGuard,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives, Destination, Equivalence, Source},
};

/// Heat in a plate whose upper edge is hot, by Jacobi's method, on one device for each MPI rank.
#[derive(Debug, Parser)]
struct Options {
    /// Inner cells of the plate: columns and rows.
    #[arg(long, default_value = "256x192", value_parser = size)]
    size: [usize; 2],
    /// Steps.
    #[arg(long, default_value_t = 500)]
    steps: u32,
    /// Kind of device that each rank takes one of: `host`, `sim`, `amd`, or what there is.
    #[arg(long, default_value = "any")]
    device: String,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.parse().ok().filter(|number| (1..=1 << 20).contains(number));
    let sizes = text.split_once('x').and_then(|(columns, rows)| Some([number(columns)?, number(rows)?]));
    sizes.ok_or_else(|| format!("`{text}` is no size; write COLUMNSxROWS, as in 256x192"))
}

/// One step for a block with its margin: each inner cell becomes the mean of its neighbours, the margin stays. The largest change of a cell
/// goes to `change`, as bits: those of numbers that are not negative are in the same order as they.
#[kernel(workgroup = [32, 8])]
fn step(item: Item<2>, from: In<f64>, to: Out<f64>, change: Atomics<u64>) {
    let grid = item.grid();
    let (x, y) = (item.x(), item.y());
    let old = from[&item];
    // What has no neighbour to the left or above is in the margin, and so is what has none to the right or below.
    let neighbours = (
        from.at(grid, [x.wrapping_sub(1), y]),
        from.at(grid, [x + 1, y]),
        from.at(grid, [x, y.wrapping_sub(1)]),
        from.at(grid, [x, y + 1]),
    );
    let new = match neighbours {
        (Some(left), Some(right), Some(above), Some(below)) => 0.25 * ((left + right) + (above + below)),
        _ => old,
    };
    to.set(&item, new);
    change.at(0).fetch_max(&item, (new - old).abs().to_bits());
}

/// Temperature of the plate's edge: hot above, cold elsewhere. Columns and rows count from the edge.
fn edge(column: usize, row: usize, [columns, _]: [usize; 2]) -> f64 {
    if row == 0 { 100.0 * (column as f64 / (columns + 1) as f64) } else { 0.0 }
}

/// The halo of one side: what goes out and what comes in, in pinned memory.
struct Side {
    neighbour: i32,
    /// Where the outermost own cells stand in the block with its margin.
    own: Rect,
    /// Where the neighbour's stand.
    margin: Rect,
    size: [usize; 2],
    out: HostBuffer<f64>,
    into: HostBuffer<f64>,
}

impl Side {
    fn of(device: &Device, block: &Block) -> anyhow::Result<Vec<Self>> {
        let [width, height] = [block.columns.len(), block.rows.len()];
        let pitch = width + 2;
        let rect = |column: usize, row: usize| Rect { start: row * pitch + column, pitch };
        let places = [
            (rect(1, 1), rect(0, 1), [1, height]),
            (rect(width, 1), rect(width + 1, 1), [1, height]),
            (rect(1, 1), rect(1, 0), [width, 1]),
            (rect(1, height), rect(1, height + 1), [width, 1]),
        ];
        let sides = block.neighbours.iter().zip(places).filter_map(|(neighbour, place)| Some(((*neighbour)?, place)));
        sides
            .map(|(neighbour, (own, margin, size))| {
                let length = size[0] * size[1];
                let (out, into) = (device.zeroed_host_buffer(length)?, device.zeroed_host_buffer(length)?);
                Ok(Self { neighbour, own, margin, size, out, into })
            })
            .collect()
    }
}

/// Brings the margins up to date.
fn exchange(
    world: &SimpleCommunicator,
    stream: &Stream,
    plate: &mut DeviceBuffer<f64>,
    sides: &mut [Side],
) -> anyhow::Result<()> {
    let packed = |size: [usize; 2]| Rect { start: 0, pitch: size[0] };
    for side in sides.iter_mut() {
        stream.copy_rect((&**plate, side.own), (&mut *side.out, packed(side.size)), side.size)?;
    }
    {
        // The views wait for the copies.
        let (mut out, mut into) = (Vec::new(), Vec::new());
        for Side { neighbour, out: from_device, into: to_device, .. } in sides.iter_mut() {
            out.push((*neighbour, from_device.read()?));
            into.push((*neighbour, to_device.write()?));
        }
        mpi::request::scope(|scope| {
            // Waited for when they are dropped, after the sends.
            let mut received = Vec::new();
            for (neighbour, cells) in &mut into {
                let process = world.process_at_rank(*neighbour);
                received.push(WaitGuard::from(process.immediate_receive_into(scope, &mut cells[..])));
            }
            for (neighbour, cells) in &out {
                world.process_at_rank(*neighbour).send(&cells[..]);
            }
        });
    }
    for side in sides.iter() {
        stream.copy_rect((&*side.into, packed(side.size)), (&mut **plate, side.margin), side.size)?;
    }
    Ok(())
}

fn device(kind: &str, rank: i32) -> anyhow::Result<Device> {
    let devices = geobacter::devices();
    let of_kind = |kind| devices.all(|info| info.kind == kind);
    let found = match kind {
        "host" => of_kind(DeviceKind::Host),
        "sim" => of_kind(DeviceKind::Simulator),
        "amd" => of_kind(DeviceKind::Gpu),
        "any" => match of_kind(DeviceKind::Gpu) {
            gpus if gpus.is_empty() => devices.preferred().into_iter().collect(),
            gpus => gpus,
        },
        _ => bail!("there is no kind of device `{kind}`: it is `host`, `sim`, `amd` or `any`"),
    };
    let count = found.len().max(1);
    found.into_iter().nth(rank as usize % count).with_context(|| {
        let absent: Vec<_> = devices.absent.iter().map(ToString::to_string).collect();
        format!("no device of kind `{kind}`\n{}", absent.join("\n"))
    })
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let universe = mpi::initialize().context("MPI does not start")?;
    let world = universe.world();
    let (rank, ranks) = (world.rank(), world.size());
    let block = Block::of(rank, ranks, options.size);
    if block.columns.is_empty() || block.rows.is_empty() {
        bail!("{ranks} ranks are too many for a plate of {:?} cells", options.size);
    }
    let device = device(&options.device, rank)?;
    let stream = device.stream()?;

    // The block with its margin: cold, but for the plate's edge where that is part of the margin.
    let (width, height) = (block.columns.len() + 2, block.rows.len() + 2);
    let mut cells = vec![0.0; width * height];
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (block.columns.start + column, block.rows.start + row);
            if x == 0 || y == 0 || x == options.size[0] + 1 || y == options.size[1] + 1 {
                cells[row * width + column] = edge(x, y, options.size);
            }
        }
    }
    let (mut from, mut to) = (device.upload(&cells)?, device.upload(&cells)?);
    let mut change = device.boxed(0_u64)?;
    let mut sides = Side::of(&device, &block)?;

    let start = Instant::now();
    for _ in 0..options.steps {
        exchange(&world, &stream, &mut from, &mut sides)?;
        stream.fill(&mut *change, 0)?;
        step::enqueue(&stream, [width as u32, height as u32], &from, &mut to, &mut change)?;
        std::mem::swap(&mut from, &mut to);
    }
    stream.wait()?;
    let seconds = start.elapsed().as_secs_f64();

    let mut largest = 0_u64;
    world.all_reduce_into(&change.get()?, &mut largest, SystemOperation::max());
    let plate = gather(&world, &block, options.size, &from.download()?);
    if let Some(plate) = plate {
        let hash = plate.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, cell| {
            // FNV-1a over the cells' bits: the same only if every bit is.
            cell.to_bits()
                .to_le_bytes()
                .iter()
                .fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
        });
        let [columns, rows] = options.size;
        let mean = plate.iter().sum::<f64>() / plate.len() as f64;
        println!(
            "{columns}x{rows} cells, {} steps, largest change {:e}, mean {mean:.9}, bits {hash:016x}",
            options.steps,
            f64::from_bits(largest)
        );
        eprintln!("{ranks} ranks, the first on {}: {seconds:.3} s", device.id());
    }
    Ok(())
}

/// All inner cells of the plate, at rank 0.
fn gather(world: &SimpleCommunicator, block: &Block, size: [usize; 2], cells: &[f64]) -> Option<Vec<f64>> {
    let pitch = block.columns.len() + 2;
    let inner = |row: usize| &cells[(row + 1) * pitch + 1..][..block.columns.len()];
    let own: Vec<f64> = (0..block.rows.len()).flat_map(inner).copied().collect();
    if world.rank() != 0 {
        world.process_at_rank(0).send(&own[..]);
        return None;
    }
    let mut plate = vec![0.0; size[0] * size[1]];
    for rank in 0..world.size() {
        let other = Block::of(rank, world.size(), size);
        let cells = if rank == 0 { own.clone() } else { receive(world, rank, other.columns.len() * other.rows.len()) };
        for (row, cells) in other.rows.clone().zip(cells.chunks(other.columns.len())) {
            plate[row * size[0] + other.columns.start..][..cells.len()].copy_from_slice(cells);
        }
    }
    Some(plate)
}

fn receive<T: Equivalence + Clone + Default>(world: &SimpleCommunicator, rank: i32, length: usize) -> Vec<T> {
    let mut received = vec![T::default(); length];
    world.process_at_rank(rank).receive_into(&mut received[..]);
    received
}
