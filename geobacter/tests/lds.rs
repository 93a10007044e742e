//! LDS and the collectives on every device, against plain loops.
#![forbid(unsafe_code)]

use geobacter::{LaunchError, prelude::*};

#[kernel(workgroup = [16, 16])]
fn matmul(
    wg: Workgroup<2>,
    n: usize,
    a: Slice<f32>,
    b: Slice<f32>,
    #[workgroup_shared] tile_a: Lds<[[f32; 16]; 16]>,
    #[workgroup_shared] tile_b: Lds<[[f32; 16]; 16]>,
    c: Out<f32>,
) {
    let sum = wg.private(0.0);
    for tile in 0..n.div_ceil(16) {
        let (a, b) = (&mut tile_a, &mut tile_b).fill(&wg, |item| {
            let (x, y) = (tile * 16 + item.local_x(), tile * 16 + item.local_y());
            let left = if x < n && item.y() < n { a[item.y() * n + x] } else { 0.0 };
            let right = if y < n && item.x() < n { b[y * n + item.x()] } else { 0.0 };
            (left, right)
        });
        wg.each_local(|item| {
            let mut all = sum.get(&item);
            for k in 0..16 {
                all += a[item.local_y()][k] * b[k][item.local_x()];
            }
            sum.set(&item, all);
        });
    }
    wg.each(|item| c.set(&item, sum.get(&item)));
}

#[test]
fn tiled_matrix_product() {
    for device in geobacter::devices().present {
        for n in [1, 15, 16, 37, 64] {
            let a: Vec<f32> = (0..n * n).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..n * n).map(|i| (i % 5) as f32).collect();
            let (a_buffer, b_buffer) = (device.upload(&a).unwrap(), device.upload(&b).unwrap());
            let mut c = device.zeroed::<f32>(n * n).unwrap();
            matmul::launch(&device, [n, n], n, &a_buffer, &b_buffer, &mut c).unwrap();
            let c = c.download().unwrap();
            for y in 0..n {
                for x in 0..n {
                    let expected: f32 = (0..n).map(|k| a[y * n + k] * b[k * n + x]).sum();
                    assert_eq!(c[y * n + x], expected, "{}: [{y}][{x}] of {n}", device.id());
                }
            }
        }
    }
}

#[kernel(workgroup = 96)]
fn collectives(
    wg: Workgroup<1>,
    x: In<u32>,
    #[workgroup_shared] sized: Lds<[u32]>,
    sums: Atomics<u32>,
    inclusive: Out<u32>,
    exclusive: Out<u32>,
    sorted: Out<u32>,
) {
    #[workgroup_shared]
    let bins: Lds<[u32; 10]>;
    let group = wg.group_index();
    let sum = wg.reduce(0, |item| x[&item], |a, b| a + b);
    let max = wg.reduce(0, |item| x[&item], u32::max);
    let any = wg.any(|item| x[&item] == 7);
    let all = wg.all(|item| x[&item] < 90);
    wg.once(|leader| {
        sums.at(group * 4).store(&leader, sum);
        sums.at(group * 4 + 1).store(&leader, max);
        sums.at(group * 4 + 2).store(&leader, any as u32 + 2 * all as u32);
    });
    let (upto, total) = wg.inclusive_scan(0, |item| x[&item], |a, b| a + b);
    let (before, total_too) = wg.exclusive_scan(0, |item| x[&item], |a, b| a + b);
    let counts = wg.histogram(&mut bins, |item| (x[item] % 10) as usize);
    let twos = counts[2];
    wg.once(|leader| sums.at(group * 4 + 3).store(&leader, twos * 1000 + u32::from(total == sum && total_too == sum)));

    let mut values = sized.fill(&wg, |item| item.in_grid().map_or(u32::MAX, |item| x[item]));
    wg.sort(&mut values);
    wg.each(|item| {
        inclusive.set(&item, upto.get(&item));
        exclusive.set(&item, before.get(&item));
        sorted.set(&item, values[item.local_index()]);
    });
}

