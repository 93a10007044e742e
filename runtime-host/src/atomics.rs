//! The atomic operations of `geobacter_lang`, for the host. All scopes are one here: another thread may run any other group.

use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

macro_rules! atomics {
    ($($scope:literal)*) => { $( atomics!(types $scope); )* };
    (types $scope:literal) => {
        atomics!(integers $scope u32 AtomicU32, i32 AtomicI32, u64 AtomicU64, i64 AtomicI64);
        atomics!(floats $scope f32 AtomicU32, f64 AtomicU64);
    };
    (integers $scope:literal $($ty:ident $atomic:ident),*) => { $(
        atomics!(define $scope $ty $atomic "load", load(p) => p.load(Relaxed));
        atomics!(define $scope $ty $atomic "store", store(p, v: $ty) => { p.store(v, Relaxed); v });
        atomics!(define $scope $ty $atomic "exchange", exchange(p, v: $ty) => p.swap(v, Relaxed));
        atomics!(define $scope $ty $atomic "exchangeif", exchange_if(p, old: $ty, new: $ty) =>
            match p.compare_exchange(old, new, Relaxed, Relaxed) { Ok(was) | Err(was) => was });
        atomics!(define $scope $ty $atomic "add", add(p, v: $ty) => p.fetch_add(v, Relaxed));
        atomics!(define $scope $ty $atomic "min", min(p, v: $ty) => p.fetch_min(v, Relaxed));
        atomics!(define $scope $ty $atomic "max", max(p, v: $ty) => p.fetch_max(v, Relaxed));
        atomics!(define $scope $ty $atomic "and", and(p, v: $ty) => p.fetch_and(v, Relaxed));
        atomics!(define $scope $ty $atomic "or", or(p, v: $ty) => p.fetch_or(v, Relaxed));
        atomics!(define $scope $ty $atomic "xor", xor(p, v: $ty) => p.fetch_xor(v, Relaxed));
    )* };
    (floats $scope:literal $($ty:ident $atomic:ident),*) => { $(
        atomics!(define $scope $ty $atomic "load", load(p) => $ty::from_bits(p.load(Relaxed)));
        atomics!(define $scope $ty $atomic "store", store(p, v: $ty) => { p.store(v.to_bits(), Relaxed); v });
        atomics!(define $scope $ty $atomic "exchange", exchange(p, v: $ty) => $ty::from_bits(p.swap(v.to_bits(), Relaxed)));
        atomics!(define $scope $ty $atomic "exchangeif", exchange_if(p, old: $ty, new: $ty) => $ty::from_bits(
            match p.compare_exchange(old.to_bits(), new.to_bits(), Relaxed, Relaxed) { Ok(was) | Err(was) => was }));
        atomics!(update $scope $ty $atomic "add", add |was, v| was + v);
        atomics!(update $scope $ty $atomic "min", min |was, v| was.min(v));
        atomics!(update $scope $ty $atomic "max", max |was, v| was.max(v));
    )* };
    (update $scope:literal $ty:ident $atomic:ident $operation:literal, $name:ident |$was:ident, $v:ident| $value:expr) => {
        atomics!(define $scope $ty $atomic $operation, $name(p, $v: $ty) => {
            let update = p.fetch_update(Relaxed, Relaxed, |bits| {
                let $was = $ty::from_bits(bits);
                Some(($value).to_bits())
            });
            match update { Ok(was) | Err(was) => $ty::from_bits(was) }
        });
    };
    (define $scope:literal $ty:ident $atomic:ident $operation:literal,
     $name:ident($p:ident $(, $arg:ident: $arg_ty:ident)*) => $body:expr) => {
        const _: () = {
            // SAFETY: the name belongs to Geobacter, and the signature is that of `geobacter_lang::intrinsics`.
            #[unsafe(export_name = concat!("__gb_atomic_", $operation, "_", stringify!($ty), "_", $scope))]
            unsafe extern "C" fn $name(pointer: *mut $ty $(, $arg: $arg_ty)*) -> $ty {
                // SAFETY: the caller gives the address of an aligned value that lives, and that nobody touches but by atomic
                // operations while others may.
                let $p = unsafe { $atomic::from_ptr(pointer.cast()) };
                $body
            }
        };
    };
}
atomics!("workgroup" "device" "system");
