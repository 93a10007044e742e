//! Partitioned outputs against plain loops, on every device that the test has (the host under plain cargo).

use geobacter::{
    LaunchError,
    partition::{Partition, Place},
    prelude::*,
};
use proptest::prelude::*;

fn devices() -> Vec<Device> {
    geobacter::devices().present
}

#[kernel(workgroup = 48)]
fn tiles(item: Item<1>, y: Out<u32, Tile<3>>) {
    let first = item.id() as u32 * 10;
    y.set(&item, [first, first + 1, first + 2]);
}

#[kernel(workgroup = 48)]
fn strides(item: Item<1>, step: u32, y: InOut<u32, Strided<4>>) {
    let own = y.get(&item);
    y.set(&item, own.map(|value| value + step));
    y.set_at(&item, 2, y.get_at(&item, 2) * 2);
    assert!(y.count(&item) == 4);
}

#[kernel(workgroup = 32)]
fn rows(mut item: Item<1>, sums: Out<u64>, matrix: InOut<u64, Rows>) {
    let number = item.id() as u64;
    let mut sum = 0;
    for (column, value) in matrix.slice_mut(&mut item).iter_mut().enumerate() {
        *value += number * 1000 + column as u64;
        sum += *value;
    }
    sums.set(&item, sum);
}

#[kernel(workgroup = [8, 4])]
fn blocks(item: Item<2>, image: Out<[u16; 2], Blocks<3, 2>>) {
    let mark = [item.x() as u16, item.y() as u16];
    image.set(&item, [[mark; 3]; 2]);
    // One of them again, by its number.
    image.set_at(&item, 4, [7, 7]);
}

#[kernel(workgroup = [2, 3, 4])]
fn in_space(mut item: Item<3>, y: InOut<u32, Tile<2>>, z: Out<u32, Strided<2>>) {
    let id = item.id() as u32;
    *y.at_mut(&mut item, 1) += id;
    y.slice_mut(&mut item)[0] = 5;
    z.set_each(&item, |k| id * 2 + k as u32);
}

/// Generic over everything that a partition leaves open.
#[kernel(workgroup = 64)]
fn numbered<T, P, F>(item: Item<1>, f: F, y: Out<T, P>)
where
    T: Element,
    P: Partition<1>,
    F: Fn(u32, u32) -> T,
{
    y.set_each(&item, |k| f(item.id() as u32, k as u32));
}

/// Item `i` owns the elements `i` and `length - 1 - i`.
enum BothEnds {}

// SAFETY: with `n` items the buffer has `2 * n` elements; `i` is below `n`, `2 * n - 1 - i` is not, and both are different for
// different items.
unsafe impl Partition<1> for BothEnds {
    const COUNT: Option<usize> = Some(2);

