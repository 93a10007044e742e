//! Integer types, and operations on bits.

use crate::machine::value::Value;

/// An integer type of 16, 32 or 64 bits.
pub trait Integer: Value + Ord {
    const BITS: u32;
    const IS_SIGNED: bool;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// The upper half of the product.
    fn mul_high(self, other: Self) -> Self;
    /// The quotient; all ones for a division by 0.
    fn div(self, other: Self) -> Self;
    /// What the division leaves; the dividend for a division by 0.
    fn rem(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    /// Shifts to the right, by at most all bits.
    fn shr(self, by: u32) -> Self;
    fn shl(self, by: u32) -> Self;
    /// The bits, with zeros above.
    fn bits(self) -> u64;
    fn of_bits(bits: u64) -> Self;
}

macro_rules! integers {
    ($( $ty:ident $unsigned:ident $wide:ident $signed:literal; )*) => { $(
        impl Integer for $ty {
            const BITS: u32 = $ty::BITS;
            const IS_SIGNED: bool = $signed;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            #[inline(always)]
            fn mul_high(self, other: Self) -> Self {
                ($wide::from(self).wrapping_mul($wide::from(other)) >> $ty::BITS) as Self
            }

            #[inline(always)]
            fn div(self, other: Self) -> Self {
                if other == 0 { !0 } else { self.wrapping_div(other) }
            }

            #[inline(always)]
            fn rem(self, other: Self) -> Self {
                if other == 0 { self } else { self.wrapping_rem(other) }
            }

            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }

            #[inline(always)]
            #[allow(unused_comparisons, reason = "for unsigned types, too")]
            fn abs(self) -> Self {
                if self < 0 { self.wrapping_neg() } else { self }
            }

            #[inline(always)]
            #[allow(unused_comparisons, reason = "for unsigned types, too")]
            fn shr(self, by: u32) -> Self {
                self.checked_shr(by).unwrap_or(if self < 0 { !0 } else { 0 })
            }

            #[inline(always)]
            fn shl(self, by: u32) -> Self {
                self.checked_shl(by).unwrap_or(0)
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self as $unsigned)
            }

            #[inline(always)]
            fn of_bits(bits: u64) -> Self {
                bits as Self
            }
        }
    )* };
}

integers! {
    u16 u16 u32 false;
    i16 u16 i32 true;
    u32 u32 u64 false;
    i32 u32 i64 true;
    u64 u64 u128 false;
    i64 u64 i128 true;
}

/// `bfe`: the bits from `position` on, `length` of them, the last one as their sign if the type has one.
pub fn extract<T: Integer>(value: T, position: u32, length: u32) -> T {
    let (position, length, last) = (position & 0xff, length & 0xff, T::BITS - 1);
    if length == 0 {
        return T::of_bits(0);
    }
    let bits = value.bits();
    let sign = T::IS_SIGNED && bits >> (position + length - 1).min(last) & 1 != 0;
    let field = bits.checked_shr(position).unwrap_or(0);
    let here = length.min((last + 1).saturating_sub(position));
    let below = |count: u32| 1_u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1);
    T::of_bits(field & below(here) | if sign { !below(here) } else { 0 })
}

/// `bfi`: `into` with low bits of `value` from `position` on, `length` of them.
pub fn insert<T: Integer>(value: T, into: T, position: u32, length: u32) -> T {
    let (position, length) = (position & 0xff, length & 0xff);
    let mask = 1_u64.checked_shl(length).map_or(u64::MAX, |bit| bit - 1);
    let mask = mask.checked_shl(position).unwrap_or(0);
    let field = value.bits().checked_shl(position).unwrap_or(0);
    T::of_bits(into.bits() & !mask | field & mask)
}

/// `bfind`: the highest bit that is not the sign; all ones if there is none.
pub fn find_highest<T: Integer>(value: T, shift_amount: bool) -> u32 {
    let all = T::BITS;
    let bits = value.bits();
    let bits = if T::IS_SIGNED && bits >> (all - 1) & 1 != 0 { !bits & (u64::MAX >> (64 - all)) } else { bits };
    match bits.checked_ilog2() {
        None => u32::MAX,
        Some(at) if shift_amount => all - 1 - at,
        Some(at) => at,
    }
}

/// `fns`: the n-th bit that is set, from `base` on upwards, or downwards for negative `n`.
pub fn find_nth(mask: u32, base: u32, n: i32) -> u32 {
    if base > 31 {
        return u32::MAX;
    }
    if n == 0 {
        return if mask >> base & 1 != 0 { base } else { u32::MAX };
    }
    let is_set = |at: &u32| mask >> at & 1 != 0;
    let skip = n.unsigned_abs() as usize - 1;
    let found = if n > 0 { (base..32).filter(is_set).nth(skip) } else { (0..=base).rev().filter(is_set).nth(skip) };
    found.unwrap_or(u32::MAX)
}

/// How `prmt` makes bytes of its selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permutation {
    Index,
    Forward4,
    Backward4,
    Replicate8,
    ClampLeft,
    ClampRight,
    Replicate16,
}

/// `prmt`
pub fn permute(a: u32, b: u32, selector: u32, permutation: Permutation) -> u32 {
    let bytes = u64::from(b) << 32 | u64::from(a);
    let n = selector & 3;
    let select = |at: u32| -> (u32, bool) {
        match permutation {
            Permutation::Index => (selector >> (4 * at) & 7, selector >> (4 * at + 3) & 1 != 0),
            Permutation::Forward4 => (n + at, false),
            Permutation::Backward4 => (n.wrapping_sub(at) & 7, false),
            Permutation::Replicate8 => (n, false),
            Permutation::ClampLeft => (n.max(at), false),
            Permutation::ClampRight => (n.min(at), false),
            Permutation::Replicate16 => ((n & 1) * 2 + (at & 1), false),
        }
    };
    (0..4).fold(0, |word, at| {
        let (index, is_sign) = select(at);
        let byte = (bytes >> (8 * index) & 0xff) as u32;
        let byte = if !is_sign {
            byte
        } else if byte & 0x80 != 0 {
            0xff
        } else {
            0
        };
        word | byte << (8 * at)
    })
}

/// `lop3`: for each bit, that of the table at the number which the three bits make.
#[inline(always)]
pub fn look_up(a: u32, b: u32, c: u32, table: u32) -> u32 {
    (0..8).fold(0, |word, index| {
        if table >> index & 1 == 0 {
            return word;
        }
        let of = |value: u32, bit: u32| if index >> bit & 1 != 0 { value } else { !value };
        word | of(a, 2) & of(b, 1) & of(c, 0)
    })
}

/// `bmsk`
pub fn bit_mask(position: u32, width: u32, clamp: bool) -> u32 {
    let overflows = |value: u32| clamp && value >= 32;
    let (low, count) = (position & 31, width & 31);
    let from = |at: u32| u32::MAX.checked_shl(at).unwrap_or(0);
    let above = if low + count >= 32 || overflows(position) || overflows(width) {
        0
    } else if count == 0 {
        u32::MAX
    } else {
        from(low + count)
    };
    let begin = if overflows(position) { 0 } else { from(low) };
    begin & !above
}

/// `szext`: the low bits, `width` of them, with the last one as their sign if there is one.
pub fn extend(value: u32, width: u32, clamp: bool, is_signed: bool) -> u32 {
    let too_large = clamp && width >= 32;
    let count = width & 31;
    let mask = if too_large { 0 } else { u32::MAX << count };
    let sign = is_signed && count > 0 && !too_large && value >> (count - 1) & 1 != 0;
    value & !mask | if sign { mask } else { 0 }
}
