//! Geobacter's kernels beside the same in CUDA C++, on one device and in one process: BabelStream's five, tiled matrix product,
//! reduction, bodies, stencil and others, and what a launch costs.
//!
//! Both sides take turns, so that whatever slows the device down meets both; what counts is the median of the rounds' ratios. Nothing is
//! asserted of speed, since machines differ, but that both sides compute the same is: otherwise the program fails.

mod bandwidth;
mod code;
mod launches;
mod measure;
mod report;

use std::{fs, path::PathBuf, process::ExitCode, time::SystemTime};

use anyhow::{Context, bail};
use clap::Parser;
use geobacter::{Device, DeviceKind};
use geobacter_beside_cuda::{
    cuda,
    pair::{FILES, PAIRS},
    workload::{
        CudaSide, Setup,
        cases::{self, Sizes},
    },
};

use code::Code;
use measure::Rounds;
use report::{Machine, Report};

/// Geobacter's kernels beside the same in CUDA C++
#[derive(Parser, Debug)]
#[command(name = "beside_cuda", version)]
struct Flags {
    /// Device to measure (`cuda:0`, `sim:sm_90`); the first NVIDIA GPU if none is named. On a device that is no NVIDIA GPU,
    /// Geobacter's side runs alone
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Small sizes and few rounds: says whether everything works, and nothing of speed
    #[arg(long)]
    quick: bool,
    /// Rounds in which both sides take turns [default: 21, with `--quick` 3]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Folder with the kernels in CUDA C++, compiled: `stream.cubin`, `stream.ptx` and so on. Otherwise they are compiled with `nvcc -O3`
    /// (on `PATH`, or as NVCC says), or with NVRTC where there is no nvcc
    #[arg(long, value_name = "DIR")]
    cuda_code: Option<PathBuf>,
    /// File for the figures, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure these kernels only
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, and says whether both sides computed the same.
fn run(flags: &Flags) -> anyhow::Result<bool> {
    let device = device(flags.device.as_deref())?;
    let cuda = cuda_side(&device, flags.cuda_code.as_deref())?;
    let setup = Setup { device: &device, cuda: cuda.as_ref().map(|(side, _)| side) };
    let default_rounds = if flags.quick { 3 } else { 21 };
    let rounds = Rounds { number: flags.rounds.unwrap_or(default_rounds).max(1), quick: flags.quick };
    let (check, measured) = if flags.quick { (Sizes::QUICK, Sizes::QUICK) } else { (Sizes::CHECK, Sizes::FULL) };
    let wanted = |name: &str| flags.names.is_empty() || flags.names.iter().any(|wanted| wanted == name);
    if let Some(unknown) = flags.names.iter().find(|name| !PAIRS.iter().any(|pair| pair.name == **name)) {
        let names: Vec<_> = PAIRS.iter().map(|pair| pair.name).collect();
        bail!("no kernels `{unknown}`; there are {}", names.join(", "));
    }

    let machine = Machine::of(&device, setup.cuda, cuda.as_ref().map(|(_, code)| code.description()), &rounds)?;
    let mut report = Report::new(machine, SystemTime::now());
    print!("{report}");
    if let Some(side) = setup.cuda {
        report.set_bandwidth(bandwidth::measure(side, measured.stream, &rounds)?);
    }
    for pair in PAIRS.into_iter().filter(|pair| wanted(pair.name)) {
        if pair.name == "empty" {
            for launch in launches::measure(&setup, &rounds)? {
                report.add_launch(launch);
            }
            continue;
        }
        // With sizes that are no multiples of anything, and then with those that are measured.
        let mut small = cases::of(pair.name, &setup, check)?;
        let error = measure::check(&mut small, &device, setup.cuda)?;
        drop(small);
        let mut workload = cases::of(pair.name, &setup, measured)?;
        let large_error = measure::check(&mut workload, &device, setup.cuda)?;
        let error = error.zip(large_error).map(|(small, large)| if small >= large { small } else { large });
        let times = measure::times(&mut workload, &device, setup.cuda, &rounds)?;
        report.add_kernel(&workload, error, times);
    }
    print!("{}", report.summary());
    if let Some(path) = &flags.json {
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report.is_right())
}

/// The device that was asked for; otherwise the first NVIDIA GPU.
fn device(id: Option<&str>) -> anyhow::Result<Device> {
    if let Some(id) = id {
        return Ok(geobacter::device(id)?);
    }
    let devices = geobacter::devices();
    let nvidia = devices.find(|info| info.kind == DeviceKind::Gpu && info.isa.starts_with("sm_"));
    nvidia.with_context(|| {
        let absent: Vec<_> = devices.absent.iter().map(ToString::to_string).collect();
        format!("there is no NVIDIA GPU here; name another device with --device: {}", absent.join("; "))
    })
}

/// The same device through CUDA's driver, with the kernels in CUDA C++; `None` if it is no NVIDIA GPU.
fn cuda_side(device: &Device, folder: Option<&std::path::Path>) -> anyhow::Result<Option<(CudaSide, Code)>> {
    let Some((api, number)) = code::driver_of(device) else { return Ok(None) };
    let context = cuda::Context::open(api, number)?;
    let code = Code::find(folder, device)?;
    let capability = context.capability()?;
    let side = CudaSide::load(context, FILES, |file| code.of(file, capability))?;
    Ok(Some((side, code)))
}
