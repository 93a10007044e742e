//! Kernels of every form, against plain loops, on every device that the test has (the host under plain cargo).

use std::sync::atomic::{AtomicU32, Ordering};

use geobacter::{LaunchError, prelude::*};
use proptest::prelude::*;

fn devices() -> Vec<Device> {
    geobacter::devices().present
}

#[kernel(workgroup = 48)]
fn ids_1(item: Item<1>, y: Out<[u32; 4]>) {
    let ([group], [local], [extent]) = (item.group(), item.local(), item.extent());
    y.set(&item, [item.x() as u32, group, local, extent]);
}

#[kernel(workgroup = [5, 3])]
fn ids_2(item: Item<2>, y: Out<[u32; 9]>) {
    let ([gx, gy], [lx, ly], [ex, ey]) = (item.group(), item.local(), item.extent());
    y.set(&item, [item.id() as u32, item.x() as u32, item.y() as u32, gx, gy, lx, ly, ex, ey]);
}

#[kernel(workgroup = [4, 2, 3])]
fn ids_3(item: Item<3>, y: Out<[u32; 7]>) {
    let ([gx, gy, gz], [lx, ly, lz]) = (item.group(), item.local());
    let point = [item.x(), item.y(), item.z()].map(|n| n as u32);
    assert!(point == [gx * 4 + lx, gy * 2 + ly, gz * 3 + lz]);
    y.set(&item, [item.id() as u32, point[0], point[1], point[2], gx, gy, gz]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ids_are_those_of_a_plain_loop(x in 1u32..200, y in 1u32..20, z in 1u32..9) {
        for device in devices() {
            let mut buffer = device.zeroed((x * y) as usize).unwrap();
            ids_1::launch(&device, x * y, &mut buffer).unwrap();
            for (i, ids) in buffer.download().unwrap().into_iter().enumerate() {
                let i = i as u32;
                prop_assert_eq!(ids, [i, i / 48, i % 48, x * y]);
            }

            let mut buffer = device.zeroed((x * y) as usize).unwrap();
            ids_2::launch(&device, [x, y], &mut buffer).unwrap();
            let mut ids = buffer.download().unwrap().into_iter();
            for py in 0..y {
                for px in 0..x {
                    let expected = [py * x + px, px, py, px / 5, py / 3, px % 5, py % 3, x, y];
                    prop_assert_eq!(ids.next().unwrap(), expected);
                }
            }

            let mut buffer = device.zeroed((x * y * z) as usize).unwrap();
            ids_3::launch(&device, (x, y, z), &mut buffer).unwrap();
            let mut ids = buffer.download().unwrap().into_iter();
            for pz in 0..z {
                for py in 0..y {
                    for px in 0..x {
                        let expected = [(pz * y + py) * x + px, px, py, pz, px / 4, py / 2, pz / 3];
                        prop_assert_eq!(ids.next().unwrap(), expected);
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
struct Particle {
    position: [f32; 3],
    mass: f32,
}

#[kernel(workgroup = 1)]
fn move_all(mut item: Item<1>, by: Particle, backwards: bool, particles: InOut<Particle>) {
    let sign = if backwards { -1.0 } else { 1.0 };
    let particle = particles.at(&mut item);
    for axis in 0..3 {
        particle.position[axis] += sign * by.position[axis];
    }
    particle.mass *= by.mass;
    // The borrow has ended: the item is whole again.
    assert!(particles.get(&item).mass > 0.0);
}

#[test]
fn structs_are_elements_and_arguments() {
    for device in devices() {
        let start: Vec<_> = (0..7).map(|i| Particle { position: [i as f32, 0.0, 1.0], mass: 1.0 }).collect();
        let by = Particle { position: [1.0, 2.0, 3.0], mass: 4.0 };
        let mut particles = device.upload(&start).unwrap();
        move_all::launch(&device, 7, by, true, &mut particles).unwrap();
        move_all::launch(&device, 7, by, false, &mut particles).unwrap();
        let expected: Vec<_> = start.iter().map(|&particle| Particle { mass: 16.0, ..particle }).collect();
        assert_eq!(particles.download().unwrap(), expected);
    }
}

/// Arguments of every size and alignment, in an order that needs padding between them.
#[kernel(workgroup = 32)]
#[expect(clippy::too_many_arguments, reason = "that is what is tested")]
fn arguments(
    item: Item<1>,
    a: u8,
    b: u64,
    c: bool,
    d: i16,
    e: f32,
    f: i128,
    g: [u8; 3],
    h: f64,
    i: isize,
    y: Out<u64>,
    j: i8,
) {
    let sum = u64::from(a)
        + b
        + u64::from(c)
        + d as u64
        + e as u64
        + f as u64
        + g.iter().map(|&g| u64::from(g)).sum::<u64>()
        + h as u64
        + i as u64
        + j as u64;
    y.set(&item, sum * (item.x() as u64 + 1));
}

#[test]
fn arguments_arrive() {
    for device in devices() {
        let mut y = device.zeroed(2).unwrap();
        arguments::launch(&device, 2, 1, 10 << 40, true, 100, 1e3, 10_000, [1, 2, 3], 1e5, 1_000_000, &mut y, 7)
            .unwrap();
        let sum = 1 + (10 << 40) + 1 + 100 + 1000 + 10_000 + 6 + 100_000 + 1_000_000 + 7;
        assert_eq!(y.download().unwrap(), [sum, 2 * sum]);
    }
}

#[kernel(workgroup = 128)]
fn zip<A, B, F, const N: usize>(item: Item<1>, f: F, a: In<A>, weights: [B; N], b: Slice<B>, y: Out<B>)
where
    A: Element,
    B: Element,
    F: Fn(A, B, B) -> B,
{
    let i = item.x();
    y.set(&item, f(a[&item], b[i % b.len()], weights[i % N]));
}

#[kernel(workgroup = 128)]
fn twice(item: Item<1>, f: impl Fn(i32) -> i32, r#type: InOut<i32>) {
    r#type.set(&item, f(f(r#type.get(&item))));
}

fn square(x: i32) -> i32 {
    x * x
}

#[test]
fn generic_kernels_infer_their_types() {
    for device in devices() {
        let a = device.upload(&(0..1000).collect::<Vec<u16>>()).unwrap();
        let b = device.upload(&[0.5f64, 1.5, 2.5]).unwrap();
        let mut y = device.zeroed(1000).unwrap();
        zip::launch(&device, 1000, |a, b, w| f64::from(a) * b + w, &a, [10.0, 20.0], &b, &mut y).unwrap();
        for (i, y) in y.download().unwrap().into_iter().enumerate() {
            assert_eq!(y, i as f64 * [0.5, 1.5, 2.5][i % 3] + [10.0, 20.0][i % 2]);
        }
        let mut y = device.upload(&[1, 2, 3]).unwrap();
        twice::launch(&device, 3, square, &mut y).unwrap();
        twice::launch(&device, 3, |x| x - 1, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [-1, 14, 79]);
    }
}

#[kernel(workgroup = 16)]
fn picky(item: Item<1>, limit: u32, x: Slice<u32>, y: Out<u32>) {
    let value = x[item.x()];
    assert!(value < limit, "too much");
    y.set(&item, value);
}

#[test]
fn a_panic_is_an_error_with_place_and_item() {
    for device in devices() {
        let x = device.upload(&(0..1000).collect::<Vec<u32>>()).unwrap();
        let mut y = device.zeroed(1001).unwrap();
        let error = picky::launch(&device, 1001, u32::MAX, &x, &mut y).unwrap_err();
        let LaunchError::Panicked { kernel: "picky", panic, .. } = &error else { panic!("{error}") };
        assert_eq!(panic.message, "index out of bounds: the len is 1000 but the index is 1000");
        let location = panic.location.as_ref().unwrap();
        assert!(location.file.ends_with("kernels.rs"), "{location:?}");
        assert_eq!((panic.group, panic.item), ([62, 0, 0], [8, 0, 0]));
        let start = format!("kernel `picky` panicked on device {} at ", device.id());
        assert!(error.to_string().starts_with(&start), "{error}");

        let mut y = device.zeroed(1000).unwrap();
        let error = picky::launch(&device, 1000, 999, &x, &mut y).unwrap_err();
        assert!(error.to_string().ends_with("in work-item [7, 0, 0] of work-group [62, 0, 0]: too much"), "{error}");
        // All of them.
        let error = picky::launch(&device, 1000, 0, &x, &mut y).unwrap_err();
        let LaunchError::Panicked { panic, .. } = &error else { panic!("{error}") };
        if device.info().kind == geobacter::DeviceKind::Host {
            // A panic ends the launch there.
            assert!((1..1000).contains(&panic.items), "{error}");
        } else {
            assert_eq!(panic.items, 1000, "{error}");
            assert!(error.to_string().ends_with(" and in 999 more: too much"), "{error}");
        }
        // The device is as good as before.
        picky::launch(&device, 1000, 1000, &x, &mut y).unwrap();
        assert_eq!(y.download().unwrap()[999], 999);
    }
}

#[test]
fn other_panics_go_to_the_hook_that_was_there() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let device = geobacter::device("host").unwrap();
    let x = device.zeroed(1).unwrap();
    let mut y = device.zeroed(1).unwrap();
    // Installs Geobacter's hook, which must hand on to the one before it.
    picky::launch(&device, 1, 1, &x, &mut y).unwrap();
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        SEEN.fetch_add(1, Ordering::Relaxed);
        previous(info);
    }));
    std::thread::Builder::new().name("expected".into()).spawn(|| panic!("outside")).unwrap().join().unwrap_err();
    assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    let error = picky::launch(&device, 1, 0, &x, &mut y).unwrap_err();
    assert!(error.to_string().contains("too much"), "{error}");
}
