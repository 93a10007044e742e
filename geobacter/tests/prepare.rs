//! Kernels that are made ready before their first launch.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use geobacter::{
    __private::core::driver::{
        CodeTarget, Dispatch, Driver, DriverError, KernelInstance, Memory, MemoryKind, OutOfMemory,
    },
    DeviceInfo, DeviceKind,
    prelude::*,
};

/// A device of the program, watched: which instances were prepared, and which of them were loaded when they ran.
#[derive(Debug)]
struct Watched {
    device: Device,
    prepared: AtomicUsize,
    ran_loaded: AtomicUsize,
}

/// Whether some device has loaded this instance.
fn is_loaded(kernel: KernelInstance) -> bool {
    // SAFETY: it is only read.
    !unsafe { kernel.record.cache() }.load(Ordering::Relaxed).is_null()
}

impl Driver for Watched {
    fn info(&self) -> &DeviceInfo {
        self.device.info()
    }
    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        self.device.driver().allocate(bytes, kind)
    }
    fn code_target(&self) -> Option<CodeTarget<'_>> {
        self.device.driver().code_target()
    }
    fn prepare(&self, kernel: KernelInstance, constants: &[u8]) -> Result<(), DriverError> {
        self.prepared.fetch_add(1, Ordering::Relaxed);
        self.device.driver().prepare(kernel, constants)?;
        assert_eq!(is_loaded(kernel), self.info().kind != DeviceKind::Host);
        Ok(())
    }
    unsafe fn dispatch(&self, dispatch: &Dispatch) -> Result<(), DriverError> {
        self.ran_loaded.fetch_add(usize::from(is_loaded(dispatch.kernel)), Ordering::Relaxed);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.device.driver().dispatch(dispatch) }
    }
}

fn watched() -> Vec<(Device, Arc<Watched>)> {
    let devices = geobacter::devices().present.into_iter();
    devices
        .map(|device| {
            let driver = Arc::new(Watched { device, prepared: AtomicUsize::new(0), ran_loaded: AtomicUsize::new(0) });
            (Device::new(Arc::clone(&driver) as Arc<dyn Driver>), driver)
        })
        .collect()
}

#[kernel(workgroup = 64)]
fn double(item: Item<1>, y: InOut<u32>) {
    y.set(&item, 2 * y.get(&item));
}

#[kernel(workgroup = 64)]
fn map<T: Element, F: Fn(T) -> T, const N: usize>(item: Item<1>, f: F, y: InOut<[T; N]>) {
    y.set(&item, y.get(&item).map(&f));
}

#[kernel(workgroup = 64)]
fn fill(item: Item<1>, f: impl Fn(usize) -> u32, y: Out<u32>) {
    y.set(&item, f(item.x()));
}

#[test]
fn a_prepared_kernel_is_loaded_when_it_is_launched() {
    for (device, watched) in watched() {
        let is_gpu = usize::from(device.info().kind != DeviceKind::Host);
        double::prepare(&device).unwrap();
        double::prepare(&device).unwrap();
        let mut y = device.upload(&[1, 2, 3]).unwrap();
        double::launch(&device, 3, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [2, 4, 6]);
        assert_eq!(watched.prepared.load(Ordering::Relaxed), 2);
        assert_eq!(watched.ran_loaded.load(Ordering::Relaxed), is_gpu);
    }
}

#[test]
fn generics_and_functions_say_which_instance() {
    for (device, watched) in watched() {
        let is_gpu = usize::from(device.info().kind != DeviceKind::Host);
        let f = |x: u16| x + 1;
        map::prepare::<u16, _, 3>(&device, f).unwrap();
        let mut y = device.upload(&[[1u16, 2, 3]]).unwrap();
        map::launch(&device, 1, f, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [[2, 3, 4]]);
        assert_eq!(watched.ran_loaded.load(Ordering::Relaxed), is_gpu);
        // Another instance.
        let mut y = device.upload(&[[1u16, 2]]).unwrap();
        map::launch(&device, 1, f, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [[2, 3]]);

        fn square(i: usize) -> u32 {
            (i * i) as u32
        }
        fill::prepare(&device, square).unwrap();
        let mut y = device.zeroed(4).unwrap();
        fill::launch(&device, 4, square, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [0, 1, 4, 9]);
    }
}

#[kernel(workgroup = 64)]
fn triple(item: Item<1>, y: InOut<u32>) {
    y.set(&item, 3 * y.get(&item));
}

#[test]
fn preparing_goes_on_beside_the_program() {
    for (device, watched) in watched() {
        let preparation = triple::prepare_async(&device);
        let all = geobacter::prepare_all_async(&device);
        preparation.wait().unwrap();
        assert_eq!(watched.prepared.load(Ordering::Relaxed), 1);
        let mut y = device.upload(&[1, 2, 3]).unwrap();
        triple::launch(&device, 3, &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [3, 6, 9]);
        assert_eq!(watched.ran_loaded.load(Ordering::Relaxed), usize::from(device.info().kind != DeviceKind::Host));
        all.wait().unwrap();
        geobacter::prepare_all(&device).unwrap();
    }
}

/// A device whose code nobody can make.
#[derive(Debug)]
struct Strange(DeviceInfo);

impl Driver for Strange {
    fn info(&self) -> &DeviceInfo {
        &self.0
    }
    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        Err(DriverError::OutOfMemory(OutOfMemory::new(bytes, kind, 0)))
    }
    fn code_target(&self) -> Option<CodeTarget<'_>> {
        Some(CodeTarget { isa: "gfx1", checked: false })
    }
    fn prepare(&self, _: KernelInstance, _: &[u8]) -> Result<(), DriverError> {
        Err(DriverError::device("it is strange"))
    }
    unsafe fn dispatch(&self, _: &Dispatch) -> Result<(), DriverError> {
        Ok(())
    }
}

#[test]
fn what_cannot_be_prepared_says_which_kernel_and_why() {
    let device = Device::new(Arc::new(Strange(DeviceInfo::new("strange", DeviceKind::Gpu))));
    for error in [double::prepare(&device), double::prepare_async(&device).wait()] {
        assert_eq!(error.unwrap_err().to_string(), "kernel `double` on device strange: it is strange");
    }
    let error = geobacter::prepare_all(&device).unwrap_err().to_string();
    // Under plain cargo there is no archive to make code from.
    assert!(error.contains("on device strange"), "{error}");
    assert!(error.contains("gfx1") || error.contains("no kernel archive"), "{error}");
}
