//! Prints the ids of kernels that are plain, generic, made of closures, and from another crate: as inline assembly gives them,
//! and as `instance_of!` does. `compiler-patch/rustc/compare` runs it with a stock compiler and with one that has the
//! intrinsic.

use std::hint::black_box;

use geobacter_instance::{
    CONST_IDS, InstanceId, InstanceRecord, KernelEntry, KernelTable, instance_of, instance_record,
};
use geobacter_instance_elsewhere as elsewhere;

// No two kernels have the same code: see `InstanceId`.
unsafe extern "C-unwind" fn plain(_kernarg: *const u8) {
    black_box("plain");
}

unsafe extern "C-unwind" fn generic<T, const N: usize>(_kernarg: *const u8) {
    black_box(("generic", size_of::<T>(), N));
}

/// What a kernel with a function as its parameter is.
unsafe extern "C-unwind" fn map<F: Fn(u32) -> u32>(_kernarg: *const u8) {
    black_box(("map", size_of::<F>()));
}

#[inline(never)]
fn plain_record() -> &'static InstanceRecord {
    instance_record!(plain)
}

#[inline(never)]
fn generic_record<T, const N: usize>() -> &'static InstanceRecord {
    instance_record!(generic::<T, N>)
}

#[inline(never)]
fn map_record<F: Fn(u32) -> u32>() -> &'static InstanceRecord {
    instance_record!(map::<F>)
}

fn of_closure<F: Fn(u32) -> u32>(_: F) -> (&'static InstanceRecord, InstanceId) {
    (map_record::<F>(), instance_of!(map::<F>))
}

geobacter_instance::with_const_ids! {
    const PLAIN: InstanceId = instance_of!(plain);
    static GENERIC: InstanceId = instance_of!(generic::<f32, 3>);
    static KERNELS: KernelTable<2> = KernelTable::new([
        KernelEntry { name: "plain", id: PLAIN, entry: plain, descriptor: &() },
        KernelEntry { name: "generic", id: instance_of!(generic::<f32, 3>), entry: generic::<f32, 3>, descriptor: &() },
    ]);
    fn table() -> &'static KernelTable<2> {
        assert_eq!(KERNELS.get("generic").expect("it is there").id, GENERIC);
        &KERNELS
    }
}

fn table_of_run_time() -> KernelTable<2> {
    KernelTable::new([
        KernelEntry { name: "plain", id: instance_of!(plain), entry: plain, descriptor: &() },
        KernelEntry { name: "generic", id: instance_of!(generic::<f32, 3>), entry: generic::<f32, 3>, descriptor: &() },
    ])
}

fn main() {
    println!("ids are {}", if CONST_IDS { "constants" } else { "from assembly" });
    let (closure, of_closure) = of_closure(|x| x + 1);
    for (kind, record, id) in [
        ("plain", plain_record(), instance_of!(plain)),
        ("generic", generic_record::<f32, 3>(), instance_of!(generic::<f32, 3>)),
        ("closure", closure, of_closure),
        ("cross-crate", elsewhere::plain_record(), instance_of!(elsewhere::plain)),
        ("cross-crate generic", elsewhere::generic_record::<i64>(), instance_of!(elsewhere::generic::<i64>)),
        ("that crate's own", elsewhere::record_of_this_crates_instance(), elsewhere::id_of_this_crates_instance()),
    ] {
        println!("{kind}\n  assembly     {}\n  instance_of! {id}", record.symbol());
        assert_eq!(record.id(), id, "{kind}");
    }
    let made = table_of_run_time();
    for entry in &made {
        println!("table: {} {}", entry.name, entry.id);
    }
    geobacter_instance::with_const_ids! {
        for (constant, made) in table().iter().zip(&made) {
            assert_eq!((constant.name, constant.id), (made.name, made.id));
            println!("static table: {} {}", constant.name, constant.id);
        }
    }
}
