//! What one instruction does to memory: recorded while a wave executes it, and played back to the wave's twin.
//!
//! A log is there only if somebody wants to know: the checks, which run a twin ([`super::check::twin`]), or the counters.
//!
//! ```text
//!                 recording                        playing back
//!   access        address, place, size             the address must be the same
//!   load          the value of memory              that value, with bytes that nobody wrote inverted
//!   store         the value                        compared; memory stays as it is
//!   atomic        old and new value                the same of both
//! ```
//! LDS and scratch are not in the log: a twin has its own.

use super::{
    check::twin::{StoredValue, uninitialized},
    fault::Trap,
    memory::{Access, View},
    space::Place,
};

/// An access of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accessed {
    /// The lane; for scalar loads the first active one.
    pub lane: u32,
    /// The address that it asked for.
    pub asked: u64,
    /// Where that is; `None` if it is nowhere, and the instruction has failed.
    pub place: Option<Place>,
    /// Its size in bytes.
    pub size: u64,
    /// What it does.
    pub access: Access,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Access(Accessed),
    /// A value that was read, or that cannot be had twice.
    Value(u64),
    Stored(u64),
    Updated {
        old: u64,
        new: u64,
    },
}

/// The log of one instruction.
#[derive(Debug, Default)]
pub struct Log {
    events: Vec<Event>,
    playback: Option<Playback>,
}

#[derive(Debug)]
struct Playback {
    next: usize,
    store: Option<StoredValue>,
}

impl Log {
    /// An instruction begins.
    #[inline]
    pub fn begin(&mut self) {
        self.events.clear();
    }

    /// The accesses of the instruction, in order.
    pub fn accesses(&self) -> impl Iterator<Item = &Accessed> {
        self.events.iter().filter_map(|event| match event {
            Event::Access(access) => Some(access),
            _ => None,
        })
    }

    /// Whether it accessed nothing.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// From here on the twin executes the instruction.
    pub fn play_back(&mut self) {
        self.playback = Some(Playback { next: 0, store: None });
    }

    /// The twin has executed it.
    ///
    /// # Errors
    /// What is wrong with the last value that it stored.
    pub fn finish(&mut self) -> Result<(), Box<Trap>> {
        self.playback.take().and_then(|playback| playback.store).map_or(Ok(()), StoredValue::check)
    }

    /// Whether the twin executes the instruction.
    #[inline]
    pub fn is_played_back(&self) -> bool {
        self.playback.is_some()
    }

    /// Records an access.
    pub fn record(&mut self, access: Accessed) {
        self.events.push(Event::Access(access));
    }

    /// What comes next, if it is played back: nothing, where the twin does more than was recorded.
    fn next(&mut self) -> Option<Option<Event>> {
        let playback = self.playback.as_mut()?;
        playback.next += 1;
        Some(self.events.get(playback.next - 1).copied())
    }

    /// The place of the twin's access to this address.
    ///
    /// # Errors
    /// If it is another address, or the value stored before must not be.
    pub fn place(&mut self, address: u64, lane: usize) -> Result<Place, Box<Trap>> {
        if let Some(stored) = self.playback.as_mut().and_then(|playback| playback.store.take()) {
            stored.check()?;
        }
        let Some(Some(Event::Access(access))) = self.next() else {
            return Err(uninitialized("what memory is accessed depends on", None));
        };
        if access.asked != address {
            return Err(uninitialized("the address of an access depends on", Some(lane)));
        }
        let Some(playback) = &mut self.playback else { return Err(out_of_step()) };
        playback.store = StoredValue::begin(&access);
        access.place.ok_or_else(out_of_step)
    }

    /// What a load of memory gives.
    #[inline]
    pub fn load(&mut self, address: u64, size: u64, view: &View<'_>, load: impl FnOnce() -> u64) -> u64 {
        match self.next() {
            Some(Some(Event::Value(value))) => value ^ view.unwritten(address, size),
            Some(_) => 0,
            None => {
                let value = load();
                self.events.push(Event::Value(value));
                value
            }
        }
    }

    /// Stores to memory, or compares.
    pub fn store(&mut self, address: u64, size: u64, value: u64, view: &View<'_>, store: impl FnOnce()) {
        match self.next() {
            Some(Some(Event::Stored(other))) => self.stored(address, size, value ^ other, view),
            Some(_) => {}
            None => {
                store();
                self.events.push(Event::Stored(value));
            }
        }
    }

    /// Changes memory, or tells what a change would give.
    pub fn update(
        &mut self,
        address: u64,
        size: u64,
        view: &View<'_>,
        change: impl Fn(u64) -> u64,
        update: impl FnOnce() -> u64,
    ) -> u64 {
        match self.next() {
            Some(Some(Event::Updated { old, new })) => {
                let other = old ^ view.unwritten(address, size);
                self.stored(address, size, change(other) ^ new, view);
                other
            }
            Some(_) => 0,
            None => {
                let old = update();
                self.events.push(Event::Updated { old, new: change(old) });
                old
            }
        }
    }

    /// A value that is another one each time.
    pub fn once(&mut self, value: impl FnOnce() -> u64) -> u64 {
        match self.next() {
            Some(Some(Event::Value(value))) => value,
            Some(_) => 0,
            None => {
                let value = value();
                self.events.push(Event::Value(value));
                value
            }
        }
    }

    /// The twin has stored something else, in these bits.
    fn stored(&mut self, address: u64, size: u64, bits: u64, view: &View<'_>) {
        let bits = bits & u64::MAX >> (64 - 8 * size);
        view.note_stored(address, size, bits);
        if let Some(stored) = self.playback.as_mut().and_then(|playback| playback.store.as_mut()) {
            stored.add(bits, size);
        }
    }
}

/// The access failed, and what comes behind it does not matter.
fn out_of_step() -> Box<Trap> {
    Trap::new(super::fault::FaultKind::MemoryFault, "the access failed")
}
