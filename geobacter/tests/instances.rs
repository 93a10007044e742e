//! Instance records: the name by which the runtime finds a kernel's device code. Seen through a driver, as back ends see them.

use std::{
    collections::HashSet,
    ptr,
    sync::{Arc, Mutex, atomic::Ordering},
};

use geobacter::{
    __private::core::driver::{Dispatch, Driver, DriverError, Memory, MemoryKind},
    DeviceInfo, DeviceKind,
    instance::{DuplicateKernel, InstanceId},
    prelude::*,
    table::KernelTable,
};

/// A device that runs nothing and remembers what it was asked to run.
#[derive(Debug)]
struct Recorder {
    info: DeviceInfo,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    symbol: &'static str,
    record: usize,
    kernarg: Vec<u8>,
    grid: [u32; 3],
}

#[derive(Debug)]
struct NoMemory(u64);

impl Memory for NoMemory {
    fn address(&self) -> u64 {
        0x1000
    }
    fn size(&self) -> u64 {
        self.0
    }
    fn write(&self, _: u64, _: &[u8]) -> Result<(), DriverError> {
        Ok(())
    }
    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), DriverError> {
        Ok(())
    }
}

impl Driver for Recorder {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }
    fn allocate(&self, bytes: u64, _: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        Ok(Arc::new(NoMemory(bytes)))
    }
    unsafe fn dispatch(&self, dispatch: &Dispatch) -> Result<(), DriverError> {
        assert!(dispatch.kernarg.as_bytes().as_ptr().addr().is_multiple_of(16));
        // SAFETY: it is only read.
        assert!(unsafe { dispatch.kernel.record.cache() }.load(Ordering::Relaxed).is_null());
        self.seen.lock().unwrap().push(Seen {
            symbol: dispatch.kernel.record.symbol(),
            record: ptr::from_ref(dispatch.kernel.record).addr(),
            kernarg: dispatch.kernarg.as_bytes().to_vec(),
            grid: dispatch.grid,
        });
        Ok(())
    }
}

fn recorder(limits: impl FnOnce(&mut DeviceInfo)) -> (Arc<Recorder>, Device) {
    let mut info = DeviceInfo::new("recorder", DeviceKind::Gpu);
    limits(&mut info);
    let driver = Arc::new(Recorder { info, seen: Mutex::default() });
    (Arc::clone(&driver), Device::new(driver))
}

#[kernel(workgroup = 64)]
fn map<T: Element, F: Fn(T) -> T, const N: usize>(item: Item<1>, f: F, x: In<T>, y: Out<T>) {
    let mut value = x[&item];
    for _ in 0..N {
        value = f(value);
    }
    y.set(&item, value);
}

#[kernel(workgroup = [8, 4])]
fn plain(item: Item<2>, small: u8, large: u64, y: Out<f32>) {
    y.set(&item, small as f32 + large as f32);
}

#[kernel(workgroup = 64)]
fn fill<T: Element, const TIMES: usize>(item: Item<1>, value: T, y: Out<T>) {
    for _ in 0..TIMES {
        y.set(&item, value);
    }
}

#[test]
fn each_instance_has_its_own_record() {
    let (driver, device) = recorder(|_| ());
    let (xf, mut yf) = (device.zeroed::<f32>(10).unwrap(), device.zeroed::<f32>(10).unwrap());
    let (xu, mut yu) = (device.zeroed::<u64>(10).unwrap(), device.zeroed::<u64>(10).unwrap());
    for _ in 0..2 {
        map::launch::<_, _, 1>(&device, 10, |v| v + 1.0, &xf, &mut yf).unwrap();
        map::launch::<_, _, 2>(&device, 10, f32::abs, &xf, &mut yf).unwrap();
        map::launch::<_, _, 1>(&device, 10, f32::abs, &xf, &mut yf).unwrap();
        map::launch::<_, _, 1>(&device, 10, |v| v ^ 1, &xu, &mut yu).unwrap();
        plain::launch(&device, [5, 2], 7, 1 << 40, &mut yf).unwrap();
    }
    let seen = driver.seen.lock().unwrap();
    let symbols: HashSet<_> = seen.iter().map(|seen| seen.symbol).collect();
    let records: HashSet<_> = seen.iter().map(|seen| seen.record).collect();
    assert_eq!((symbols.len(), records.len()), (5, 5), "{symbols:?}");
    assert!(symbols.iter().all(|symbol| symbol.starts_with("_") && symbol.contains("entry")), "{symbols:?}");
    for (first, second) in seen.iter().zip(&seen[5..]) {
        assert_eq!((first.symbol, first.record), (second.symbol, second.record));
    }
}

