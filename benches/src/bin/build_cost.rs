//! What a release build of the examples takes under `cargo geobacter`, beside plain cargo.
//!
//! Both builds start from an empty target folder and build every dependency. They take turns, so that a slow minute of the
//! machine meets both.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

fn main() -> anyhow::Result<()> {
    let geobacter = env::var_os("GEOBACTER_WORKER").context("run this with `cargo geobacter run`")?;
    let rounds: u32 = env::args().nth(1).map_or(Ok(2), |rounds| rounds.parse()).context("rounds must be a number")?;
    let (mut plain, mut spooled) = (Duration::MAX, Duration::MAX);
    for round in 1..=rounds {
        let folder = tempfile::tempdir()?;
        let mut cargo = Command::new("cargo");
        cargo.arg("build");
        plain = plain.min(time(cargo, folder.path())?);
        drop(folder);
        let folder = tempfile::tempdir()?;
        let mut cargo = Command::new(&geobacter);
        cargo.arg("build");
        spooled = spooled.min(time(cargo, folder.path())?);
        println!(
            "after round {round}: cargo build {:.1} s, cargo geobacter build {:.1} s, ratio {:.3} (aim: at most 1.15)",
            plain.as_secs_f64(),
            spooled.as_secs_f64(),
            spooled.as_secs_f64() / plain.as_secs_f64(),
        );
    }
    Ok(())
}

fn time(mut build: Command, target: &Path) -> anyhow::Result<Duration> {
    build
        .args(["--release", "--examples", "--package", "geobacter-examples", "--target-dir"])
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = build.status()?;
    let time = start.elapsed();
    ensure!(status.success(), "{build:?} failed");
    Ok(time)
}
