//! What a launch refuses, each before anything runs and with no buffer changed.

use geobacter::{LaunchError, prelude::*};

#[kernel(workgroup = 64)]
fn fill(item: Item<1>, value: u32, x: In<u32>, y: Out<u32>) {
    y.set(&item, value + x[&item]);
}

#[kernel(workgroup = [8, 8])]
fn plane(item: Item<2>, table: Slice<u8>, y: InOut<u32>) {
    y.set(&item, table.len() as u32);
}

fn host() -> Device {
    geobacter::device("host").unwrap()
}

#[track_caller]
fn refused(result: Result<(), LaunchError>, y: &DeviceBuffer<u32>, message: &str) -> LaunchError {
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert!(y.download().unwrap().iter().all(|&y| y == 0), "the buffer changed");
    error
}

#[test]
fn lengths() {
    let device = host();
    let (short, long) = (device.zeroed::<u32>(99).unwrap(), device.zeroed::<u32>(100).unwrap());
    let mut y = device.zeroed::<u32>(100).unwrap();
    let error = refused(
        fill::launch(&device, 100, 1, &short, &mut y),
        &y,
        "kernel `fill` on device host: parameter `x: In<u32>` needs one element for each of the grid's 100 items, the \
         buffer has 99",
    );
    assert!(matches!(error, LaunchError::Length { kernel: "fill", param: "x", expected: 100, found: 99, .. }));
    refused(
        fill::launch(&device, 99, 1, &short, &mut y),
        &y,
        "kernel `fill` on device host: parameter `y: Out<u32>` needs one element for each of the grid's 99 items, the \
         buffer has 100",
    );
    fill::launch(&device, 100, 1, &long, &mut y).unwrap();
    assert_eq!(y.download().unwrap(), [1; 100]);

    // A slice has any length, none included.
    let mut y = device.zeroed::<u32>(15).unwrap();
    for length in [0, 1, 300] {
        plane::launch(&device, [5, 3], &device.zeroed(length).unwrap(), &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [length as u32; 15]);
    }
}

#[test]
fn empty_grids() {
    let device = host();
    let (x, mut none) = (device.zeroed::<u32>(0).unwrap(), device.zeroed::<u32>(0).unwrap());
    let message = "the grid [0] has no items; skip the launch when there is nothing to do";
    let error =
        refused(fill::launch(&device, 0, 1, &x, &mut none), &none, &format!("kernel `fill` on device host: {message}"));
    assert!(matches!(error, LaunchError::EmptyGrid { .. }));
    let table = device.zeroed(1).unwrap();
    let error = plane::launch(&device, (7u32, 0u32), &table, &mut none).unwrap_err();
    assert!(error.to_string().contains("the grid [7, 0] has no items"), "{error}");
}

#[test]
fn grids_beyond_the_limits() {
    let device = host();
    let x = device.zeroed::<u32>(1).unwrap();
    let mut y = device.zeroed::<u32>(1).unwrap();
    let limit = u64::from(u32::MAX);
    let refused = [
        fill::launch(&device, u32::MAX, 1, &x, &mut y),
        fill::launch(&device, 1usize << 32, 1, &x, &mut y),
        // The low half of this number is 1, and so is the buffers' length.
        fill::launch(&device, (1usize << 32) + 1, 1, &x, &mut y),
        fill::launch(&device, usize::MAX, 1, &x, &mut y),
        fill::launch(&device, -1, 1, &x, &mut y),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(
            matches!(error, LaunchError::GridTooLarge { kernel: "fill", axis: "x", limit: l, .. } if l == limit),
            "{error}"
        );
    }
    let table = device.zeroed(1).unwrap();
    let error = plane::launch(&device, [1, 1usize << 40], &table, &mut y).unwrap_err();
    assert!(matches!(error, LaunchError::GridTooLarge { axis: "y", found: 0x100_0000_0000, .. }), "{error}");
    assert_eq!(y.download().unwrap(), [0]);
}

#[test]
fn transfers_of_another_length() {
    let device = host();
    let mut buffer = device.upload(&[1u8, 2, 3]).unwrap();
    assert_eq!((buffer.len(), buffer.is_empty(), buffer.device()), (3, false, &device));
    let error = buffer.upload(&[1, 2]).unwrap_err();
    assert_eq!(error.to_string(), "2 elements for a buffer of 3 on device host");
    assert!(buffer.download_into(&mut [0; 4]).is_err());
    assert_eq!(buffer.download().unwrap(), [1, 2, 3]);
}