#[test]
fn collectives_are_what_a_loop_gives() {
    for device in geobacter::devices().present {
        for n in [1_usize, 5, 64, 95, 96, 97, 300] {
            let x: Vec<u32> = (0..n as u32).map(|i| i * 7919 % 97).collect();
            let x_buffer = device.upload(&x).unwrap();
            let mut sums = device.zeroed::<u32>(n.div_ceil(96) * 4).unwrap();
            let [mut inclusive, mut exclusive, mut sorted] = std::array::from_fn(|_| device.zeroed::<u32>(n).unwrap());
            collectives::launch(&device, n, &x_buffer, 96, &mut sums, &mut inclusive, &mut exclusive, &mut sorted)
                .unwrap();
            let (sums, inclusive, exclusive, sorted) = (
                sums.download().unwrap(),
                inclusive.download().unwrap(),
                exclusive.download().unwrap(),
                sorted.download().unwrap(),
            );
            for (group, x) in x.chunks(96).enumerate() {
                let at = format!("{}: group {group} of {n}", device.id());
                assert_eq!(sums[group * 4], x.iter().sum::<u32>(), "{at}");
                assert_eq!(sums[group * 4 + 1], *x.iter().max().unwrap(), "{at}");
                let (any, all) = (x.contains(&7), x.iter().all(|&x| x < 90));
                assert_eq!(sums[group * 4 + 2], any as u32 + 2 * all as u32, "{at}");
                assert_eq!(sums[group * 4 + 3], x.iter().filter(|&x| x % 10 == 2).count() as u32 * 1000 + 1, "{at}");
                let mut total = 0;
                for (i, &value) in x.iter().enumerate() {
                    assert_eq!(exclusive[group * 96 + i], total, "{at}");
                    total += value;
                    assert_eq!(inclusive[group * 96 + i], total, "{at}");
                }
                let mut expected = x.to_vec();
                expected.sort();
                assert_eq!(sorted[group * 96..][..x.len()], expected, "{at}");
            }
        }
    }
}

/// Three allocations, two of them sized at launch and of different alignment.
#[kernel(workgroup = 64)]
fn sized_at_launch(
    wg: Workgroup<1>,
    #[workgroup_shared] bytes: Lds<[u8]>,
    #[workgroup_shared] words: Lds<[u64]>,
    #[workgroup_shared] fixed: Lds<[[u16; 5]; 7]>,
    y: Out<u64>,
) {
    let bytes = bytes.fill_with(&wg, |i| i as u8);
    let words = words.fill_with(&wg, |i| i as u64 * 1000);
    let fixed = fixed.fill_with(&wg, |[row, column]| (row * 10 + column) as u16);
    wg.each(|item| {
        let i = item.local_index();
        let byte = if bytes.is_empty() { 0 } else { bytes[i % bytes.len()] };
        let sum = u64::from(byte) + words.iter().sum::<u64>() + u64::from(fixed[i % 7][i % 5]);
        y.set(&item, sum + bytes.len() as u64 * 1_000_000_000);
    });
}

#[kernel(workgroup = 64)]
fn too_much(wg: Workgroup<1>, #[workgroup_shared] first: Lds<[u32; 10_000]>, y: Out<u32>) {
    #[workgroup_shared]
    let second: Lds<[u32; 6_385]>;
    let (first, second) = (first.fill_with(&wg, |_| 1), second.fill_with(&wg, |_| 2));
    wg.each(|item| y.set(&item, first[item.x()] + second[item.x()]));
}

/// What a collective takes on top is known when the code is generated.
#[kernel(workgroup = 1024)]
fn too_much_together(wg: Workgroup<1>, #[workgroup_shared] most: Lds<[u32; 16_384]>, y: Out<u32>) {
    let most = most.fill_with(&wg, |i| i as u32);
    let sum = wg.reduce(0, |item| most[item.local_index()], |a, b| a + b);
    wg.each(|item| y.set(&item, sum));
}

