//! What a launch refuses, on a device that counts what reaches it and has limits that no real one has.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use geobacter_lang::{
    Element, In, InOut, Out, Slice,
    descriptor::{FloatingPoint, LaunchDescriptor, ParamDescriptor},
    grid::Grid,
    instance::instance_record,
    param::KernelParam,
    partition::{Assignment, Blocks, PerGroup, PerItem, Rows, Strided, Tile},
};
use geobacter_runtime_core::{
    Device, DeviceBuffer, DeviceSlice, LaunchError,
    driver::{DeviceInfo, DeviceKind, Dispatch, Driver, DriverError, KernelInstance, Memory, MemoryKind},
    launch::{Arguments, launch},
};

/// Takes work-groups of up to 100 items, grids of up to 1000 by 300 by 20, of up to 100 work-groups along y, and 64 bytes of
/// arguments.
#[derive(Debug)]
struct Counting {
    info: DeviceInfo,
    dispatched: AtomicU32,
    /// Distance of every buffer's address from one that is aligned.
    shift: u64,
}

#[derive(Debug)]
struct Nowhere {
    address: u64,
    size: u64,
}

impl Memory for Nowhere {
    fn address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn write(&self, _: u64, _: &[u8]) -> Result<(), DriverError> {
        Ok(())
    }

    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), DriverError> {
        Ok(())
    }
}

impl Driver for Counting {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn allocate(&self, size: u64, _: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        Ok(Arc::new(Nowhere { address: 4096 + self.shift, size }))
    }

