//! A memory fault names the buffer next to it, or what else is known of it, and costs no more than it must. Safe kernels have
//! none.

use geobacter::{Device, DeviceKind, prelude::*};

/// Item 7 writes an element that lies so far from its own.
#[kernel(workgroup = 64)]
fn stray(item: Item<1>, x: In<u32>, distance: isize, y: InOut<u32>) {
    let mut item = item;
    let (id, own) = (item.x(), y.at(&mut item) as *mut u32);
    let value = x[id];
    if id == 7 {
        // SAFETY: none: the mistake that is to be found.
        unsafe { own.wrapping_offset(distance).write_volatile(value) };
    }
}

/// The simulated devices of AMD's or of NVIDIA's.
fn simulators(isa: &str) -> Vec<Device> {
    geobacter::devices().all(|info| info.kind == DeviceKind::Simulator && info.isa.starts_with(isa))
}

#[test]
fn the_buffer_is_named_with_parameter_and_distance() {
    for device in simulators("gfx") {
        let x = device.upload(&[1_u32; 64]).unwrap();
        let mut y = device.zeroed::<u32>(64).unwrap();
        let mut error = |distance| stray::launch(&device, 64, &x, distance, &mut y).unwrap_err().to_string();
        let (behind, before) = (error(64 - 7 + 4), error(-7 - 2));
        let parameter = "the buffer for parameter `y: InOut<u32>` (256 bytes)";
        for (error, place) in [(behind, "16 bytes behind the end of"), (before, "8 bytes before")] {
            let expected = format!(": {place} {parameter}");
            assert!(error.contains("memory fault at address") && error.contains(&expected), "{error}");
        }
        stray::launch(&device, 64, &x, 0, &mut y).unwrap();
    }
}

#[test]
fn a_lost_context_is_told_and_the_device_can_be_opened_again() {
    for device in simulators("sm_") {
        let id = device.id().to_owned();
        let x = device.upload(&[1_u32; 64]).unwrap();
        let mut y = device.zeroed::<u32>(64).unwrap();
        let stream = device.stream().unwrap();
        let pinned = device.host_buffer(&[5_u32; 64]).unwrap();
        let error = stray::launch(&device, 64, &x, 1 << 40, &mut y).unwrap_err().to_string();
        let parts = [
            "kernel `stray`",
            &id,
            "CUDA_ERROR_ILLEGAL_ADDRESS",
            "was lost by kernel `stray`",
            "open the device again",
        ];
        for part in parts.into_iter().chain(["past the end of the nearest allocation"]) {
            assert!(error.contains(part), "{part}: {error}");
        }
        // Everything of it is gone, and says so.
        let lost = format!("the context of {id} was lost by kernel `stray`");
        let errors = [
            stray::launch(&device, 64, &x, 0, &mut y).unwrap_err().to_string(),
            stray::enqueue(&stream, 64, &x, 0, &mut y).unwrap_err().to_string(),
            y.download().unwrap_err().to_string(),
            device.upload(&[1_u32]).map(drop).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains(&lost), "{error}");
        }
        // What the host can reach is still there, and stands in the way.
        assert_eq!(pinned.read().unwrap()[..], [5; 64]);
        let still = geobacter::device(&id).unwrap();
        assert!(still == device);
        let error = still.upload(&[1_u32]).map(drop).unwrap_err().to_string();
        assert!(error.contains("256 bytes of pinned or unified memory"), "{error}");
        drop(pinned);

        let again = geobacter::device(&id).unwrap();
        assert!(again != device && geobacter::device(&id).unwrap() == again);
        let (x, mut z) = (again.upload(&[1_u32; 64]).unwrap(), again.zeroed::<u32>(64).unwrap());
        stray::launch(&again, 64, &x, 0, &mut z).unwrap();
        assert_eq!(z.download().unwrap()[7], 1);
        assert!(y.download().unwrap_err().to_string().contains(&lost), "the old device stays lost");
    }
}