#[test]
fn lds_that_is_sized_at_launch() {
    for device in geobacter::devices().present {
        for (bytes, words) in [(0, 0), (1, 1), (3, 100), (64, 7), (1001, 500), (0, 8000)] {
            let mut y = device.zeroed::<u64>(100).unwrap();
            sized_at_launch::launch(&device, 100, bytes, words, &mut y).unwrap();
            let sum = (0..words as u64).map(|i| i * 1000).sum::<u64>();
            for (i, y) in y.download().unwrap().into_iter().enumerate() {
                let i = i % 64;
                let byte = if bytes == 0 { 0 } else { (i % bytes) as u64 % 256 };
                let fixed = (i % 7 * 10 + i % 5) as u64;
                assert_eq!(y, byte + sum + fixed + bytes as u64 * 1_000_000_000, "{} {bytes} {words}", device.id());
            }
        }
    }
}

/// Tiles with a halo of one element before them and two behind, in a group of another shape.
#[kernel(workgroup = [3, 5])]
fn copied(
    wg: Workgroup<2>,
    matrix: Slice<u32>,
    width: usize,
    shift: [i32; 2],
    #[workgroup_shared] tile: Lds<[[u32; 6]; 8]>,
    found: Out<u32>,
) {
    let [x, y] = wg.origin();
    let corner = [x as isize + shift[0] as isize - 1, y as isize + shift[1] as isize - 1];
    let tile = tile.fill_from(&wg, &matrix, width, corner, 7);
    wg.each(|item| {
        let (x, y) = (item.local_x(), item.local_y());
        found.set(&item, tile[y][x] * 10_000 + tile[y + 1][x + 1] * 100 + tile[y + 3][x + 3]);
    });
}

#[test]
fn parts_of_a_matrix() {
    for device in geobacter::devices().present {
        for [width, height] in [[1, 1], [3, 5], [10, 7], [1, 20], [20, 1], [0, 0]] {
            // With a last row that is not whole.
            let matrix: Vec<u32> = (0..(width * height + width / 2).max(1) as u32).map(|i| i % 97).collect();
            for shift in [[0, 0], [-1, 2], [3, -7], [-30, 1], [30, 30]] {
                let (grid, buffer) = ([11, 9], device.upload(&matrix).unwrap());
                let mut found = device.zeroed::<u32>(99).unwrap();
                copied::launch(&device, grid, &buffer, width, shift, &mut found).unwrap();
                let at = |x: i32, y: i32| {
                    let (x, y) = (x + shift[0], y + shift[1]);
                    if x < 0 || x >= width as i32 || y < 0 {
                        return 7;
                    }
                    matrix.get(y as usize * width + x as usize).copied().unwrap_or(7)
                };
                for (i, found) in found.download().unwrap().into_iter().enumerate() {
                    let (x, y) = (i as i32 % 11, i as i32 / 11);
                    let expected = at(x - 1, y - 1) * 10_000 + at(x, y) * 100 + at(x + 2, y + 2);
                    assert_eq!(found, expected, "{}: ({x}, {y}) of {width} x {height}, {shift:?}", device.id());
                }
            }
        }
    }
}

#[test]
fn more_lds_than_there_is() {
    // Some GPUs have more than the 64 KiB that the numbers here are about.
    for device in geobacter::devices().all(|info| info.lds == 65_536) {
        let id = device.id().to_owned();
        let mut y = device.zeroed::<u64>(100).unwrap();
        for (bytes, words) in [(0, 8192), (65_536, 0), (65_530, 1), (usize::MAX, 0), (0, usize::MAX / 8 + 1)] {
            let error = sized_at_launch::launch(&device, 100, bytes, words, &mut y).unwrap_err();
            assert!(matches!(error, LaunchError::LdsTooLarge { limit: 65_536, .. }), "{id}: {error}");
            assert!(y.download().unwrap().iter().all(|&y| y == 0));
        }
        let mut y = device.zeroed::<u32>(100).unwrap();
        let error = too_much::launch(&device, 100, &mut y).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "kernel `too_much` on device {id}: `first: Lds<[u32; 10_000]>`, `second: Lds<[u32; 6_385]>` take 65540 \
                 bytes of LDS, a work-group of the device has 65536"
            )
        );
        let result = too_much_together::launch(&device, 100, &mut y);
        if id == "host" {
            result.unwrap();
        } else {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("too_much_together") && error.contains("65536"), "{error}");
            assert!(y.download().unwrap().iter().all(|&y| y == 0));
        }
    }
}
