//! Code that is made ready before it is launched, on a thread of its own.

use std::{
    any::Any,
    fmt, mem,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use geobacter_lang::{
    KernelArg,
    descriptor::ParamKind,
    param::{KernelParam, kind},
    spec::SpecValue,
};

use crate::{
    device::Device,
    driver::{DriverError, KernelInstance},
    launch::{Arg, LaunchError, LaunchKind},
};

/// The values of specialisation constants for which a kernel is made ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constants(Vec<u8>);

/// What a kind of parameter adds to [`Constants`].
pub trait ConstantKind: LaunchKind {
    /// Adds the bytes that code depends on.
    fn add_to(argument: &Self::Arg<'_>, bytes: &mut Vec<u8>);
}

impl<T: SpecValue> ConstantKind for kind::Spec<T> {
    fn add_to(value: &T, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(bytemuck::bytes_of(&value.into_repr()));
    }
}

impl<T: KernelArg> ConstantKind for kind::Scalar<T> {
    /// The macro knows types by name only: this is a type of the program's own that is called `Spec`.
    fn add_to(_: &T, _: &mut Vec<u8>) {}
}

impl Constants {
    /// The same with the value of the next parameter, whose type is `P`.
    #[must_use]
    pub fn with<P: KernelParam<Kind: ConstantKind>>(mut self, argument: &Arg<'_, P>) -> Self {
        P::Kind::add_to(argument, &mut self.0);
        self
    }

    /// The bytes, if they are those of all of the kernel's constants; none otherwise (a parameter whose type is an alias of `Spec`
    /// was taken for another): such a kernel is made ready for any value.
    fn of(&self, kernel: KernelInstance) -> &[u8] {
        let params = kernel.descriptor.params.iter().filter(|param| param.kind == ParamKind::Spec);
        let expected: u32 = params.map(|param| param.size).sum();
        if self.0.len() == expected as usize { &self.0 } else { &[] }
    }
}

/// Compiles and loads a kernel for a device: from then on, a launch with these constants finds it in nanoseconds.
///
/// # Errors
/// [`LaunchError::Driver`]: there is no code for it, or the device does not load it.
pub fn prepare(device: &Device, kernel: KernelInstance, constants: &Constants) -> Result<(), LaunchError> {
    device.driver().prepare(kernel, constants.of(kernel)).map_err(|error: DriverError| LaunchError::Driver {
        kernel: kernel.descriptor.name,
        device: device.id().to_owned(),
        error: Box::new(error),
    })
}

/// [`prepare`] on a thread of its own.
pub fn prepare_async(device: &Device, kernel: KernelInstance, constants: Constants) -> Preparation {
    let device = device.clone();
    Preparation::start(move || prepare(&device, kernel, &constants))
}

type Outcome = Result<(), LaunchError>;

/// Kernels that are being made ready. It is a [`Future`], too; who drops it lets the work go on.
///
/// Launching meanwhile is right, and waits for what it needs.
#[must_use = "what goes wrong is said by `wait`, or by awaiting it"]
pub struct Preparation {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

enum State {
    /// With who wants to know when it ends.
    Running(Option<Waker>),
    /// With the panic of the thread, if it did.
    Ended(Result<Outcome, Box<dyn Any + Send>>),
    /// Somebody has got the outcome.
    Taken,
}

impl Default for State {
    fn default() -> Self {
        Self::Running(None)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, outcome: Result<Outcome, Box<dyn Any + Send>>) {
        let before = mem::replace(&mut *self.lock(), State::Ended(outcome));
        self.ended.notify_all();
        if let State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl State {
    /// The outcome, if there is one. A panic of the thread becomes the caller's.
    fn take(&mut self) -> Option<Outcome> {
        match mem::replace(self, Self::Taken) {
            Self::Ended(Ok(outcome)) => Some(outcome),
            Self::Ended(Err(panicked)) => panic::resume_unwind(panicked),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Preparation {
    pub(crate) fn start(work: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        let thread = {
            let shared = Arc::clone(&shared);
            let work = move || shared.end(panic::catch_unwind(AssertUnwindSafe(work)));
            thread::Builder::new().name("geobacter prepare".into()).spawn(work)
        };
        if let Err(error) = thread {
            // Code is then made by the first launch, which says what is wrong with it.
            tracing::warn!(%error, "no thread to prepare kernels on; the first launch does it");
            shared.end(Ok(Ok(())));
        }
        Self { shared }
    }

    /// Whether it has ended, well or not.
    pub fn is_done(&self) -> bool {
        !matches!(*self.shared.lock(), State::Running(_))
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`LaunchError::Driver`]: the first kernel for which there is no code, or which does not load.
    pub fn wait(self) -> Result<(), LaunchError> {
        let running = |state: &mut State| matches!(state, State::Running(_));
        let mut state =
            self.shared.ended.wait_while(self.shared.lock(), running).unwrap_or_else(PoisonError::into_inner);
        // Taken only if it was awaited before, and then the outcome was said there.
        state.take().unwrap_or(Ok(()))
    }
}

impl Future for Preparation {
    type Output = Result<(), LaunchError>;

    /// After it has been ready once it stays pending.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        if let State::Running(waker) = &mut *state {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl fmt::Debug for Preparation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preparation").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        task::Wake,
    };

    use super::*;

    fn failure() -> LaunchError {
        let error = Box::new(DriverError::device("no"));
        LaunchError::Driver { kernel: "k", device: "d".into(), error }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize, Condvar, Mutex<()>);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            let _lock = self.2.lock();
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1.notify_all();
        }
    }

    #[test]
    fn it_can_be_asked_waited_for_and_awaited() {
        let (go, gone) = mpsc::channel::<()>();
        let preparation = Preparation::start(move || {
            gone.recv().expect("sent");
            Err(failure())
        });
        assert!(!preparation.is_done());
        go.send(()).expect("received");
        assert_eq!(preparation.wait().unwrap_err().to_string(), failure().to_string());

        let (go, gone) = mpsc::channel::<()>();
        let mut preparation = Preparation::start(move || {
            gone.recv().expect("sent");
            Ok(())
        });
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut preparation).poll(&mut context).is_pending());
        go.send(()).expect("received");
        let lock = wakes.2.lock().expect("no panic");
        drop(wakes.1.wait_while(lock, |()| wakes.0.load(Ordering::Relaxed) == 0).expect("no panic"));
        assert!(preparation.is_done());
        assert!(matches!(Pin::new(&mut preparation).poll(&mut context), Poll::Ready(Ok(()))));
        assert!(Pin::new(&mut preparation).poll(&mut context).is_pending());
    }

    #[test]
    fn a_panic_reaches_who_waits() {
        let preparation = Preparation::start(|| panic!("a mistake"));
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| preparation.wait())).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"a mistake"));
    }
}