#[test]
fn memory_that_is_not_there() {
    let error = host().zeroed::<u64>(1 << 60).unwrap_err();
    assert!(error.to_string().starts_with("device host is out of memory: "), "{error}");
    let error = host().zeroed::<u64>(1 << 47).unwrap_err();
    assert!(
        matches!(error, geobacter::Error::OutOfMemory { memory, .. } if memory.requested == 0x4_0000_0000_0000),
        "{error}"
    );
}

#[kernel(workgroup = 64)]
fn partitioned(item: Item<1>, tile: Out<u32, Tile<4>>, rows: InOut<u32, Rows>, own: InOut<u32>) {
    tile.set(&item, [1; 4]);
    rows.set_each(&item, |_| 1);
    own.set(&item, 1);
}

#[kernel(workgroup = [4, 4])]
fn block(item: Item<2>, y: Out<u32, Blocks<3, 2>>) {
    y.set(&item, [[1; 3]; 2]);
}

#[kernel(workgroup = 64)]
fn tile_of_half_the_numbers(item: Item<1>, y: Out<u32, Tile<{ 1 << 62 }>>) {
    y.set_at(&item, 0, 1);
}

#[kernel(workgroup = 64)]
fn large(item: Item<1>, numbers: [u64; 512], y: Out<u32>) {
    y.set(&item, numbers[item.x() % 512] as u32);
}

#[test]
fn partitions_on_every_device() {
    for device in geobacter::devices().present {
        let id = device.id().to_owned();
        let buffer = |length| device.zeroed::<u32>(length).unwrap();
        // Each time, all but one of them have the right length.
        for (lengths, wrong, message) in [
            (
                [399, 300, 100],
                0,
                "`tile: Out<u32, Tile<4>>` needs 4 elements for each of the grid's 100 items, 400 in all, the buffer has 399",
            ),
            (
                [400, 301, 100],
                1,
                "`rows: InOut<u32, Rows>` needs a multiple of 100 elements, an equal share for each of the grid's 100 items, the buffer has 301",
            ),
            (
                [400, 300, 101],
                2,
                "`own: InOut<u32>` needs one element for each of the grid's 100 items, the buffer has 101",
            ),
        ] {
            let [mut tile, mut rows, mut own] = lengths.map(buffer);
            let result = partitioned::launch(&device, 100, &mut tile, &mut rows, &mut own);
            let all = [&tile, &rows, &own];
            for y in all {
                assert!(y.download().unwrap().iter().all(|&y| y == 0), "a buffer changed");
            }
            refused(result, all[wrong], &format!("kernel `partitioned` on device {id}: parameter {message}"));
        }

        let [mut tile, mut rows, mut own] = [402, 300, 100].map(buffer);
        refused(
            partitioned::launch(&device, .., &mut tile, &mut rows, &mut own),
            &tile,
            &format!(
                "kernel `partitioned` on device {id}: parameter `tile: Out<u32, Tile<4>>` needs a multiple of 4 elements, 4 for each item, the buffer has 402"
            ),
        );

        let mut y = buffer(6 * 20 - 1);
        refused(
            block::launch(&device, [5, 4], &mut y),
            &y,
            &format!(
                "kernel `block` on device {id}: parameter `y: Out<u32, Blocks<3, 2>>` needs 6 elements for each of the grid's 20 items, 120 in all, the buffer has 119"
            ),
        );

        // The product is 0 in 64 bits.
        let mut y = buffer(0);
        let error = tile_of_half_the_numbers::launch(&device, 4, &mut y).unwrap_err();
        assert!(matches!(error, LaunchError::LengthOverflow { param: "y", found: 0, .. }), "{error}");

        let mut y = buffer(10);
        refused(
            large::launch(&device, .., [1; 512], &mut y),
            &y,
            &format!(
                "kernel `large` on device {id}: its arguments take 4136 bytes with the launch's header, the device takes at most 4096; pass the largest, `numbers` with 4096 bytes, in a buffer"
            ),
        );
    }
}
