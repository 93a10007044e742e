//! Checked mode: who accessed which element in this launch.
//!
//! Device code that was built with checks asks `__gb_checked`, and notes with `__gb_check_access` what no proof keeps apart. The
//! notes of a launch are in its [`Shadow`], which all of its threads use. Two accesses collide if they are by different
//! items, one of them writes, and no barrier of their group lies between them. The first collision ends the launch.
//!
//! An element that was written needs no older notes: whoever collides with those collides with the writer. Two readers are
//! enough to collide with every other item's write; of one group, those after its last barrier are kept.

use std::{
    cell::Cell,
    collections::HashMap,
    env,
    panic::{Location, resume_unwind},
    ptr::NonNull,
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
    thread,
};

use geobacter_lang::check::Access;
use geobacter_runtime_core::{
    check::{CheckFailure, CheckRule, CheckedAccess, CheckedPlace, CheckedUse},
    driver::PanicLocation,
};

/// Environment variable that switches checks off (`0`) in a program that was built with them.
const CHECK_VARIABLE: &str = "GEOBACTER_CHECK";
/// Parts of a shadow that threads lock one by one.
const SHARDS: usize = 64;

thread_local! {
    /// Notes of the launch that this thread works for.
    static CURRENT: Cell<Option<NonNull<Shadow>>> = const { Cell::new(None) };
    /// Barriers that this thread has passed. A group runs on one thread, so this tells apart what lies between two barriers.
    static BARRIERS: Cell<u64> = const { Cell::new(0) };
}

/// Says that the group of this thread passes a barrier.
pub(crate) fn barrier() {
    BARRIERS.set(BARRIERS.get().wrapping_add(1));
}

/// What is noted of one launch. Empty, and without memory, until something is.
#[derive(Default)]
pub(crate) struct Shadow {
    shards: OnceLock<Box<[Mutex<Elements>]>>,
}

/// Buffer and element, and who accessed it.
type Elements = HashMap<(usize, usize), Element>;

#[derive(Clone, Copy, Default)]
struct Element {
    writer: Option<Note>,
    readers: [Option<Note>; 2],
}

#[derive(Clone, Copy)]
struct Note {
    group: [u32; 3],
    item: [u32; 3],
    /// Barriers that the thread had passed. Compared within a group only.
    barriers: u64,
    location: &'static Location<'static>,
}

impl Note {
    fn is_same_item(&self, other: &Self) -> bool {
        (self.group, self.item) == (other.group, other.item)
    }

    /// Whether a barrier orders the two.
    fn is_before(&self, later: &Self) -> bool {
        self.group == later.group && self.barriers != later.barriers
    }
}

impl Element {
    /// Adds a note, or gives the one that it collides with and whether that wrote.
    fn note(&mut self, new: Note, writes: bool) -> Result<(), (Note, bool)> {
        let collides = |old: &Option<Note>| old.filter(|old| !old.is_same_item(&new) && !old.is_before(&new));
        if let Some(writer) = collides(&self.writer) {
            return Err((writer, true));
        }
        if writes {
            if let Some(reader) = self.readers.iter().find_map(collides) {
                return Err((reader, false));
            }
            *self = Self { writer: Some(new), readers: [None; 2] };
        } else {
            let replaced =
                |reader: &Option<Note>| reader.is_none_or(|old| old.is_same_item(&new) || old.is_before(&new));
            let known = self.readers.iter().position(|reader| reader.is_some_and(|old| old.is_same_item(&new)));
            if let Some(slot) = known.or_else(|| self.readers.iter().position(replaced)) {
                self.readers[slot] = Some(new);
            }
        }
        Ok(())
    }
}

impl Shadow {
    fn access(&self, access: &Access) -> Result<(), Box<CheckFailure>> {
        let new = Note { group: access.group, item: access.local, barriers: BARRIERS.get(), location: access.location };
        let failure = |rule, earlier| {
            let place = CheckedPlace::Element {
                address: access.buffer.addr() as u64,
                length: access.length as u64,
                element: access.index as u64,
            };
            Box::new(CheckFailure::new(rule, place, reported(new, access.writes), earlier))
        };
        if access.index >= access.length {
            return Err(failure(CheckRule::OutOfBounds, None));
        }
        let shards = self.shards.get_or_init(|| (0..SHARDS).map(|_| Mutex::default()).collect());
        let key = (access.buffer.addr(), access.index);
        // Neighbours, which are often of one thread, share a shard.
        let mut elements = shards[key.1 / SHARDS % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        elements.entry(key).or_default().note(new, access.writes).map_err(|(earlier, writes)| {
            let rule = if writes && access.writes { CheckRule::Overlap } else { CheckRule::Race };
            failure(rule, Some(reported(earlier, writes)))
        })
    }
}

fn reported(note: Note, writes: bool) -> CheckedAccess {
    let Note { group, item, location, .. } = note;
    let location = PanicLocation { file: location.file().to_owned(), line: location.line(), column: location.column() };
    let does = if writes { CheckedUse::Write } else { CheckedUse::Read };
    CheckedAccess::new(does, group, item, Some(location))
}

/// Runs `work`, on this thread, as part of the launch that this shadow belongs to.
pub(crate) fn with<T>(shadow: &Shadow, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also when `work` unwinds: a kernel may launch another.
    struct Restore(Option<NonNull<Shadow>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    static ENABLED: LazyLock<bool> = LazyLock::new(|| env::var_os(CHECK_VARIABLE).is_none_or(|value| value != "0"));

    let _restore = Restore(CURRENT.replace(ENABLED.then(|| NonNull::from(shadow))));
    work()
}

// SAFETY: the name belongs to Geobacter, and the signature is that of `geobacter_lang::intrinsics`.
#[unsafe(no_mangle)]
extern "C" fn __gb_checked() -> bool {
    CURRENT.get().is_some()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C-unwind" fn __gb_check_access(access: &Access) {
    // What a destructor does while its item unwinds is of no interest any more.
    let Some(shadow) = CURRENT.get().filter(|_| !thread::panicking()) else { return };
    // SAFETY: `with` borrows the shadow until it puts back what was there before.
    let shadow = unsafe { shadow.as_ref() };
    if let Err(failure) = shadow.access(access) {
        // No panic: the hook has nothing to say.
        resume_unwind(failure);
    }
}
