//! A memory fault names the buffer next to it. Safe kernels have none.

use geobacter::{DeviceKind, prelude::*};

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

#[test]
fn the_buffer_is_named_with_parameter_and_distance() {
    for device in geobacter::devices().present {
        if device.info().kind != DeviceKind::Simulator {
            continue;
        }
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