    fn index(place: &Place<1>, _: usize, k: usize) -> usize {
        if k == 0 { place.id() } else { 2 * place.items() - 1 - place.id() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn partitions_are_those_of_plain_loops(n in 1usize..300, width in 0usize..20, w in 1usize..30, h in 1usize..12) {
        for device in devices() {
            let mut y = device.zeroed(3 * n).unwrap();
            tiles::launch(&device, n, &mut y).unwrap();
            let expected: Vec<_> = (0..3 * n as u32).map(|i| i / 3 * 10 + i % 3).collect();
            prop_assert_eq!(y.download().unwrap(), expected);

            let start: Vec<_> = (0..4 * n as u32).collect();
            let mut y = device.upload(&start).unwrap();
            strides::launch(&device, n, 5, &mut y).unwrap();
            for (i, y) in y.download().unwrap().into_iter().enumerate() {
                prop_assert_eq!(y, (i as u32 + 5) * if i / n == 2 { 2 } else { 1 });
            }

            let start: Vec<_> = (0..(n * width) as u64).collect();
            let mut matrix = device.upload(&start).unwrap();
            let mut sums = device.zeroed(n).unwrap();
            rows::launch(&device, n, &mut sums, &mut matrix).unwrap();
            let (matrix, sums) = (matrix.download().unwrap(), sums.download().unwrap());
            for row in 0..n {
                let mut sum = 0;
                for column in 0..width {
                    let value = (row * width + column + row * 1000 + column) as u64;
                    prop_assert_eq!(matrix[row * width + column], value);
                    sum += value;
                }
                prop_assert_eq!(sums[row], sum);
            }

            let mut image = device.zeroed(w * 3 * h * 2).unwrap();
            blocks::launch(&device, [w, h], &mut image).unwrap();
            for (i, mark) in image.download().unwrap().into_iter().enumerate() {
                let (column, row) = (i % (3 * w), i / (3 * w));
                let own = [(column / 3) as u16, (row / 2) as u16];
                prop_assert_eq!(mark, if (column % 3, row % 2) == (1, 1) { [7, 7] } else { own });
            }

            let items = w * h * 3;
            let mut y = device.upload(&vec![1; 2 * items]).unwrap();
            let mut z = device.zeroed(2 * items).unwrap();
            in_space::launch(&device, [w, 3, h], &mut y, &mut z).unwrap();
            let (y, z) = (y.download().unwrap(), z.download().unwrap());
            for id in 0..items {
                prop_assert_eq!([y[2 * id], y[2 * id + 1]], [5, 1 + id as u32]);
                prop_assert_eq!([z[id], z[items + id]], [2 * id as u32, 2 * id as u32 + 1]);
            }

            let mut y = device.zeroed(2 * n).unwrap();
            numbered::launch::<_, BothEnds, _>(&device, n, |id, k| [id, k], &mut y).unwrap();
            for (i, y) in y.download().unwrap().into_iter().enumerate() {
                prop_assert_eq!(y, if i < n { [i as u32, 0] } else { [(2 * n - 1 - i) as u32, 1] });
            }
        }
    }

    #[test]
    fn an_output_decides_the_grid(n in 1usize..300) {
        for device in devices() {
            let mut y = device.zeroed(n).unwrap();
            numbered::launch::<_, PerItem, _>(&device, .., |id, _| id, &mut y).unwrap();
            prop_assert_eq!(y.download().unwrap(), (0..n as u32).collect::<Vec<_>>());
            let mut y = device.zeroed(5 * n).unwrap();
            numbered::launch::<_, Tile<5>, _>(&device, .., |id, k| 5 * id + k, &mut y).unwrap();
            prop_assert_eq!(y.download().unwrap(), (0..5 * n as u32).collect::<Vec<_>>());
            // The rows share out what there is; the sums decide.
            let (mut sums, mut matrix) = (device.zeroed(n).unwrap(), device.upload(&vec![1; 2 * n]).unwrap());
            rows::launch(&device, .., &mut sums, &mut matrix).unwrap();
            prop_assert_eq!(sums.download().unwrap()[n - 1], (n as u64 - 1) * 2000 + 3);
        }
    }
}

/// A histogram's shape: more elements than items, then as many, then one.
#[kernel(workgroup = [5, 3])]
fn group_blocks(wg: Workgroup<2>, factor: u32, many: Out<u32, PerGroup<37>>, one: InOut<u32, PerGroup<1>>) {
    let group = wg.group_index() as u32;
    many.fill(&wg, |j| group * 1000 + factor * j as u32);
    let sum = wg.once(|mut leader| {
        let block = many.group_block(&mut leader);
        block[36] += 1;
        block.iter().sum::<u32>()
    });
    wg.once(|mut leader| one.group_block(&mut leader)[0] += sum);
}

#[kernel(workgroup = 64)]
fn in_order(wg: Workgroup<1>, y: Out<u16, PerGroup<64>>) {
    let first = wg.origin()[0];
    y.fill(&wg, |j| (first + j) as u16);
}

#[kernel(workgroup = [2, 2, 2])]
fn groups_in_space(wg: Workgroup<3>, y: Out<[u32; 3], PerGroup<1>>) {
    let group = wg.group();
    y.fill(&wg, |_| group);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn groups_own_blocks(x in 1usize..40, y in 1usize..20, z in 1usize..5, factor in 0u32..9) {
        for device in devices() {
            let groups = x.div_ceil(5) * y.div_ceil(3);
            let mut many = device.zeroed(37 * groups).unwrap();
            let mut one = device.upload(&vec![10; groups]).unwrap();
            group_blocks::launch(&device, [x, y], factor, &mut many, &mut one).unwrap();
            let (many, one) = (many.download().unwrap(), one.download().unwrap());
            for (group, block) in many.chunks(37).enumerate() {
                let expected: Vec<_> =
                    (0..37).map(|j| group as u32 * 1000 + factor * j + u32::from(j == 36)).collect();
                prop_assert_eq!(block, &expected[..]);
                prop_assert_eq!(one[group], 10 + expected.iter().sum::<u32>());
            }

            let mut order = device.zeroed(64 * x).unwrap();
            in_order::launch(&device, .., &mut order).unwrap();
            prop_assert_eq!(order.download().unwrap(), (0..64 * x as u16).collect::<Vec<_>>());

            let [gx, gy, gz] = [x, y, z].map(|along| along.div_ceil(2));
            let mut ids = device.zeroed(gx * gy * gz).unwrap();
            groups_in_space::launch(&device, [x, y, z], &mut ids).unwrap();
            for (i, id) in ids.download().unwrap().into_iter().enumerate() {
                prop_assert_eq!(id, [i % gx, i / gx % gy, i / (gx * gy)].map(|n| n as u32));
            }
        }
    }
}

#[kernel(workgroup = 16)]
fn beyond_its_own(item: Item<1>, k: u32, y: Out<u32, Tile<4>>) {
    y.set_at(&item, k as usize, 1);
}

#[test]
fn an_element_that_the_item_does_not_own_is_a_panic() {
    for device in devices() {
        let mut y = device.zeroed(400).unwrap();
        beyond_its_own::launch(&device, .., 3, &mut y).unwrap();
        assert!(y.download().unwrap().iter().enumerate().all(|(i, &y)| y == u32::from(i % 4 == 3)));
        let error = beyond_its_own::launch(&device, 100, 4, &mut y).unwrap_err();
        let LaunchError::Panicked { panic, .. } = &error else { panic!("{error}") };
        assert_eq!(panic.message, "index out of bounds: the len is 4 but the index is 4");
        assert!(panic.location.as_ref().unwrap().file.ends_with("partitions.rs"), "{error}");
    }
}

/// Nobody owns anything.
enum Nothing {}

// SAFETY: there is no `k` that is less than the count.
unsafe impl Partition<1> for Nothing {
    const COUNT: Option<usize> = Some(0);

    fn index(_: &Place<1>, _: usize, _: usize) -> usize {
        0
    }
}

#[kernel(workgroup = 16)]
fn of_nothing(item: Item<1>, y: Out<u32, Nothing>) {
    assert!(y.count(&item) == 0 && item.x() < 5);
}

#[test]
fn owners_of_nothing_decide_no_grid() {
    for device in geobacter::devices().present {
        for length in [0, 3] {
            let mut y = device.zeroed(length).unwrap();
            let error = of_nothing::launch(&device, .., &mut y).unwrap_err();
            assert!(matches!(error, LaunchError::NoGrid { kernel: "of_nothing", .. }), "{error}");
        }
        of_nothing::launch(&device, 5, &mut device.zeroed(0).unwrap()).unwrap();
    }
}

/// What checked mode finds, on the host.
#[cfg(any(debug_assertions, geobacter_check))]
mod checked {
    use geobacter::{CheckFailure, CheckRule, CheckedAccess, CheckedPlace, PanicLocation};

    use super::*;

    fn host() -> Device {
        geobacter::device("host").unwrap()
    }

    #[track_caller]
    fn failure(result: Result<(), LaunchError>, kernel: &str, start: &str) -> CheckFailure {
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("kernel `{kernel}` on device host, {start}")), "{text}");
        match error {
            LaunchError::Check { failure, .. } => *failure,
            error => panic!("{error}"),
        }
    }