    unsafe fn dispatch(&self, _: &Dispatch) -> Result<(), DriverError> {
        self.dispatched.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

struct Setup {
    driver: Arc<Counting>,
    device: Device,
}

impl Setup {
    fn new() -> Self {
        Self::shifted(0)
    }

    fn shifted(shift: u64) -> Self {
        let mut info = DeviceInfo::new("small", DeviceKind::Host);
        info.max_workgroup = 100;
        info.max_grid = [1000, 300, 20];
        info.max_groups = [1000, 100, 1000];
        info.max_grid_items = 100_000;
        info.max_kernarg = 64;
        let driver = Arc::new(Counting { info, dispatched: AtomicU32::new(0), shift });
        Self { device: Device::new(driver.clone()), driver }
    }

    fn buffer<T: Element>(&self, length: usize) -> DeviceBuffer<T> {
        self.device.zeroed(length).expect("there is room: nothing is allocated")
    }

    /// Launches, and says whether it reached the device.
    fn launch<const D: usize>(
        &self,
        workgroup: [u32; 3],
        grid: impl Into<Grid<D>>,
        params: &[ParamDescriptor],
        push_all: impl Fn(&mut Arguments<'_, D>) -> Result<(), LaunchError>,
    ) -> Result<(), LaunchError> {
        unsafe extern "C-unwind" fn entry(_: *const u8) {}
        let params = params.iter().map(|param| ParamDescriptor { ..*param }).collect::<Vec<_>>();
        let descriptor = Box::leak(Box::new(LaunchDescriptor {
            name: "k",
            module: "m",
            file: "f",
            params: params.leak(),
            lds: &[],
            line: 1,
            column: 1,
            dimensions: D as u32,
            workgroup,
            fp: FloatingPoint::Strict,
        }));
        let kernel = KernelInstance { descriptor, record: instance_record!(entry), entry };
        let before = self.driver.dispatched.load(Ordering::Relaxed);
        // SAFETY: nothing runs.
        let result = unsafe { launch::<D, _>(&self.device, grid, kernel, push_all) };
        let enqueued = self.driver.dispatched.load(Ordering::Relaxed) - before;
        assert_eq!(enqueued, u32::from(result.is_ok()), "what is refused is not enqueued");
        result
    }

    /// A launch with one output, in work-groups of 8 items.
    fn output<P: Assignment<D>, const D: usize>(
        &self,
        grid: impl Into<Grid<D>>,
        length: usize,
        ty: &'static str,
    ) -> Result<(), LaunchError> {
        let mut workgroup = [8, 1, 1];
        let y: &mut DeviceSlice<u32> = &mut self.buffer(length);
        if D > 1 {
            workgroup[1] = 2;
        }
        self.launch::<D>(workgroup, grid, &[param::<Out<u32, P>>("y", ty)], |arguments| {
            arguments.push::<Out<u32, P>>(&y)
        })
    }
}

fn param<P: KernelParam>(name: &'static str, ty: &'static str) -> ParamDescriptor {
    ParamDescriptor {
        name,
        ty,
        kind: P::KIND,
        size: size_of::<P::Repr>() as u32,
        align: align_of::<P::Repr>() as u32,
        element_size: P::ELEMENT_SIZE,
    }
}

#[track_caller]
fn refused(result: Result<(), LaunchError>, message: &str) -> LaunchError {
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), format!("kernel `k` on device small: {message}"));
    error
}

#[test]
fn lengths_are_those_of_the_partition() {
    let setup = Setup::new();
    setup.output::<PerItem, 1>(100, 100, "Out<u32>").unwrap();
    setup.output::<Tile<4>, 1>(100, 400, "Out<u32, Tile<4>>").unwrap();
    setup.output::<Strided<4>, 1>(100, 400, "Out<u32, Strided<4>>").unwrap();
    setup.output::<Rows, 1>(100, 700, "Out<u32, Rows>").unwrap();
    setup.output::<Rows, 1>(100, 0, "Out<u32, Rows>").unwrap();
    setup.output::<Blocks<4, 2>, 2>([10, 10], 800, "Out<u32, Blocks<4, 2>>").unwrap();
    setup.output::<PerGroup<4>, 1>(100, 52, "Out<u32, PerGroup<4>>").unwrap();
    // Two by three groups of 8 by 2 items.
    setup.output::<PerGroup<5>, 2>([9, 6], 30, "Out<u32, PerGroup<5>>").unwrap();

    let error = refused(
        setup.output::<PerItem, 2>([10, 10], 101, "Out<u32>"),
        "parameter `y: Out<u32>` needs one element for each of the grid's 100 items, the buffer has 101",
    );
    assert!(matches!(error, LaunchError::Length { expected: 100, found: 101, .. }));
    for result in [
        setup.output::<Tile<4>, 1>(100, 399, "Out<u32, Tile<4>>"),
        setup.output::<Strided<4>, 1>(100, 399, "Out<u32, Tile<4>>"),
        setup.output::<Blocks<2, 2>, 2>([50, 2], 399, "Out<u32, Tile<4>>"),
    ] {
        refused(
            result,
            "parameter `y: Out<u32, Tile<4>>` needs 4 elements for each of the grid's 100 items, 400 in all, the buffer has \
             399",
        );
    }
    let error = refused(
        setup.output::<Rows, 1>(100, 399, "Out<u32, Rows>"),
        "parameter `y: Out<u32, Rows>` needs a multiple of 100 elements, an equal share for each of the grid's 100 items, \
         the buffer has 399",
    );
    assert!(matches!(error, LaunchError::Divisibility { divisor: 100, found: 399, .. }));
    refused(
        setup.output::<PerGroup<4>, 1>(100, 50, "Out<u32, PerGroup<4>>"),
        "parameter `y: Out<u32, PerGroup<4>>` needs 4 elements for each of the grid's 13 work-groups, 52 in all, the buffer \
         has 50",
    );
}

#[test]
fn products_of_grid_and_partition_do_not_wrap() {
    const HUGE: usize = 1 << 60;
    let setup = Setup::new();
    // 64 bits hold the low part of these lengths: 0.
    for (result, ty) in [
        (setup.output::<Tile<HUGE>, 1>(16, 0, "Out<u32, Tile<HUGE>>"), "Tile<HUGE>"),
        (setup.output::<Strided<HUGE>, 1>(16, 0, "Out<u32, Strided<HUGE>>"), "Strided<HUGE>"),
        (setup.output::<Blocks<HUGE, 1>, 2>([4, 4], 0, "Out<u32, Blocks<HUGE, 1>>"), "Blocks<HUGE, 1>"),
    ] {
        let error = refused(
            result,
            &format!(
                "parameter `y: Out<u32, {ty}>` needs 1152921504606846976 elements for each of the grid's 16 items, which are \
                 more elements than any buffer can have; the buffer has 0"
            ),
        );
        assert!(matches!(error, LaunchError::LengthOverflow { .. }));
    }
    let result = setup.output::<PerGroup<HUGE>, 1>(128, 0, "Out<u32, PerGroup<HUGE>>");
    assert!(matches!(result, Err(LaunchError::LengthOverflow { .. })), "{result:?}");
}

#[test]
fn grids_and_groups_are_within_the_limits() {
    let setup = Setup::new();
    let launch = |workgroup, grid: [u64; 3]| setup.launch::<3>(workgroup, grid, &[], |_| Ok(()));
    launch([10, 5, 2], [1000, 10, 2]).unwrap();
    refused(
        launch([10, 11, 1], [1, 1, 1]),
        "its work-groups have 110 items, the device takes at most 100; make `workgroup` smaller",
    );
    refused(
        launch([u32::MAX, u32::MAX, u32::MAX], [1, 1, 1]),
        "its work-groups have 18446744073709551615 items, the device takes at most 100; make `workgroup` smaller",
    );
    for workgroup in [[0, 1, 1], [10, 1, 0], [0; 3]] {
        let error = refused(
            launch(workgroup, [1, 1, 1]),
            &format!("its work-groups of {workgroup:?} have no items; make `workgroup` larger"),
        );
        assert!(matches!(error, LaunchError::EmptyWorkgroup { .. }));
    }
    refused(
        launch([1, 1, 1], [5, 0, 5]),
        "the grid [5, 0, 5] has no items; skip the launch when there is nothing to do",
    );
    refused(
        launch([30, 1, 1], [991, 1, 1]),
        "a grid of 1020 items along x, in whole work-groups, is over the device's limit of 1000; launch it in pieces",
    );
    refused(
        launch([1, 4, 1], [1, u64::MAX, 1]),
        "a grid of 18446744073709551616 items along y, in whole work-groups, is over the device's limit of 300; launch it \
         in pieces",
    );
    launch([1, 2, 1], [1, 200, 1]).unwrap();
    refused(
        launch([1, 2, 1], [1, 201, 1]),
        "a grid of 202 items along y, in whole work-groups, is over the device's limit of 200; launch it in pieces",
    );
    refused(
        launch([1, 3, 1], [1000, 300, 20]),
        "a grid of 6000000 items along all dimensions, in whole work-groups, is over the device's limit of 100000; launch \
         it in pieces",
    );
}

#[test]
fn an_output_decides_the_grid() {
    let setup = Setup::new();
    setup.output::<PerItem, 1>(.., 77, "Out<u32>").unwrap();
    setup.output::<Tile<7>, 1>(.., 77, "Out<u32, Tile<7>>").unwrap();
    setup.output::<PerGroup<7>, 1>(.., 77, "Out<u32, PerGroup<7>>").unwrap();
    for ty in ["Out<u32, Tile<7>>", "Out<u32, Strided<7>>"] {
        let result = match ty {
            "Out<u32, Tile<7>>" => setup.output::<Tile<7>, 1>(.., 76, ty),
            _ => setup.output::<Strided<7>, 1>(.., 76, ty),
        };
        let message = format!("parameter `y: {ty}` needs a multiple of 7 elements, 7 for each item, the buffer has 76");
        assert!(matches!(refused(result, &message), LaunchError::Divisibility { divisor: 7, .. }));
    }
    refused(
        setup.output::<PerGroup<7>, 1>(.., 76, "Out<u32, PerGroup<7>>"),
        "parameter `y: Out<u32, PerGroup<7>>` needs a multiple of 7 elements, 7 for each work-group, the buffer has 76",
    );
    refused(
        setup.output::<PerItem, 1>(.., 0, "Out<u32>"),
        "the grid [0] has no items; skip the launch when there is nothing to do",
    );
    // 126 groups of 8 items are 1008.
    refused(
        setup.output::<PerGroup<1>, 1>(.., 126, "Out<u32, PerGroup<1>>"),
        "a grid of 1008 items along x, in whole work-groups, is over the device's limit of 1000; launch it in pieces",
    );
    let error = refused(
        setup.output::<Rows, 1>(.., 77, "Out<u32, Rows>"),
        "no output decides the grid `..`: `y: Out<u32, Rows>` shares out whatever there is among any number of items; give \
         the number of items instead",
    );
    assert!(matches!(error, LaunchError::NoGrid { .. }));
    refused(
        setup.launch::<1>([8, 1, 1], .., &[], |_| Ok(())),
        "no output decides the grid `..`: the kernel has no output; give the number of items instead",
    );

    // The first output counts, wherever it stands; inputs do not.
    let (x, table) = (setup.buffer::<u8>(10), setup.buffer::<u8>(3));
    let rows: &mut DeviceSlice<u32> = &mut setup.buffer(30);
    let y: &mut DeviceSlice<u32> = &mut setup.buffer(10);
    let z: &mut DeviceSlice<u32> = &mut setup.buffer(20);
    let params = [
        param::<In<u8>>("x", "In<u8>"),
        param::<Slice<u8>>("table", "Slice<u8>"),
        param::<Out<u32, Rows>>("rows", "Out<u32, Rows>"),
        param::<InOut<u32>>("y", "InOut<u32>"),
        param::<Out<u32, Tile<2>>>("z", "Out<u32, Tile<2>>"),
    ];
    let result = setup.launch::<1>([8, 1, 1], .., &params, |arguments| {
        arguments.push::<In<u8>>(&&*x)?;
        arguments.push::<Slice<u8>>(&&*table)?;
        arguments.push::<Out<u32, Rows>>(&rows)?;
        arguments.push::<InOut<u32>>(&y)?;
        arguments.push::<Out<u32, Tile<2>>>(&z)
    });
    // All lengths agree with 10 items; what is left is the size of the arguments.
    assert!(matches!(result, Err(LaunchError::KernargTooLarge { found: 120, limit: 64, .. })), "{result:?}");
}

#[test]
fn arguments_fit_into_the_kernarg_segment() {
    let setup = Setup::new();
    let launch = |bytes: usize| match bytes {
        48 => setup.launch::<1>([8, 1, 1], 1, &[param::<[u8; 48]>("a", "[u8; 48]")], |arguments| {
            arguments.push::<[u8; 48]>(&[0; 48])
        }),
        _ => setup.launch::<1>(
            [8, 1, 1],
            1,
            &[param::<u8>("small", "u8"), param::<[u64; 6]>("large", "[u64; 6]")],
            |arguments| {
                arguments.push::<u8>(&0)?;
                arguments.push::<[u64; 6]>(&[0; 6])
            },
        ),
    };
    launch(48).unwrap();
    let error = refused(
        launch(49),
        "its arguments take 72 bytes with the launch's header, the device takes at most 64; pass the largest, `large` with \
         48 bytes, in a buffer",
    );
    assert!(matches!(error, LaunchError::KernargTooLarge { found: 72, limit: 64, .. }));
}

#[test]
fn buffers_are_aligned_and_on_the_device() {
    let shifted = Setup::shifted(2);
    let y: &mut DeviceSlice<u64> = &mut shifted.buffer(10);
    let result = shifted
        .launch::<1>([8, 1, 1], 10, &[param::<Out<u64>>("y", "Out<u64>")], |arguments| arguments.push::<Out<u64>>(&y));
    let error = refused(
        result,
        "the buffer for parameter `y: Out<u64>` begins at address 0x1002, its elements are aligned to 8 bytes",
    );
    assert!(matches!(error, LaunchError::Misaligned { expected: 8, found: 0x1002, .. }));
    let x = shifted.buffer::<u16>(10);
    let push = |arguments: &mut Arguments<'_, 1>| arguments.push::<In<u16>>(&&*x);
    shifted.launch::<1>([8, 1, 1], 10, &[param::<In<u16>>("x", "In<u16>")], push).unwrap();

    let other = Setup::new();
    let result = other.launch::<1>([8, 1, 1], 10, &[param::<In<u16>>("x", "In<u16>")], push);
    refused(result, "the buffer for parameter `x` lies on device small; upload it to small, or launch on small");
}
