//! Checked mode on the simulator: what `unsafe` gets wrong in a kernel comes back as an error that names both places and both
//! items, and the device goes on.

use std::mem::MaybeUninit;

use geobacter::{
    CheckFailure, CheckRule, CheckedPlace, CheckedUse, Device, DeviceKind, LaunchError, LdsElement, prelude::*,
};

/// The simulated AMD GPUs, if they check kernels: in debug builds, or as `GEOBACTER_CHECK` says. None in a program that was
/// built without `cargo geobacter`.
fn simulators() -> impl Iterator<Item = Device> {
    let checks = match std::env::var("GEOBACTER_CHECK").as_deref() {
        Ok("1") => true,
        Ok("0") => false,
        _ => cfg!(debug_assertions),
    };
    let mut devices = geobacter::devices().present;
    let is_amd = |device: &Device| device.info().kind == DeviceKind::Simulator && device.info().isa.starts_with("gfx");
    devices.retain(|device| checks && is_amd(device));
    if devices.is_empty() {
        println!(
            "skipped: no simulated device that checks kernels: type `cargo geobacter test`, without GEOBACTER_CHECK=0"
        );
    }
    devices.into_iter()
}

fn failure(result: Result<(), LaunchError>, kernel_name: &str) -> CheckFailure {
    match result {
        Err(LaunchError::Check { kernel, device, failure, .. }) => {
            assert!(kernel == kernel_name && device.starts_with("sim:"), "{kernel} on {device}");
            *failure
        }
        Err(other) => panic!("{other}"),
        Ok(()) => panic!("nothing was found"),
    }
}

/// Work-group, item and line of the earlier access and of the one that breaks the rule.
fn accesses(failure: &CheckFailure) -> Vec<(u32, u32, u32)> {
    let accesses = failure.earlier.iter().chain([&failure.access]);
    let known = accesses.map(|access| {
        let location = access.location.as_ref().expect("kernels have line tables");
        assert!(location.file.ends_with("tests/checks.rs"), "{failure}");
        (access.group[0], access.item[0], location.line)
    });
    known.collect()
}

/// Each item writes its element, and item 10 another one, too.
#[kernel(workgroup = 256)]
fn trespass(item: Item<1>, other: usize, x: InOut<u32>) {
    let mut item = item;
    let (id, own) = (item.x(), x.at(&mut item) as *mut u32);
    // SAFETY: the item's own element.
    unsafe { own.write(1) };
    if id == 10 {
        // SAFETY: none if `other` is not 0: the mistake that is to be found.
        unsafe { own.add(other).write_volatile(2) };
    }
}
const OWN: u32 = line!() - 6;
const OTHER: u32 = line!() - 4;

#[test]
fn a_write_to_the_element_of_another_item_is_found() {
    for device in simulators() {
        let mut x = device.zeroed::<u32>(1024).unwrap();
        // In the same work-group, and in another one.
        for (other, owner) in [(100, (0, 110)), (300, (1, 54))] {
            let failure = failure(trespass::launch(&device, 1024, other, &mut x), "trespass");
            assert_eq!(failure.rule, CheckRule::Overlap);
            assert_eq!(failure.access.does, CheckedUse::Write);
            let offset = 4 * (10 + other as u64);
            assert!(
                matches!(failure.place, CheckedPlace::Buffer { size: 4096, offset: at, .. } if at == offset),
                "{failure}"
            );
            let mut found = accesses(&failure);
            found.sort();
            let mut expected = [(owner.0, owner.1, OWN), (0, 10, OTHER)];
            expected.sort();
            assert_eq!(found, expected, "{failure}");
        }
        trespass::launch(&device, 1024, 0, &mut x).unwrap();
        assert_eq!(x.download().unwrap()[9..12], [1, 2, 1]);
    }
}

