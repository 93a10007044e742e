//! Kernels by name.

use core::fmt;

use crate::{CONST_IDS, InstanceId};

/// The entry function of a kernel instance: it runs one work-group with the arguments that `kernarg` points to.
pub type EntryFunction = unsafe extern "C-unwind" fn(kernarg: *const u8);

/// One kernel of a [`KernelTable`].
///
/// It holds the entry function, so that whoever has the entry has the code: an id alone keeps no function in the program.
pub struct KernelEntry<D: 'static = ()> {
    /// What it is looked up by.
    pub name: &'static str,
    /// What names its code.
    pub id: InstanceId,
    /// Its code for the host.
    pub entry: EntryFunction,
    /// What its declaration says.
    pub descriptor: &'static D,
}

impl<D> Clone for KernelEntry<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for KernelEntry<D> {}

impl<D> fmt::Debug for KernelEntry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelEntry").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Two kernels of a table have a name in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateKernel {
    /// What they are looked up by.
    Name(&'static str),
    /// What names their code: it is one kernel, twice. Found if ids are constants ([`CONST_IDS`](crate::CONST_IDS)).
    Instance(InstanceId),
}

impl fmt::Display for DuplicateKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "two kernels of the table have the name `{name}`"),
            Self::Instance(id) => write!(f, "one kernel stands in the table twice: `{id}`"),
        }
    }
}

impl core::error::Error for DuplicateKernel {}

/// A program's kernels, by name. With [`CONST_IDS`](crate::CONST_IDS) it is a `static`, and checked when it is compiled.
///
/// ```
/// # use geobacter_instance::{EntryFunction, KernelEntry, KernelTable, instance_of, with_const_ids};
/// unsafe extern "C-unwind" fn scale<const BY: u32>(_kernarg: *const u8) {}
///
/// with_const_ids! {
///     static KERNELS: KernelTable<2> = KernelTable::new([
///         KernelEntry { name: "double", id: instance_of!(scale::<2>), entry: scale::<2>, descriptor: &() },
///         KernelEntry { name: "triple", id: instance_of!(scale::<3>), entry: scale::<3>, descriptor: &() },
///     ]);
/// }
/// # with_const_ids! {
/// # fn check() {
/// assert_eq!(KERNELS.get("triple").unwrap().id, instance_of!(scale::<3>));
/// assert!(KERNELS.get("quadruple").is_none());
/// # }}
/// ```
pub struct KernelTable<const N: usize, D: 'static = ()> {
    /// In the order of their names.
    entries: [KernelEntry<D>; N],
}

impl<const N: usize, D> KernelTable<N, D> {
    /// A table of these kernels.
    ///
    /// # Panics
    /// If two have one name; if ids are constants, also if two are one kernel. For a `static`, an error of compilation.
    ///
    #[cfg_attr(geobacter_const_instance_ids, doc = "```compile_fail,E0080")]
    #[cfg_attr(not(geobacter_const_instance_ids), doc = "```ignore (needs ids in constants)")]
    /// # use geobacter_instance::{KernelEntry, KernelTable, instance_of};
    /// # unsafe extern "C-unwind" fn a(_kernarg: *const u8) {}
    /// # unsafe extern "C-unwind" fn b(_kernarg: *const u8) {}
    /// static KERNELS: KernelTable<2> = KernelTable::new([
    ///     KernelEntry { name: "scale", id: instance_of!(a), entry: a, descriptor: &() },
    ///     KernelEntry { name: "scale", id: instance_of!(b), entry: b, descriptor: &() },
    /// ]);
    /// ```
    #[track_caller]
    pub const fn new(entries: [KernelEntry<D>; N]) -> Self {
        match Self::try_new(entries) {
            Ok(table) => table,
            Err(DuplicateKernel::Name(name)) => Message::new("two kernels of the table have the name `", name).panic(),
            Err(DuplicateKernel::Instance(id)) => {
                Message::new("one kernel stands in the table twice: `", id.symbol()).panic()
            }
        }
    }

