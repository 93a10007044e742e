//! Structs of arrays against plain loops over arrays of structs, on every device that the test has.

#![forbid(unsafe_code)]

use geobacter::{LaunchError, descriptor::ParamKind, half::f16, prelude::*};
use proptest::{prelude::*, test_runner::Config};

fn devices() -> Vec<Device> {
    geobacter::devices().present
}

#[derive(Clone, Copy, Debug, PartialEq, StructOfArrays)]
struct Particle {
    position: [f32; 3],
    velocity: [f32; 3],
    mass: f32,
    id: u8,
}

impl Particle {
    fn step(&mut self, dt: f32) {
        for (x, v) in self.position.iter_mut().zip(self.velocity) {
            *x += dt * v;
        }
        self.mass *= 0.5;
    }
}

#[kernel(workgroup = 64)]
fn step(item: Item<1>, dt: f32, particles: InOutSoa<Particle>) {
    let mut particle = particles.get(&item);
    particle.step(dt);
    particles.set(&item, particle);
}

/// The same, field by field, in place.
#[kernel(workgroup = 64)]
fn step_fields(mut item: Item<1>, dt: f32, particles: InOutSoa<Particle>) {
    let fields = particles.fields();
    let velocity = fields.velocity.get(&item);
    for (x, v) in fields.position.at(&mut item).iter_mut().zip(velocity) {
        *x += dt * v;
    }
    *fields.mass.at(&mut item) *= 0.5;
}

/// The same at group scope, in two visits of item scope.
#[kernel(workgroup = 32)]
fn step_group(wg: Workgroup<1>, dt: f32, particles: InOutSoa<Particle>) {
    let stepped = wg.private(None);
    wg.each(|item| {
        let mut particle = particles.get(&item);
        particle.step(dt);
        stepped.set(&item, Some(particle));
    });
    wg.each(|item| {
        if let Some(particle) = stepped.get(&item) {
            particles.set(&item, particle);
        }
    });
}

/// Reads its own and another, whole and by field.
#[kernel(workgroup = 48)]
fn mix(item: Item<1>, shift: usize, x: InSoa<Particle>, y: OutSoa<Particle>) {
    let (own, other) = (x.get(&item), x.at((item.x() + shift) % x.len()));
    let mass = x.fields().mass[&item] + x.fields().mass.iter().take(3).sum::<f32>();
    let position = [own.position[0], other.position[1], x.fields().position[0][2]];
    y.set(&item, Particle { position, velocity: other.velocity, mass, id: own.id ^ other.id });
}

fn mixed(shift: usize, x: &[Particle]) -> Vec<Particle> {
    let mix = |(i, own): (usize, &Particle)| {
        let other = x[(i + shift) % x.len()];
        let mass = own.mass + x.iter().take(3).map(|x| x.mass).sum::<f32>();
        let position = [own.position[0], other.position[1], x[0].position[2]];
        Particle { position, velocity: other.velocity, mass, id: own.id ^ other.id }
    };
    x.iter().enumerate().map(mix).collect()
}

fn particles() -> impl Strategy<Value = Vec<Particle>> {
    let number = -100.0f32..100.0;
    let vector = || prop::array::uniform3(-100.0f32..100.0);
    let particle = (vector(), vector(), number, any::<u8>()).prop_map(|(position, velocity, mass, id)| Particle {
        position,
        velocity,
        mass,
        id,
    });
    prop::collection::vec(particle, 1..300)
}

/// Generic, a tuple struct, with a type for which one-byte fields and half precision meet.
#[derive(Clone, Copy, Debug, PartialEq, StructOfArrays)]
struct Body<T: Element, const N: usize>([T; N], f16, T)
where
    T: PartialEq;

#[kernel(workgroup = [8, 4])]
fn turn<T: Element + PartialEq, const N: usize>(item: Item<2>, x: InSoa<Body<T, N>>, y: OutSoa<Body<T, N>>) {
    let Body(mut all, half, one) = x.get(&item);
    all.reverse();
    y.fields().0.set(&item, all);
    y.fields().1.set(&item, half);
    y.fields().2.set(&item, if N > 0 { all[0] } else { one });
}

