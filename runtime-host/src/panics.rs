//! How a kernel's panic becomes an error.
//!
//! A panic hook, installed with the first launch, notes message and place of a panic on a thread that runs a kernel, and
//! prints nothing: the launch returns them. All other panics go to the hook that was there before. The unwinding panic
//! leaves the item's number with `__gb_item_unwinds` and is caught at the group. What checked mode finds unwinds, too, and is
//! caught at the same place.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use geobacter_runtime_core::{
    check::CheckFailure,
    driver::{KernelPanic, PanicLocation, WorkError},
};

use crate::intrinsics::Groups;

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

/// Runs work-groups of one launch on this thread, one after the other, until one panics. The number that comes with an id comes
/// back with that group's panic.
pub(crate) fn run_groups(
    groups: impl Iterator<Item = (u64, [u32; 3])>,
    size: [u32; 3],
    dynamic_lds: u32,
    entry: impl Fn(),
) -> Result<(), (u64, WorkError)> {
    let outer_kernel = IN_KERNEL.replace(true);
    let running = Groups::begin(size, dynamic_lds);
    let mut number = 0;
    // Nothing is looked at afterwards but the kernel's outputs, and the launch's error says that those are incomplete.
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        for (group, id) in groups {
            number = group;
            running.run(id, &entry);
        }
    }));
    let group = running.end();
    IN_KERNEL.set(outer_kernel);

    result.map_err(|payload| {
        let payload = match payload.downcast::<CheckFailure>() {
            Ok(failure) => return (number, WorkError::Check(failure)),
            Err(payload) => payload,
        };
        // Nothing is noted when somebody has replaced the hook.
        let (text, location) = NOTED.take().unwrap_or_else(|| (message(&*payload), None));
        let panic = KernelPanic::new(text, location, group.id, group.unwound.unwrap_or_default());
        (number, WorkError::Panicked(Box::new(panic)))
    })
}
