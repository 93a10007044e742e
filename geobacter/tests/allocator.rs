//! Collections in pinned memory.
#![cfg(feature = "allocator-api2")]

use allocator_api2::{boxed::Box, vec::Vec as VecIn};
use geobacter::Error;

mod work;
use work::{add, mix};

#[test]
fn a_vectors_elements_are_lent_to_kernels() {
    for device in geobacter::devices().present {
        let allocator = device.host_allocator();
        let before = device.memory().statistics().in_use;
        {
            let mut vector = VecIn::new_in(allocator.clone());
            for value in 0..1000_u32 {
                vector.push(value);
            }
            let stream = device.stream().unwrap();
            let mut sums = device.zeroed::<u32>(10).unwrap();
            // Enqueued inside, done when the loan ends.
            let enqueued = allocator.lend_mut(&mut vector[5..995], |part| add::enqueue(&stream, .., 100, part));
            enqueued.unwrap().unwrap();
            assert_eq!((vector[4], vector[5], vector[994], vector[995]), (4, 105, 1094, 995), "{}", device.id());
            vector.extend_from_slice(&[7; 500]);
            let launched = allocator.lend(&vector[..10], |part| mix::launch(&device, .., part, &mut sums));
            launched.unwrap().unwrap();
            assert_eq!(sums.download().unwrap(), [0, 1, 2, 3, 4, 105, 106, 107, 108, 109]);
            let one = Box::new_in(41_u32, allocator.clone());
            assert_eq!(*one, 41);

            let elsewhere = [1_u32; 4];
            let error = allocator.lend(&elsewhere, |_| ()).unwrap_err();
            assert!(matches!(error, Error::Transfer { .. }), "{error}");
            // Nobody would say when a graph uses the vector.
            let mut graph = device.graph();
            let recorded = allocator.lend_mut(&mut vector[..], |all| add::record(&mut graph, .., 1, all));
            recorded.unwrap().unwrap();
            let error = graph.build().unwrap().launch(&stream).unwrap_err();
            assert!(matches!(error, Error::HostUses { .. }), "{error}");
        }
        device.wait();
        assert_eq!(device.memory().statistics().in_use, before);
    }
}