proptest! {
    #![proptest_config(Config::with_cases(24))]

    #[test]
    fn in_place(start in particles(), dt in -1.0f32..1.0) {
        for device in devices() {
            let mut expected = start.clone();
            expected.iter_mut().for_each(|particle| particle.step(dt));
            let mut particles = device.upload_soa(&start).unwrap();
            step::launch(&device, start.len(), dt, &mut particles).unwrap();
            prop_assert_eq!(&particles.download().unwrap(), &expected);

            particles.upload(&start).unwrap();
            step_fields::launch(&device, start.len(), dt, &mut particles).unwrap();
            prop_assert_eq!(&particles.download().unwrap(), &expected);

            particles.upload(&start).unwrap();
            step_group::launch(&device, start.len(), dt, &mut particles).unwrap();
            prop_assert_eq!(&particles.download().unwrap(), &expected);
        }
    }

    #[test]
    fn from_one_to_another(start in particles(), shift in 0usize..400) {
        for device in devices() {
            let x = device.upload_soa(&start).unwrap();
            let mut y = device.zeroed_soa(start.len()).unwrap();
            mix::launch(&device, start.len(), shift, &x, &mut y).unwrap();
            prop_assert_eq!(y.download().unwrap(), mixed(shift, &start));
            prop_assert_eq!(x.download().unwrap(), start.clone());
        }
    }

    #[test]
    fn generic(values in prop::collection::vec(any::<([i64; 5], u16, i64)>(), 6 * 7)) {
        let start: Vec<_> = values.iter().map(|&(all, half, one)| Body(all, f16::from_bits(half & 0x3fff), one)).collect();
        let expected: Vec<_> = start.iter().map(|&Body([a, b, c, d, e], half, _)| Body([e, d, c, b, a], half, e)).collect();
        for device in devices() {
            let x = device.upload_soa(&start).unwrap();
            let mut y = device.zeroed_soa(start.len()).unwrap();
            turn::launch(&device, [6, 7], &x, &mut y).unwrap();
            prop_assert_eq!(&y.download().unwrap(), &expected);
        }
    }
}

#[test]
fn one_entry_in_the_descriptor() {
    let descriptor = mix::descriptor();
    let (x, y) = (&descriptor.params[1], &descriptor.params[2]);
    assert_eq!((x.kind, y.kind), (ParamKind::In, ParamKind::Out));
    // A pointer for each of four fields, and the length.
    assert_eq!((x.size, x.align, x.element_size, x.ty), (40, 8, 29, "InSoa<Particle>"));
}

#[test]
fn wrong_buffers_are_refused() {
    for device in devices() {
        let some = Particle { position: [1.0; 3], velocity: [2.0; 3], mass: 3.0, id: 4 };
        let (x, short) = (device.upload_soa(&[some; 10]).unwrap(), device.upload_soa(&[some; 9]).unwrap());
        let mut y = device.upload_soa(&[some; 10]).unwrap();
        let error = mix::launch(&device, 10, 0, &short, &mut y).unwrap_err();
        assert!(matches!(error, LaunchError::Length { param: "x", expected: 10, found: 9, .. }), "{error}");
        let error = mix::launch(&device, 9, 0, &short, &mut y).unwrap_err();
        let message =
            "parameter `y: OutSoa<Particle>` needs one element for each of the grid's 9 items, the buffer has 10";
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(y.download().unwrap(), [some; 10]);

        for other in devices().iter().filter(|other| **other != device) {
            let foreign = other.upload_soa(&[some; 10]).unwrap();
            let error = mix::launch(&device, 10, 0, &foreign, &mut y).unwrap_err();
            assert!(matches!(error, LaunchError::ForeignBuffer { param: "x", .. }), "{error}");
        }

        let error = y.upload(&[some; 11]).unwrap_err();
        assert!(matches!(error, geobacter::Error::Length { expected: 10, found: 11, .. }), "{error}");
        let error = y.download_into(&mut []).unwrap_err();
        assert!(matches!(error, geobacter::Error::Length { expected: 10, found: 0, .. }), "{error}");
        let error = device.zeroed_soa::<Particle>(usize::MAX).unwrap_err();
        assert!(matches!(error, geobacter::Error::OutOfMemory { .. }), "{error}");
        drop(x);
    }
}

#[kernel(workgroup = 4)]
fn beyond(item: Item<1>, x: InSoa<Particle>, y: Out<f32>) {
    y.set(&item, x.at(item.x() + 1).mass);
}

#[test]
fn reading_beyond_the_end_is_an_error() {
    for device in devices() {
        let x = device.zeroed_soa(4).unwrap();
        let mut y = device.zeroed(4).unwrap();
        let error = beyond::launch(&device, 4, &x, &mut y).unwrap_err();
        let LaunchError::Panicked { panic, .. } = &error else { panic!("{error}") };
        assert_eq!(panic.message, "index out of bounds: the len is 4 but the index is 4", "on {}", device.id());
        // The kernel's line, not one in a library.
        let location = panic.location.as_ref().unwrap();
        assert!(location.file.ends_with("soa.rs") && location.file.contains("tests"), "{location:?}");
    }
}