    /// The line of this file, one-based, that ends with this comment.
    fn line(comment: &str) -> u32 {
        let line = include_str!("partitions.rs").lines().position(|line| line.ends_with(comment));
        line.expect("it is there") as u32 + 1
    }

    /// The element and the buffer's length.
    fn element(failure: &CheckFailure) -> (u64, u64) {
        match failure.place {
            CheckedPlace::Element { element, length, .. } => (element, length),
            other => panic!("{other}"),
        }
    }

    fn place(access: &CheckedAccess) -> (u32, u32, u32) {
        let PanicLocation { file, line, .. } = access.location.as_ref().expect("checked code notes its place");
        assert!(file.ends_with("partitions.rs"), "{file}");
        (access.group[0], access.item[0], *line)
    }

    /// Breaks its promise: items 2 and 3 own the same element.
    enum Halves {}

    // SAFETY: it is not; that is what is tested.
    unsafe impl Partition<1> for Halves {
        const COUNT: Option<usize> = Some(1);

        fn index(place: &Place<1>, _: usize, _: usize) -> usize {
            if place.id() == 3 { 2 } else { place.id() }
        }
    }

    /// Breaks its promise: the last item's element lies behind the buffer.
    enum Shifted {}

    // SAFETY: it is not; that is what is tested.
    unsafe impl Partition<1> for Shifted {
        const COUNT: Option<usize> = Some(1);

