//! The copy engines: threads that copies run on, each at the next one that is ready.
//!
//! A copy comes here when nothing keeps it from running, so a copy that waits for a dependency takes no engine, and as
//! many run at once as there are engines. Engines are started as they are needed.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

use hsa_rt_sys::{HSA_STATUS_ERROR_OUT_OF_RESOURCES, hsa_status_t};

use super::{
    copy::Transfer,
    state::{fail, lock},
};

/// Most engines.
const ENGINES: usize = 4;

#[derive(Debug)]
struct Engines {
    ready: VecDeque<Box<Transfer>>,
    running: usize,
    idle: usize,
}

static STATE: Mutex<Engines> = Mutex::new(Engines { ready: VecDeque::new(), running: 0, idle: 0 });
static MORE: Condvar = Condvar::new();

/// Makes sure that there is an engine.
///
/// # Errors
/// If the host has no thread for it.
pub fn start() -> Result<(), hsa_status_t> {
    let mut engines = lock(&STATE);
    if engines.running > 0 || engines.add() {
        return Ok(());
    }
    Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "no thread for a copy engine"))
}

/// Has an engine run a copy. To be called after [`start`].
pub fn run(transfer: Box<Transfer>) {
    let mut engines = lock(&STATE);
    engines.ready.push_back(transfer);
    if engines.idle < engines.ready.len() && engines.running < ENGINES {
        // Without another one, those that are there do it later.
        engines.add();
    }
    MORE.notify_one();
}

impl Engines {
    fn add(&mut self) -> bool {
        let thread = thread::Builder::new().name(format!("amdgpu-sim copy {}", self.running)).spawn(work);
        self.running += usize::from(thread.is_ok());
        thread.is_ok()
    }
}

fn work() {
    let mut engines = lock(&STATE);
    loop {
        match engines.ready.pop_front() {
            Some(transfer) => {
                drop(engines);
                transfer.run();
                engines = lock(&STATE);
            }
            None => {
                engines.idle += 1;
                engines = MORE.wait(engines).unwrap_or_else(PoisonError::into_inner);
                engines.idle -= 1;
            }
        }
    }
}
