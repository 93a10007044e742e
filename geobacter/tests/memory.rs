//! What a program takes of devices' memory. Statistics are the process's: the tests here run one at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use geobacter::{Error, MemoryKind};

mod work;
use work::{mix, slow};

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn anything_in_flight_can_be_dropped_or_forgotten() {
    let _alone = alone();
    for device in geobacter::devices().present {
        let start = device.memory().statistics();
        let rounds = if device.id() == "host" { 100_000 } else { 100 };
        for round in 0..20 {
            let stream = device.stream().unwrap();
            let x = device.upload(&[1_u32; 64]).unwrap();
            let mut y = device.zeroed(64).unwrap();
            slow::enqueue(&stream, .., rounds, &mut y).unwrap();
            let event = mix::enqueue(&stream, .., &x, &mut y).unwrap();
            drop(x);
            match round % 4 {
                0 => drop((y, event)),
                1 => std::mem::forget(event),
                2 => {
                    // Nobody looks at the stream again.
                    let _last = stream.download(&y).unwrap();
                }
                _ => std::mem::forget(event),
            }
        }
        // Streams are gone; what they left in flight is settled by itself.
        assert_eq!(work::settled(&device, start), (start.in_use, start.live), "{}", device.id());
    }
}

#[test]
fn memory_is_counted_and_kept() {
    let _alone = alone();
    for device in geobacter::devices().present {
        let memory = device.memory();
        let start = memory.statistics();
        let first = device.zeroed::<u8>(100_000).unwrap();
        let with_one = memory.statistics();
        assert!(with_one.in_use - start.in_use >= 100_000, "{with_one:?}");
        assert!(with_one.peak >= with_one.in_use);
        drop(first);
        let after = memory.statistics();
        assert_eq!((after.in_use, after.live), (start.in_use, start.live));
        // What is kept is given again, and is zero.
        drop(device.upload(&[0xff_u8; 100_000]).unwrap());
        let again = device.zeroed::<u8>(100_000).unwrap();
        assert_eq!(memory.statistics().reused, start.reused + 2);
        assert!(again.download().unwrap().iter().all(|&byte| byte == 0));
        drop(again);
        assert!(memory.trim() >= 100_000);
        assert_eq!(memory.statistics().kept, 0);
    }
}

#[test]
fn a_limit_is_kept_to_and_named() {
    let _alone = alone();
    for device in geobacter::devices().present {
        let memory = device.memory();
        memory.trim();
        memory.set_limit(Some(memory.statistics().in_use + (1 << 20)));
        let mut first = device.zeroed::<u8>(600_000).unwrap();
        let error = device.zeroed::<u8>(600_000).unwrap_err();
        let Error::OutOfMemory { memory: what, .. } = &error else { panic!("{error}") };
        assert_eq!((what.requested, what.kind, what.limited), (600_000, MemoryKind::Device, true));
        assert!(what.in_use >= 600_000 && what.total < what.in_use + 600_000, "{error}");
        let text = error.to_string();
        assert!(text.contains("600000 bytes of device memory asked for, buffers use "), "{text}");
        // What work in flight holds is waited for.
        let stream = device.stream().unwrap();
        let rounds = if device.id() == "host" { 20_000 } else { 20 };
        let mut words = device.zeroed::<u32>(1000).unwrap();
        slow::enqueue(&stream, .., rounds, &mut words).unwrap();
        stream.fill(&mut *first, 3).unwrap();
        drop(first);
        device.zeroed::<u8>(700_000).unwrap();
        // Kept memory counts, and makes room.
        drop(device.zeroed::<u8>(400_000).unwrap());
        device.zeroed::<u8>(900_000).unwrap();
        memory.set_limit(None);
        device.zeroed::<u8>(2_000_000).unwrap();
    }
}

#[test]
fn memory_that_a_device_has_not_is_refused() {
    let _alone = alone();
    for device in geobacter::devices().present {
        for kind in [MemoryKind::Device, MemoryKind::Host] {
            assert_eq!(device.zeroed_in::<u64>(10, kind).unwrap().memory_kind(), kind);
        }
        let refused = device.zeroed_in::<u64>(10, MemoryKind::Unified);
        // On NVIDIA GPUs it is managed memory.
        if device.id() == "host" || device.info().isa.starts_with("sm_") {
            refused.unwrap();
        } else {
            let error = refused.unwrap_err().to_string();
            assert!(error.ends_with("the device has no unified memory"), "{error}");
        }
        let error = device.zeroed::<u64>(usize::MAX / 8).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    }
}
