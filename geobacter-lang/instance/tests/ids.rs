//! Ids are the names that inline assembly gives, whichever way they came about.

use std::{collections::BTreeSet, hint::black_box};

use geobacter_instance::{InstanceId, InstanceRecord, instance_of, instance_record};
use geobacter_instance_elsewhere as elsewhere;

// No two kernels have the same code: see `InstanceId`.
unsafe extern "C-unwind" fn plain(_kernarg: *const u8) {
    black_box("plain");
}

unsafe extern "C-unwind" fn generic<T, const N: usize>(_kernarg: *const u8) {
    black_box(("generic", size_of::<T>(), N));
}

unsafe extern "C-unwind" fn map<F: Fn(u32) -> u32, const NUMBER: u32>(_kernarg: *const u8) {
    black_box(("map", size_of::<F>(), NUMBER));
}

#[inline(never)]
fn record<T, const N: usize>() -> &'static InstanceRecord {
    instance_record!(generic::<T, N>)
}

#[inline(never)]
fn map_record<F: Fn(u32) -> u32, const NUMBER: u32>() -> &'static InstanceRecord {
    instance_record!(map::<F, NUMBER>)
}

fn both_of<const NUMBER: u32, F: Fn(u32) -> u32>(_: F) -> [InstanceId; 2] {
    [map_record::<F, NUMBER>().id(), instance_of!(map::<F, NUMBER>)]
}

#[inline(never)]
fn plain_record() -> &'static InstanceRecord {
    instance_record!(plain)
}

#[test]
fn ids_are_the_names_of_the_assembly() {
    let captured = std::env::args().count() as u32;
    let pairs = [
        [plain_record().id(), instance_of!(plain)],
        [record::<f32, 1>().id(), instance_of!(generic::<f32, 1>)],
        [record::<f32, 2>().id(), instance_of!(generic::<f32, 2>)],
        [record::<String, 2>().id(), instance_of!(generic::<String, 2>)],
        both_of::<1, _>(|x| x + 1),
        both_of::<2, _>(|x| x + captured),
        [elsewhere::plain_record().id(), instance_of!(elsewhere::plain)],
        [elsewhere::generic_record::<i64>().id(), instance_of!(elsewhere::generic::<i64>)],
        [elsewhere::generic_record::<Vec<u8>>().id(), instance_of!(elsewhere::generic::<Vec<u8>>)],
        [elsewhere::record_of_this_crates_instance().id(), elsewhere::id_of_this_crates_instance()],
    ];
    for [assembled, id] in pairs {
        assert_eq!(assembled, id);
        assert!(id.symbol().starts_with("_ZN") || id.symbol().starts_with("_R"), "{id}");
        assert_eq!(id.to_string(), id.symbol());
    }
    let different: BTreeSet<_> = pairs.iter().map(|pair| pair[1]).collect();
    assert_eq!(different.len(), pairs.len(), "{different:#?}");
}

geobacter_instance::with_const_ids! {
    const PLAIN: InstanceId = instance_of!(plain);
    static GENERIC: [InstanceId; 2] = [instance_of!(generic::<f32, 1>), instance_of!(elsewhere::generic::<i64>)];

    /// Each kernel with a function as its parameter has a constant of its own.
    trait Named {
        const ID: InstanceId;
    }

    impl<F: Fn(u32) -> u32> Named for F {
        const ID: InstanceId = instance_of!(map::<F, 3>);
    }

    fn named<F: Named>(_: F) -> InstanceId {
        F::ID
    }

    unsafe extern "C-unwind" fn one(_kernarg: *const u8) {}
    unsafe extern "C-unwind" fn other(_kernarg: *const u8) {}

    #[test]
    fn functions_of_the_same_code_have_ids_of_their_own() {
        assert_ne!(instance_of!(one), instance_of!(other));
    }

    #[test]
    fn ids_are_constants() {
        assert_eq!(PLAIN, plain_record().id());
        assert_eq!(GENERIC, [record::<f32, 1>().id(), elsewhere::generic_record::<i64>().id()]);
        let double = |x: u32| 2 * x;
        assert_eq!([named(double); 2], both_of::<3, _>(double));
        assert_ne!(named(double), named(|x| 2 * x));
        // The closure itself is a function, too: one in this one.
        let closure = geobacter_instance::id_of(&double);
        assert!(closure.symbol().contains("ids_are_constants") && closure != named(double), "{closure}");
    }
}