#[test]
fn ids_and_tables_name_what_is_launched() {
    let (driver, device) = recorder(|_| ());
    let (x, mut y) = (device.zeroed::<f32>(10).unwrap(), device.zeroed::<f32>(10).unwrap());
    plain::launch(&device, [5, 2], 7, 1 << 40, &mut y).unwrap();
    fn launch_map<F: Fn(f32) -> f32 + Copy + Send + Sync + 'static>(
        device: &Device,
        f: F,
        x: &DeviceBuffer<f32>,
        y: &mut DeviceBuffer<f32>,
    ) -> InstanceId {
        map::launch::<_, _, 3>(device, 10, f, x, y).unwrap();
        map::id::<f32, F, 3>()
    }
    let ids = [plain::id(), launch_map(&device, |v| v + 1.0, &x, &mut y), launch_map(&device, |v| v * 2.0, &x, &mut y)];
    let seen: Vec<_> = driver.seen.lock().unwrap().iter().map(|seen| seen.symbol).collect();
    assert_eq!(ids.map(InstanceId::symbol).to_vec(), seen);

    let table = KernelTable::new([plain::table_entry(), fill::table_entry::<f32, 1>()]);
    let entry = table.get("plain").unwrap();
    assert_eq!((entry.id, entry.descriptor.dimensions, entry.descriptor.workgroup), (plain::id(), 2, [8, 4, 1]));
    assert_eq!(table.get("fill").unwrap().descriptor, fill::descriptor::<f32, 1>());
    let one_name = KernelTable::try_new([fill::table_entry::<f32, 1>(), fill::table_entry::<f32, 2>()]);
    assert_eq!(one_name.unwrap_err(), DuplicateKernel::Name("fill"));
}

geobacter::instance::with_const_ids! {
    static KERNELS: KernelTable<2> =
        KernelTable::new([plain::table_entry(), fill::table_entry::<f32, 1>()]);

    #[test]
    fn a_table_is_a_static() {
        const PLAIN: InstanceId = plain::id();
        assert_eq!(KERNELS.get("plain").unwrap().id, PLAIN);
        assert_eq!(KERNELS.get("fill").unwrap().id, fill::id::<f32, 1>());
    }
}

#[test]
fn kernarg_bytes_are_the_header_and_the_arguments_in_c_layout() {
    let (driver, device) = recorder(|_| ());
    let mut y = device.zeroed::<f32>(10).unwrap();
    plain::launch(&device, [5, 2], 7, 1 << 40, &mut y).unwrap();
    let seen = driver.seen.lock().unwrap()[0].clone();
    assert_eq!(seen.grid, [5, 2, 1]);
    let mut expected = Vec::new();
    [5u32, 2, 1, 0].iter().for_each(|word| expected.extend(word.to_le_bytes()));
    // An output is address, length and elements of each owner. The segment is filled up to whole 16 bytes.
    [7u64, 1 << 40, 0x1000, 10, 1, 0].iter().for_each(|word| expected.extend(word.to_le_bytes()));
    assert_eq!(seen.kernarg, expected);
}

#[test]
fn a_device_sees_no_launch_beyond_its_limits() {
    let (driver, device) = recorder(|info| {
        info.max_workgroup = 32;
        info.max_grid = [64, 8, 1];
        info.max_grid_items = 256;
    });
    let mut y = device.zeroed::<f32>(10).unwrap();
    let (x, mut z) = (device.zeroed::<f32>(10).unwrap(), device.zeroed::<f32>(10).unwrap());
    let message = |result: Result<(), geobacter::LaunchError>| result.unwrap_err().to_string();

    let text = message(map::launch::<_, _, 1>(&device, 10, f32::abs, &x, &mut z));
    assert!(text.contains("its work-groups have 64 items, the device takes at most 32"), "{text}");
    // 57 to 64 columns are 64 in whole groups; 65 are 72.
    let text = message(plain::launch(&device, [65, 1], 1, 1, &mut y));
    assert!(
        text.contains("a grid of 72 items along x, in whole work-groups, is over the device's limit of 64"),
        "{text}"
    );
    let text = message(plain::launch(&device, [1, 9], 1, 1, &mut y));
    assert!(text.contains("a grid of 12 items along y"), "{text}");
    let text = message(plain::launch(&device, [64, 8], 1, 1, &mut y));
    assert!(text.contains("a grid of 512 items along all dimensions"), "{text}");
    assert!(driver.seen.lock().unwrap().is_empty());
    let mut y = device.zeroed::<f32>(57 * 4).unwrap();
    plain::launch(&device, [57, 4], 1, 1, &mut y).unwrap();
    assert_eq!(driver.seen.lock().unwrap().len(), 1);
}

#[test]
fn a_buffer_of_another_device_is_refused() {
    let (driver, device) = recorder(|_| ());
    let host = geobacter::device("host").unwrap();
    let mut y = host.zeroed::<f32>(10).unwrap();
    let error = plain::launch(&device, [5, 2], 1, 1, &mut y).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kernel `plain` on device recorder: the buffer for parameter `y` lies on device host; upload it to recorder, or \
         launch on host"
    );
    assert!(driver.seen.lock().unwrap().is_empty());
}
