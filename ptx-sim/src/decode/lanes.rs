//! Functions of lanes made into steps of warps.

use crate::machine::{
    code::Op,
    value::{LANES, Source, Value},
};

/// A function of one value in each lane.
pub fn unary<A: Value, D: Value>(d: u32, a: Source, f: impl Fn(A) -> D + Send + Sync + 'static) -> Op {
    Op::Compute(Box::new(move |warp| {
        let a = warp.get::<A::Cell>(a);
        let values: [D::Cell; LANES] = std::array::from_fn(|lane| f(A::of(a[lane])).cell());
        warp.set(d, &values);
    }))
}

/// A function of two values in each lane.
pub fn binary<A: Value, B: Value, D: Value>(
    d: u32,
    (a, b): (Source, Source),
    f: impl Fn(A, B) -> D + Send + Sync + 'static,
) -> Op {
    Op::Compute(Box::new(move |warp| {
        let (a, b) = (warp.get::<A::Cell>(a), warp.get::<B::Cell>(b));
        let values: [D::Cell; LANES] = std::array::from_fn(|lane| f(A::of(a[lane]), B::of(b[lane])).cell());
        warp.set(d, &values);
    }))
}

/// A function of three values in each lane.
pub fn ternary<A: Value, B: Value, C: Value, D: Value>(
    d: u32,
    (a, b, c): (Source, Source, Source),
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Op {
    Op::Compute(Box::new(move |warp| {
        let (a, b, c) = (warp.get::<A::Cell>(a), warp.get::<B::Cell>(b), warp.get::<C::Cell>(c));
        let values: [D::Cell; LANES] =
            std::array::from_fn(|lane| f(A::of(a[lane]), B::of(b[lane]), C::of(c[lane])).cell());
        warp.set(d, &values);
    }))
}

/// A function of four values in each lane.
pub fn quaternary<A: Value, B: Value, C: Value, E: Value, D: Value>(
    d: u32,
    (a, b, c, e): (Source, Source, Source, Source),
    f: impl Fn(A, B, C, E) -> D + Send + Sync + 'static,
) -> Op {
    Op::Compute(Box::new(move |warp| {
        let (a, b) = (warp.get::<A::Cell>(a), warp.get::<B::Cell>(b));
        let (c, e) = (warp.get::<C::Cell>(c), warp.get::<E::Cell>(e));
        let values: [D::Cell; LANES] =
            std::array::from_fn(|lane| f(A::of(a[lane]), B::of(b[lane]), C::of(c[lane]), E::of(e[lane])).cell());
        warp.set(d, &values);
    }))
}
