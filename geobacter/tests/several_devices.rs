//! Several devices in one program. The test starts itself again with two simulated GPUs.

use std::{env, process::Command};

use geobacter::{DeviceKind, Error, LaunchError, Split, prelude::*};

#[kernel(workgroup = 64)]
fn scale(item: Item<1>, by: u32, x: In<u32>, y: Out<u32>) {
    y.set(&item, by.wrapping_mul(x[&item]));
}

/// Runs a test of this file, which is otherwise ignored, with two simulated GPUs.
fn with_two_gpus(test: &str) {
    let program = env::current_exe().unwrap();
    // Those of AMD's, then those of NVIDIA's.
    for simulators in [("gfx942x2", ""), ("", "sm_90x2")] {
        let output = Command::new(&program)
            .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env_remove("GEOBACTER_DEVICE")
            .env("AMDGPU_SIM", simulators.0)
            .env("PTX_SIM", simulators.1)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

fn gpus() -> Vec<Device> {
    geobacter::devices().all(|info| info.kind == DeviceKind::Simulator)
}

/// Whether this test program has device code; plain cargo's has none.
fn has_simulator() -> bool {
    !gpus().is_empty()
}

#[test]
fn devices_are_found_by_what_they_can() {
    let devices = geobacter::devices();
    assert_eq!(devices.find(|info| info.kind == DeviceKind::Host).unwrap().id(), "host");
    assert!(devices.find(|info| info.memory == u64::MAX).is_none());
    assert_eq!(devices.all(|_| true).len(), devices.present.len());
    let preferred = devices.preferred().unwrap();
    assert!(matches!(preferred.info().kind, DeviceKind::Gpu | DeviceKind::Host));
}

#[test]
fn a_grid_is_split_over_all_devices() {
    let devices = geobacter::devices().present;
    let elements: Vec<u32> = (0..10_000).collect();
    let weights = devices.iter().enumerate().map(|(index, device)| (device, 1.0 + index as f64));
    let splits = [Split::even(&devices, 10_000, 64).unwrap(), Split::weighted(weights, 10_000, 100).unwrap()];
    for split in splits {
        assert_eq!(split.parts().len(), devices.len());
        let x = split.upload(&elements).unwrap();
        let mut y = split.zeroed().unwrap();
        for ((part, x), y) in split.parts().iter().zip(x.parts()).zip(y.parts_mut()) {
            assert_eq!(part.range().len(), x.len());
            scale::enqueue(part.stream(), .., 3, x, y).unwrap();
        }
        split.wait().unwrap();
        assert_eq!(y.download().unwrap(), elements.iter().map(|x| 3 * x).collect::<Vec<_>>());
        assert!(matches!(split.upload(&elements[1..]), Err(Error::Length { expected: 10_000, found: 9_999, .. })));
    }
}

#[test]
fn two_gpus_in_one_program() {
    if has_simulator() {
        with_two_gpus("two_gpus_work_together");
    } else {
        eprintln!("skipped: run by plain cargo, so there is no simulated GPU; use `cargo geobacter test`");
    }
}

#[test]
#[ignore = "for two simulated GPUs; `two_gpus_in_one_program` starts it"]
fn two_gpus_work_together() {
    let gpus = gpus();
    let [first, second] = &gpus[..] else { panic!("{gpus:?}") };
    assert!(["sim:gfx942", "sim:sm_90"].contains(&first.id()), "{first:?}");
    assert_eq!(second.id(), format!("{}:1", first.id()));

    // Copies need no access; kernels do.
    let elements: Vec<u32> = (0..1000).collect();
    let x = first.upload(&elements).unwrap();
    let mut local = second.zeroed(1000).unwrap();
    let streams = [first.stream().unwrap(), second.stream().unwrap()];
    streams[1].copy(&*x, &mut *local).unwrap();
    let mut y = second.zeroed(1000).unwrap();
    scale::enqueue(&streams[1], .., 2, &local, &mut y).unwrap();
    assert_eq!(y.download().unwrap()[999], 1998);
    let error = scale::launch(second, .., 2, &x, &mut y).unwrap_err();
    assert!(matches!(error, LaunchError::ForeignBuffer { param: "x", .. }), "{error}");
    let host = geobacter::device("host").unwrap();
    let error = second.enable_peer_access(&host).unwrap_err().to_string();
    assert_eq!(error, format!("device {}: the device has no access to the memory of host", second.id()));
    second.enable_peer_access(first).unwrap();
    scale::launch(second, .., 5, &x, &mut y).unwrap();
    assert_eq!(y.download().unwrap()[999], 4995);

    // Streams of two devices wait for each other.
    let mut z = first.zeroed(1000).unwrap();
    scale::enqueue(&streams[0], .., 7, &x, &mut z).unwrap();
    scale::enqueue(&streams[1], .., 11, &z, &mut y).unwrap();
    streams[0].fill(&mut *z, 0).unwrap();
    assert_eq!(y.download().unwrap()[999], 76_923);
    assert_eq!(z.download().unwrap()[999], 0);

    // Pinned memory of one is the other's, too, and the host's.
    let pinned = first.host_buffer(&elements).unwrap();
    scale::launch(second, .., 13, &pinned, &mut y).unwrap();
    assert_eq!(y.download().unwrap()[999], 12_987);
    let mut on_host = host.zeroed(1000).unwrap();
    scale::launch(&host, .., 17, &pinned, &mut on_host).unwrap();
    assert_eq!(on_host.download().unwrap()[999], 16_983);
}