    /// A table of these kernels, or what two of them have in common.
    ///
    /// # Errors
    /// If two have one name; if ids are constants, also if two are one kernel.
    pub const fn try_new(entries: [KernelEntry<D>; N]) -> Result<Self, DuplicateKernel> {
        // Ids from assembly can be equal without being a mistake: see `InstanceId`.
        if CONST_IDS {
            let by_id = sorted(entries, Key::Id);
            if let Some(second) = first_equal(&by_id, Key::Id) {
                return Err(DuplicateKernel::Instance(second.id));
            }
        }
        let entries = sorted(entries, Key::Name);
        if let Some(second) = first_equal(&entries, Key::Name) {
            return Err(DuplicateKernel::Name(second.name));
        }
        Ok(Self { entries })
    }

    /// The kernel of this name.
    pub fn get(&self, name: &str) -> Option<&KernelEntry<D>> {
        let at = self.entries.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        Some(&self.entries[at])
    }

    /// All kernels, in the order of their names.
    pub fn iter(&self) -> core::slice::Iter<'_, KernelEntry<D>> {
        self.entries.iter()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        N
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        N == 0
    }
}

impl<'a, const N: usize, D> IntoIterator for &'a KernelTable<N, D> {
    type Item = &'a KernelEntry<D>;
    type IntoIter = core::slice::Iter<'a, KernelEntry<D>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<const N: usize, D> fmt::Debug for KernelTable<N, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// What entries are compared by.
#[derive(Clone, Copy)]
enum Key {
    Name,
    Id,
}

impl Key {
    const fn of<D>(self, entry: &KernelEntry<D>) -> &'static [u8] {
        match self {
            Self::Name => entry.name.as_bytes(),
            Self::Id => entry.id.symbol().as_bytes(),
        }
    }

    /// Whether `a` comes before `b`, in the order of `str`.
    const fn less<D>(self, a: &KernelEntry<D>, b: &KernelEntry<D>) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        let mut at = 0;
        while at < a.len() && at < b.len() {
            if a[at] != b[at] {
                return a[at] < b[at];
            }
            at += 1;
        }
        a.len() < b.len()
    }
}

/// The entries in order: heap sort, since constants are evaluated slowly and a table may be long.
const fn sorted<const N: usize, D>(mut entries: [KernelEntry<D>; N], key: Key) -> [KernelEntry<D>; N] {
    let mut start = N / 2;
    let mut end = N;
    while end > 1 {
        if start > 0 {
            start -= 1;
        } else {
            end -= 1;
            swap(&mut entries, 0, end);
        }
        // Sift down.
        let mut root = start;
        while 2 * root + 1 < end {
            let mut child = 2 * root + 1;
            if child + 1 < end && key.less(&entries[child], &entries[child + 1]) {
                child += 1;
            }
            if !key.less(&entries[root], &entries[child]) {
                break;
            }
            swap(&mut entries, root, child);
            root = child;
        }
    }
    entries
}

const fn swap<const N: usize, D>(entries: &mut [KernelEntry<D>; N], a: usize, b: usize) {
    let held = entries[a];
    entries[a] = entries[b];
    entries[b] = held;
}

/// Of sorted entries, one that is equal to the one before it.
const fn first_equal<const N: usize, D>(entries: &[KernelEntry<D>; N], key: Key) -> Option<KernelEntry<D>> {
    let mut at = 1;
    while at < N {
        if !key.less(&entries[at - 1], &entries[at]) {
            return Some(entries[at]);
        }
        at += 1;
    }
    None
}

/// A panic's text with a name in it. In a constant there is no formatting.
struct Message {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Message {
    const CAPACITY: usize = 512;

    const fn new(before: &str, name: &str) -> Self {
        let mut message = Self { bytes: [0; Self::CAPACITY], length: 0 };
        message.push(before);
        message.push(name);
        message.push("`");
        message
    }

    /// What does not fit is left out.
    const fn push(&mut self, text: &str) {
        let mut at = 0;
        while at < text.len() && self.length < Self::CAPACITY {
            self.bytes[self.length] = text.as_bytes()[at];
            self.length += 1;
            at += 1;
        }
    }

    #[track_caller]
    const fn panic(&self) -> ! {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("two kernels of the table have one name"),
        }
    }
}