/// Each item reads the slot of the item `reads` further on; if `writes`, in the phase in which that is written.
#[kernel(workgroup = 128)]
fn hasty(wg: Workgroup<1>, writes: bool, #[workgroup_shared] tile: Lds<[u32; 128]>, out: Out<u32>) {
    let tile = tile.fill(&wg, |item| item.local_index() as u32);
    let address = tile.as_ptr().expose_provenance();
    wg.each(|item| {
        let (id, other) = (item.local_index(), (item.local_index() + 70) % 128);
        if writes {
            // SAFETY: none: the other items read meanwhile. The mistake that is to be found.
            unsafe { std::ptr::with_exposed_provenance_mut::<u32>(address).add(id).write(7) };
        }
        // SAFETY: an element of the tile, but for the write above.
        out.set(&item, unsafe { std::ptr::with_exposed_provenance::<u32>(address).add(other).read() });
    });
}
const WRITTEN: u32 = line!() - 6;
const READ: u32 = line!() - 4;

#[test]
fn a_write_to_lds_beside_a_read_is_found() {
    for device in simulators() {
        let mut out = device.zeroed::<u32>(128).unwrap();
        hasty::launch(&device, 128, false, &mut out).unwrap();
        assert_eq!(out.download().unwrap(), (0..128).map(|i| (i + 70) % 128).collect::<Vec<u32>>());
        let failure = failure(hasty::launch(&device, 128, true, &mut out), "hasty");
        assert_eq!(failure.rule, CheckRule::Race, "{failure}");
        let mut found = accesses(&failure);
        found.sort_by_key(|(.., line)| *line);
        let [(0, writer, WRITTEN), (0, reader, READ)] = found[..] else { panic!("{failure}") };
        assert_eq!(writer, (reader + 70) % 128, "{failure}");
    }
}

/// A number, or nothing that anybody would know of.
#[derive(Clone, Copy)]
struct Slot(MaybeUninit<u32>);

impl LdsElement for Slot {}

/// Every item writes its slot, but for one.
#[kernel(workgroup = 128)]
fn forgetful(wg: Workgroup<1>, missing: usize, #[workgroup_shared] tile: Lds<[Slot; 128]>, out: Out<u32>) {
    let tile = tile.fill(&wg, |_| Slot(MaybeUninit::uninit()));
    let address = tile[0].0.as_ptr().expose_provenance();
    wg.each(|item| {
        let id = item.local_index();
        if id != missing {
            // SAFETY: the item's own slot, and nobody reads it before the barrier.
            unsafe { std::ptr::with_exposed_provenance_mut::<u32>(address).add(id).write(id as u32) };
        }
    });
    wg.barrier();
    wg.each(|item| {
        let other = 127 - item.local_index();
        // SAFETY: none for the one that is missing: the mistake that is to be found.
        out.set(&item, unsafe { std::ptr::with_exposed_provenance::<u32>(address).add(other).read() });
    });
}

/// A value that holds less than it takes is no mistake.
#[kernel(workgroup = 128)]
fn options(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[Option<u64>; 128]>, out: Out<u64>) {
    let tile = tile.fill(&wg, |item| Some(item.local_index() as u64).filter(|id| id % 3 == 0));
    wg.each(|item| out.set(&item, tile[127 - item.local_index()].unwrap_or(1000)));
}

#[test]
fn lds_that_was_not_written_is_found() {
    for device in simulators() {
        let mut out = device.zeroed::<u32>(128).unwrap();
        forgetful::launch(&device, 128, 128, &mut out).unwrap();
        let failure = failure(forgetful::launch(&device, 128, 100, &mut out), "forgetful");
        assert_eq!((failure.rule, failure.earlier.as_ref()), (CheckRule::Uninitialized, None), "{failure}");
        assert_eq!(failure.access.item, [27, 0, 0], "{failure}");
        assert!(matches!(failure.place, CheckedPlace::Lds { offset: 400, .. }), "{failure}");

        let mut out = device.zeroed::<u64>(128).unwrap();
        options::launch(&device, 128, &mut out).unwrap();
        let expected = |i: u64| if (127 - i).is_multiple_of(3) { 127 - i } else { 1000 };
        assert_eq!(out.download().unwrap(), (0..128).map(expected).collect::<Vec<u64>>());
    }
}