        fn index(place: &Place<1>, _: usize, _: usize) -> usize {
            place.id() + 1
        }
    }

    #[kernel(workgroup = 16)]
    fn one_each<P: Partition<1>>(item: Item<1>, unused: Out<u8>, y: InOut<u32, P>) {
        unused.set(&item, 0);
        if item.id() == 3 {
            y.set_at(&item, 0, 30); // item 3
        } else {
            y.set_at(&item, 0, 1); // other items
        }
    }

    #[test]
    fn a_partition_that_gives_an_element_twice() {
        let device = host();
        let (mut unused, mut y) = (device.zeroed(8).unwrap(), device.zeroed(8).unwrap());
        let found = failure(
            one_each::launch::<Halves>(&device, .., &mut unused, &mut y),
            "one_each",
            "parameter `y: InOut<u32, P>`: two work-items write the same memory",
        );
        assert_eq!((element(&found), found.rule), ((2, 8), CheckRule::Overlap));
        assert_eq!(place(&found.access), (0, 3, line("// item 3")));
        assert_eq!(place(found.earlier.as_ref().unwrap()), (0, 2, line("// other items")));
        // The device is as good as before.
        one_each::launch::<PerItem>(&device, .., &mut unused, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [1, 1, 1, 30, 1, 1, 1, 1]);
    }

    /// Names the process that `the_environment_switches_checks_off` starts.
    const CHILD: &str = "GEOBACTER_TEST_UNCHECKED_CHILD";

