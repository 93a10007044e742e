//! Lines that kernels print on the host: formatted at once, and out in one piece.

use std::{cell::Cell, fmt, mem, ptr::NonNull};

use geobacter_runtime_core::{OutputLine, output::OutputSink};

use crate::intrinsics;

/// Whose lines this thread prints.
pub(crate) struct Speaker<'a> {
    /// The kernel's name.
    pub kernel: &'a str,
    /// Where they go.
    pub output: &'a OutputSink,
}

thread_local! {
    /// The launch that this thread works for.
    static CURRENT: Cell<Option<NonNull<Speaker<'static>>>> = const { Cell::new(None) };
}

/// Runs `work`, on this thread, as part of the launch of this kernel.
pub(crate) fn with<T>(speaker: &Speaker<'_>, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also when `work` unwinds: a kernel may launch another.
    struct Restore(Option<NonNull<Speaker<'static>>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(Some(NonNull::from(speaker).cast())));
    work()
}

// SAFETY: the name belongs to Geobacter, and the signature is that of `geobacter_lang::intrinsics`.
#[unsafe(no_mangle)]
extern "C-unwind" fn __gb_print(x: u32, y: u32, z: u32, template: *const (), arguments: *const ()) {
    // SAFETY: the two words of a message that lives until this call returns, as the intrinsic's contract says.
    let message = unsafe { mem::transmute::<[*const (); 2], fmt::Arguments<'_>>([template, arguments]) };
    let text = message.to_string();
    // SAFETY: `with` has set it, and sets it back before its borrow ends.
    let speaker = CURRENT.get().map(|speaker| unsafe { speaker.as_ref() });
    let standard = Speaker { kernel: "", output: OutputSink::standard() };
    let Speaker { kernel, output } = speaker.unwrap_or(&standard);
    output.line(OutputLine::new(kernel, intrinsics::group_id(), [x, y, z], text));
}
