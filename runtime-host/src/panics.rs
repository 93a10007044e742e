//! How a kernel's panic becomes an error.
//!
//! A panic hook, installed with the first launch, notes message and place of a panic on a thread that runs a kernel, and
//! prints nothing: the launch returns them. All other panics go to the hook that was there before. The unwinding panic
//! leaves the item's number with `__gb_item_unwinds` and is caught at the group.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use geobacter_runtime_core::driver::{KernelPanic, PanicLocation};

use crate::intrinsics::{self, Group};

thread_local! {
    static IN_KERNEL: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Option<(String, Option<PanicLocation>)>> = const { RefCell::new(None) };
}

/// Installs the hook, once in the process.
pub(crate) fn install_hook() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is going away has no place for notes left, and runs no kernel.
            if IN_KERNEL.try_with(Cell::get).unwrap_or(false) { note(info) } else { previous(info) }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let location = info.location().map(|location| PanicLocation {
        file: location.file().to_owned(),
        line: location.line(),
        column: location.column(),
    });
    NOTED.set(Some((message(info.payload()), location)));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

/// Runs one work-group's entry function on this thread.
pub(crate) fn run_group(id: [u32; 3], size: [u32; 3], entry: impl FnOnce()) -> Result<(), KernelPanic> {
    let outer_group = intrinsics::set_group(Group { id, size, unwound: None });
    let outer_kernel = IN_KERNEL.replace(true);
    // Nothing is looked at afterwards but the kernel's outputs, and the launch's error says that those are incomplete.
    let result = panic::catch_unwind(AssertUnwindSafe(entry));
    IN_KERNEL.set(outer_kernel);
    let group = intrinsics::set_group(outer_group);

    result.map_err(|payload| {
        // Nothing is noted when somebody has replaced the hook.
        let (text, location) = NOTED.take().unwrap_or_else(|| (message(&*payload), None));
        KernelPanic::new(text, location, id, group.unwound.unwrap_or_default())
    })
}