    #[test]
    fn the_environment_switches_checks_off() {
        if std::env::var_os(CHILD).is_some() {
            // One group, on this thread: what both items write is defined.
            let (mut unused, mut y) = (host().zeroed(8).unwrap(), host().zeroed(8).unwrap());
            one_each::launch::<Halves>(&host(), .., &mut unused, &mut y).unwrap();
            assert_eq!(y.download().unwrap(), [1, 1, 30, 0, 1, 1, 1, 1]);
            return;
        }
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "checked::the_environment_switches_checks_off"])
            .envs([(CHILD, "1"), ("GEOBACTER_CHECK", "0")])
            .status();
        assert!(status.unwrap().success());
    }

    #[test]
    fn a_partition_that_gives_what_is_not_there() {
        let device = host();
        let (mut unused, mut y) = (device.zeroed(3).unwrap(), device.zeroed(3).unwrap());
        let found =
            failure(one_each::launch::<Shifted>(&device, .., &mut unused, &mut y), "one_each", "parameter `y: ");
        assert_eq!((element(&found), found.rule, &found.earlier), ((3, 3), CheckRule::OutOfBounds, &None));
        assert_eq!(place(&found.access), (0, 2, line("// other items")));
    }

    #[kernel(workgroup = 16)]
    fn anywhere(item: Item<1>, at: In<u32>, reads: bool, y: InOut<u32>) {
        let index = at[&item] as usize;
        if reads {
            // SAFETY: up to the test.
            let _ = unsafe { y.get_unchecked(&item, index) }; // reads
        } else {
            // SAFETY: up to the test.
            unsafe { y.set_unchecked(&item, index, item.id() as u32) }; // writes
        }
    }

    #[test]
    fn unchecked_accesses() {
        let device = host();
        let launch = |at: &[u32], reads| {
            let mut y = device.zeroed(at.len()).unwrap();
            anywhere::launch(&device, at.len(), &device.upload(at).unwrap(), reads, &mut y)?;
            Ok(y.download().unwrap())
        };
        // Many groups, on all threads: every element by one item, from far away.
        let n = 100_000;
        let turned: Vec<_> = (0..n).map(|i| (i + n / 2) % n).collect();
        assert_eq!(launch(&turned, false).unwrap(), turned);
        // Many may read what nobody writes.
        launch(&[1; 100], true).unwrap();

        let result = launch(&[0, 1, 2, 1], false).map(drop);
        let found = failure(result, "anywhere", "parameter `y: InOut<u32>`: two work-items write the same memory");
        assert_eq!(element(&found), (1, 4));
        assert_eq!(place(&found.access), (0, 3, line("// writes")));
        assert_eq!(place(found.earlier.as_ref().unwrap()), (0, 1, line("// writes")));

        for reads in [false, true] {
            let found = failure(launch(&[0, 9], reads).map(drop), "anywhere", "parameter `y: InOut<u32>`: ");
            assert_eq!((element(&found), found.rule), ((9, 2), CheckRule::OutOfBounds));
            assert_eq!(place(&found.access), (0, 1, line(if reads { "// reads" } else { "// writes" })));
        }

        // Two items of different groups.
        let mut at: Vec<_> = (0..n).collect();
        at[77_777] = 5;
        let found = failure(launch(&at, false).map(drop), "anywhere", "parameter `y: ");
        let items =
            [&found.access, found.earlier.as_ref().unwrap()].map(|access| access.group[0] * 16 + access.item[0]);
        assert_eq!((element(&found).0, items.iter().min(), items.iter().max()), (5, Some(&5), Some(&77_777)));
    }

    /// What a barrier keeps apart, and what it does not: items of other groups.
    #[kernel(workgroup = 16)]
    fn around_a_barrier(wg: Workgroup<1>, across_groups: bool, y: InOut<u32>) {
        let first = if across_groups { 0 } else { wg.origin()[0] };
        // SAFETY: up to the test.
        wg.each(|item| unsafe { y.set_unchecked(&item, first + item.local_index(), 1) }); // before
        wg.barrier();
        wg.each(|item| {
            // SAFETY: up to the test.
            let left = unsafe { y.get_unchecked(&item, first + item.local_index() / 2) };
            assert!(left == 1);
        });
        wg.barrier();
        // SAFETY: up to the test.
        wg.each(|item| unsafe { y.set_unchecked(&item, first + 15 - item.local_index(), 2) }); // after
    }

    #[test]
    fn barriers_order_the_accesses_of_a_group() {
        let device = host();
        let mut y = device.zeroed(64).unwrap();
        around_a_barrier::launch(&device, .., false, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [2; 64]);
        let mut y = device.zeroed(16).unwrap();
        around_a_barrier::launch(&device, .., true, &mut y).unwrap();
        let mut y = device.zeroed(32).unwrap();
        let found = failure(around_a_barrier::launch(&device, .., true, &mut y), "around_a_barrier", "parameter `y: ");
        let groups = [found.access.group[0], found.earlier.unwrap().group[0]];
        assert!(groups == [0, 1] || groups == [1, 0], "{groups:?}");
    }

    #[kernel(workgroup = 16)]
    fn neighbours(item: Item<1>, y: InOut<u32>) {
        let next = (item.id() + 1) % y.len();
        // SAFETY: it is not; that is what is tested.
        unsafe {
            let value = y.get_unchecked(&item, next); // reads the neighbour
            y.set_unchecked(&item, item.id(), value + 1); // writes its own
        }
    }

    #[test]
    fn a_read_of_what_another_item_writes() {
        let device = host();
        let mut y = device.zeroed(4).unwrap();
        let found = failure(neighbours::launch(&device, .., &mut y), "neighbours", "parameter `y: ");
        let lines = [place(&found.access), place(found.earlier.as_ref().unwrap())];
        assert_eq!(lines, [(0, 1, line("// writes its own")), (0, 0, line("// reads the neighbour"))]);
        assert_eq!(found.rule, CheckRule::Race, "{found}");
        // Alone it may.
        let mut y = device.zeroed(1).unwrap();
        neighbours::launch(&device, .., &mut y).unwrap();
    }
}
