//! Ordinary Rust functions, compiled twice: natively into the test, and for gfx942. Both must give the same numbers.
//!
//! Each takes and gives 64 bits. NaN results are made one NaN: Rust does not say which one an operation gives.

#![allow(clippy::all, dead_code, missing_docs, reason = "test input: each function is here for the code it becomes")]

fn f(x: f64) -> u64 {
    if x.is_nan() { 0x7ff8 << 48 } else { x.to_bits() }
}
fn g(x: f32) -> u64 {
    u64::from(if x.is_nan() { 0x7fc0 << 16 } else { x.to_bits() })
}
fn d(x: u64) -> f64 {
    f64::from_bits(x)
}
fn s(x: u64) -> f32 {
    f32::from_bits(x as u32)
}
/// A number of ordinary size, for what would only overflow otherwise.
fn tame(x: u64) -> f64 {
    (x % 20011) as f64 / 64.0 - 150.0
}
fn next(x: &mut u64) -> u64 {
    *x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    *x >> 11
}

macro_rules! corpus {
    ($( fn $name:ident($a:ident, $b:ident) $body:block )*) => {
        $( #[unsafe(no_mangle)] #[inline(never)] pub extern "C" fn $name($a: u64, $b: u64) -> u64 $body )*
        /// All of them.
        pub const CORPUS: &[(&str, extern "C" fn(u64, u64) -> u64)] = &[$( (stringify!($name), $name) ),*];
    };
}

corpus! {
    fn c_mul64(a, b) { a.wrapping_mul(b) }
    fn c_addsub64(a, b) { a.wrapping_add(b) ^ a.wrapping_sub(b).rotate_left(7) }
    fn c_udiv64(a, b) { a / (b | 1) }
    fn c_urem64(a, b) { if b == 0 { a } else { a % b } }
    fn c_sdiv64(a, b) { (a as i64).wrapping_div(if b == 0 { 3 } else { b as i64 }) as u64 }
    fn c_srem64(a, b) { (a as i64).wrapping_rem(if b == 0 { 3 } else { b as i64 }) as u64 }
    fn c_udiv32(a, b) { u64::from(a as u32 / (b as u32 | 1)) << 32 | u64::from(a as u32 % (b as u32 | 1)) }
    fn c_sdiv32(a, b) {
        let (a, b) = (a as i32, if b as i32 == 0 { 7 } else { b as i32 });
        (a.wrapping_div(b) as u32 as u64) << 32 | u64::from(a.wrapping_rem(b) as u32)
    }
    fn c_div8_16(a, b) {
        let (x, y) = (a as u16 / (b as u16 | 1), a as u8 / (b as u8 | 1));
        let z = (a as i16).wrapping_div(if b as i16 == 0 { 5 } else { b as i16 });
        u64::from(x) << 32 | u64::from(y) << 16 | u64::from(z as u16)
    }
    fn c_mulhi64(a, b) { ((u128::from(a) * u128::from(b)) >> 64) as u64 }
    fn c_smulhi64(a, b) { ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64 }
    fn c_udiv128(a, b) {
        let x = u128::from(a) << 64 | u128::from(b);
        let y = u128::from(b.rotate_left(17)) << 20 | u128::from(a >> 40) | 1;
        ((x / y) ^ (x % y)) as u64
    }
    fn c_sdiv128(a, b) {
        let x = (i128::from(a as i64) << 60) ^ i128::from(b as i64);
        let y = i128::from(b as i64) | 1;
        let q = x.wrapping_div(y);
        (q ^ (q >> 64)) as u64 ^ x.wrapping_rem(y) as u64
    }
    fn c_shift128(a, b) {
        let x = u128::from(a) << 64 | u128::from(b);
        let n = (b % 128) as u32;
        let y = (x << n) ^ (x >> n) ^ ((x as i128) >> n) as u128;
        (y ^ y >> 64) as u64
    }
    fn c_add128(a, b) {
        let x = (u128::from(a) << 64 | u128::from(b)).wrapping_add(u128::from(b) << 63);
        let (y, o) = x.overflowing_sub(u128::from(a) << 33);
        (y ^ y >> 64) as u64 ^ u64::from(o)
    }
    fn c_bits(a, b) {
        u64::from(a.leading_zeros()) | u64::from(b.trailing_zeros()) << 8 | u64::from((a ^ b).count_ones()) << 16
            | u64::from((a as u32).leading_zeros()) << 24 | u64::from((b as u32).trailing_zeros()) << 32
            | u64::from((a as u16).leading_zeros()) << 40 | u64::from((a as u8).count_ones()) << 48
    }
    fn c_reverse(a, b) { a.reverse_bits() ^ b.swap_bytes() ^ u64::from((a as u32).swap_bytes()) ^ u64::from((b as u16).reverse_bits()) }
    fn c_rotate(a, b) {
        a.rotate_left(b as u32) ^ u64::from((a as u32).rotate_right(b as u32)) ^ u64::from((a as u8).rotate_left(b as u32))
    }
    fn c_saturate(a, b) {
        let x = (a as u8).saturating_add(b as u8);
        let y = (a as i8).saturating_sub(b as i8);
        let z = (a as u16).saturating_sub(b as u16);
        let w = (a as i16).saturating_add(b as i16);
        let v = (a as i32).saturating_add(b as i32);
        u64::from(x) | u64::from(y as u8) << 8 | u64::from(z) << 16 | (u64::from(w as u16)) << 32 ^ (u64::from(v as u32) << 20)
    }
    fn c_saturate64(a, b) {
        a.saturating_add(b) ^ (a as i64).saturating_sub(b as i64) as u64 ^ u64::from((a as u32).saturating_sub(b as u32))
    }
    fn c_checked(a, b) {
        let x = (a as i64).checked_mul(b as i64 >> 33).map_or(1, |x| x as u64);
        let y = a.checked_add(b).unwrap_or(2);
        x ^ y ^ (a as u32).checked_mul(b as u32).map_or(3, u64::from)
    }
    fn c_minmax(a, b) {
        a.min(b) ^ (a as i64).max(b as i64) as u64 ^ u64::from((a as u8).max(b as u8)) ^ ((a as i16).min(b as i16)) as u64
            ^ u64::from((a as u32).min(b as u32)) << 7 ^ (a as i32).clamp(-100, 1000) as u64
    }
    fn c_absdiff(a, b) {
        a.abs_diff(b) ^ (a as i64).wrapping_abs() as u64 ^ (a as i64).rem_euclid((b as i64 & 0xffff) | 1) as u64 ^ (b as i64).signum() as u64
    }
    fn c_pow(a, b) { a.wrapping_pow((b % 37) as u32) ^ u64::from((b as u32).isqrt()) }
    fn c_gcd(a, b) {
        let (mut a, mut b) = (a, b);
        while b != 0 { (a, b) = (b, a % b); }
        a
    }
    fn c_collatz(a, b) {
        let (mut n, mut steps) = ((a ^ b) % 10007 + 1, 0);
        while n != 1 { n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 }; steps += 1; }
        steps
    }
    fn c_f64_ops(a, b) { f(d(a) + d(b)) ^ f(d(a) - d(b)).rotate_left(1) ^ f(d(a) * d(b)).rotate_left(2) }
    fn c_f64_div(a, b) { f(d(a) / d(b)) }
    fn c_f64_div_tame(a, b) { f(tame(a) / tame(b)) }
    fn c_f64_sqrt(a, b) { f(d(a).sqrt()) ^ f(tame(b).abs().sqrt()) }
    fn c_f64_fma(a, b) { f(d(a).mul_add(d(b), d(a ^ b))) ^ f(tame(a).mul_add(tame(b), tame(a ^ b))) }
    fn c_f64_rem(a, b) { let (x, y) = (tame(a), tame(b)); f(x - (x / y).trunc() * y) }
    fn c_f64_round(a, b) {
        let x = if b & 1 == 0 { tame(a) } else { d(a) };
        f(x.floor()) ^ f(x.ceil()).rotate_left(1) ^ f(x.trunc()).rotate_left(2) ^ f(x.round_ties_even()).rotate_left(3)
    }
    fn c_f64_roundaway(a, b) { f(tame(a).round()) ^ f(d(b).round()).rotate_left(1) }
    fn c_f64_cmp(a, b) {
        let (x, y) = (d(a), d(b));
        u64::from(x < y) | u64::from(x <= y) << 1 | u64::from(x == y) << 2 | u64::from(x != y) << 3
            | u64::from(x.is_nan()) << 4 | u64::from(x.is_infinite()) << 5 | u64::from(y.is_subnormal()) << 6
            | u64::from(y.is_finite()) << 7 | u64::from(y.is_normal()) << 8 | u64::from(!(x < y)) << 9 | u64::from(x.is_sign_negative()) << 10
    }
    fn c_f64_minmax(a, b) {
        let (x, y) = (tame(a), if b & 7 == 0 { f64::NAN } else { tame(b) });
        f(x.min(y)) ^ f(x.max(y)).rotate_left(1) ^ f(x.abs().copysign(y)).rotate_left(2) ^ f((-x).clamp(-3.0, 9.0))
    }
    fn c_f64_int(a, b) {
        (d(a) as i64 as u64) ^ (d(b) as u64).rotate_left(3) ^ u64::from(tame(a) as i32 as u32) ^ (tame(b) as u8 as u64) << 9
    }
    fn c_f64_bigint(a, b) { ((tame(a) * 1e15) as i64 as u64) ^ ((tame(b) * 1e16) as u64).rotate_left(3) }
    fn c_int_f64(a, b) { f(a as f64) ^ f(b as i64 as f64).rotate_left(1) ^ f(a as u32 as f64) ^ f(b as i32 as f64) ^ f(a as u8 as f64) }
    fn c_f32_ops(a, b) { g(s(a) + s(b)) ^ g(s(a) - s(b)).rotate_left(11) ^ g(s(a) * s(b)).rotate_left(22) }
    fn c_f32_div(a, b) { g(s(a) / s(b)) }
    fn c_f32_div_tame(a, b) { g(tame(a) as f32 / tame(b) as f32) }
    fn c_f32_sqrt(a, b) { g(s(a).sqrt()) ^ g((tame(b) as f32).abs().sqrt()) << 32 }
    fn c_f32_fma(a, b) { g(s(a).mul_add(s(b), s(a >> 32))) ^ g((tame(a) as f32).mul_add(tame(b) as f32, 1.5)) << 32 }
    fn c_f32_round(a, b) {
        let x = if b & 1 == 0 { tame(a) as f32 } else { s(a) };
        g(x.floor()) ^ g(x.ceil()).rotate_left(9) ^ g(x.trunc()).rotate_left(19) ^ g(x.round_ties_even()).rotate_left(29) ^ g(x.round())
    }
    fn c_f32_cmp(a, b) {
        let (x, y) = (s(a), s(b));
        u64::from(x < y) | u64::from(x >= y) << 1 | u64::from(x == y) << 2 | u64::from(x.is_nan()) << 3
            | u64::from(y.is_subnormal()) << 4 | u64::from(x.is_normal()) << 5 | g(x.min(y).abs()) << 8
    }
    fn c_f32_conv(a, b) {
        u64::from(s(a) as i32 as u32) ^ (s(b) as u64).rotate_left(5) ^ g(a as f32) ^ g(b as i64 as f32) << 16 ^ g(a as u32 as f32)
            ^ f(f64::from(s(b))) ^ g(d(a) as f32) ^ (s(a) as i64 as u64) ^ u64::from(s(b) as u8) ^ u64::from(s(b) as i16 as u16)
    }
    fn c_f64_horner(a, b) {
        let (x, mut y) = (tame(a) / 100.0, 0.0);
        for c in [1.0, -0.5, tame(b), 0.25, 1.0 / 3.0, -7.0, 1e-3] { y = y * x + c; }
        f(y)
    }
    fn c_f64_exp_series(a, b) {
        let (x, mut term, mut sum) = (tame(a) / 75.0 + (b % 3) as f64, 1.0, 1.0);
        for n in 1..40 { term *= x / f64::from(n); sum += term; }
        f(sum)
    }
    fn c_f64_elimination(a, b) {
        let mut seed = a ^ b.rotate_left(9);
        let mut m = [[0.0_f64; 5]; 4];
        for row in &mut m { for x in row.iter_mut() { *x = tame(next(&mut seed)); } }
        for i in 0..4 {
            let mut pivot = i;
            for r in i + 1..4 { if m[r][i].abs() > m[pivot][i].abs() { pivot = r; } }
            m.swap(i, pivot);
            for r in i + 1..4 {
                let k = m[r][i] / m[i][i];
                for c in i..5 { m[r][c] -= k * m[i][c]; }
            }
        }
        let mut x = [0.0; 4];
        for i in (0..4).rev() {
            let mut t = m[i][4];
            for c in i + 1..4 { t -= m[i][c] * x[c]; }
            x[i] = t / m[i][i];
        }
        f(x[0] + x[1]) ^ f(x[2] - x[3]).rotate_left(5)
    }
    fn c_mandelbrot32(a, b) {
        let (cx, cy) = ((a % 1000) as f32 / 400.0 - 2.0, (b % 1000) as f32 / 500.0 - 1.0);
        let (mut x, mut y, mut n) = (0.0_f32, 0.0_f32, 0);
        while x * x + y * y <= 4.0 && n < 300 { (x, y) = (x * x - y * y + cx, 2.0 * x * y + cy); n += 1; }
        n ^ g(x) << 20
    }
    fn c_mandelbrot64(a, b) {
        let (cx, cy) = ((a % 1000) as f64 / 400.0 - 2.0, (b % 1000) as f64 / 500.0 - 1.0);
        let (mut x, mut y, mut n) = (0.0_f64, 0.0_f64, 0);
        while x * x + y * y <= 4.0 && n < 300 { (x, y) = (x * x - y * y + cx, 2.0 * x * y + cy); n += 1; }
        n ^ f(y) << 10
    }
    fn c_fibonacci(a, b) {
        #[inline(never)]
        fn fib(n: u32) -> u64 { if n < 2 { u64::from(n) } else { fib(n - 1) + fib(n - 2) } }
        fib(((a ^ b) % 13) as u32)
    }
    fn c_ackermann(a, b) {
        #[inline(never)]
        fn ackermann(m: u32, n: u32) -> u32 {
            if m == 0 { n + 1 } else if n == 0 { ackermann(m - 1, 1) } else { let k = ackermann(m, n - 1); ackermann(m - 1, k) }
        }
        u64::from(ackermann((a % 3) as u32, (b % 5) as u32))
    }
    fn c_insertion_sort(a, b) {
        let mut seed = a ^ b;
        let mut v = [0_u32; 24];
        for x in &mut v { *x = next(&mut seed) as u32; }
        for i in 1..v.len() { let mut j = i; while j > 0 && v[j - 1] > v[j] { v.swap(j - 1, j); j -= 1; } }
        v.iter().fold(0_u64, |h, x| h.wrapping_mul(31).wrapping_add(u64::from(*x)))
    }
    fn c_heap_sort(a, b) {
        let mut seed = a.wrapping_add(b);
        let mut v = [0_i64; 32];
        for x in &mut v { *x = next(&mut seed) as i64 - (1 << 52); }
        fn sift(v: &mut [i64], mut i: usize, n: usize) {
            loop {
                let mut c = 2 * i + 1;
                if c >= n { break; }
                if c + 1 < n && v[c + 1] > v[c] { c += 1; }
                if v[i] >= v[c] { break; }
                v.swap(i, c);
                i = c;
            }
        }
        for i in (0..16).rev() { sift(&mut v, i, 32); }
        for n in (1..32).rev() { v.swap(0, n); sift(&mut v, 0, n); }
        v.iter().fold(0_u64, |h, x| h.wrapping_mul(31).wrapping_add(*x as u64))
    }
    fn c_sort_unstable(a, b) {
        let mut seed = a ^ !b;
        let mut v = [0_u16; 20];
        for x in &mut v { *x = next(&mut seed) as u16; }
        v.sort_unstable_by(|x, y| y.cmp(x));
        v.iter().fold(0_u64, |h, x| h.wrapping_mul(31).wrapping_add(u64::from(*x)))
    }
    fn c_sieve(a, b) {
        let mut composite = [false; 200];
        let mut n = 2;
        while n * n < 200 { if !composite[n] { let mut k = n * n; while k < 200 { composite[k] = true; k += n; } } n += 1; }
        composite[(a % 200) as usize..].iter().take((b % 60) as usize).filter(|c| !**c).count() as u64
    }
    fn c_match(a, b) {
        match a % 17 {
            0 => b.wrapping_mul(3), 1 => b ^ 0xff, 2 => b << 3, 3 => b >> 5, 4 => b.wrapping_sub(a), 5 => !b,
            6 => b.count_ones().into(), 7 => b.wrapping_add(99), 8 => b / 7, 9 => b % 11, 10 => a & b, 11 => a | b,
            12 => a.rotate_left(3), 13 => b.leading_zeros().into(), 14 => 42, 15 => b.swap_bytes(), _ => a ^ b,
        }
    }
    fn c_enum(a, b) {
        #[derive(Clone, Copy)]
        enum Shape { Circle(f32), Rect { w: u16, h: u16 }, Line(i64), Nothing }
        let make = |x: u64| match x % 4 { 0 => Shape::Circle((x % 77) as f32), 1 => Shape::Rect { w: x as u16, h: (x >> 16) as u16 }, 2 => Shape::Line(x as i64), _ => Shape::Nothing };
        let size = |shape: Shape| match shape { Shape::Circle(r) => g(r * r * 3.0), Shape::Rect { w, h } => u64::from(w) * u64::from(h), Shape::Line(n) => n.unsigned_abs(), Shape::Nothing => 1 };
        let shapes = [make(a), make(b), make(a ^ b), make(a >> 7)];
        shapes.iter().map(|x| size(*x)).fold(0, |t, x| t.rotate_left(9) ^ x)
    }
    fn c_option(a, b) {
        fn half(x: u64) -> Option<u64> { if x % 2 == 0 { Some(x / 2) } else { None } }
        fn chain(a: u64, b: u64) -> Result<u64, u8> {
            let x = half(a).ok_or(1)?;
            let y = half(b).ok_or(2)?;
            half(x ^ y).and_then(half).ok_or(3)
        }
        match chain(a, b) { Ok(x) => x, Err(e) => u64::MAX - u64::from(e) }
    }
    fn c_iterators(a, b) {
        (0..40_u64).filter(|i| (a >> i) & 1 == 1).map(|i| i.wrapping_mul(b)).zip((1..).step_by(3)).map(|(x, y): (u64, u64)| x ^ y)
            .fold(0, |t: u64, x| t.wrapping_mul(33).wrapping_add(x))
    }
    fn c_bytes(a, b) {
        let mut bytes = [0_u8; 24];
        bytes[..8].copy_from_slice(&a.to_le_bytes());
        bytes[8..16].copy_from_slice(&b.to_be_bytes());
        bytes.copy_within(3..11, 15);
        bytes.rotate_left((a % 24) as usize);
        bytes[4..20].reverse();
        bytes.chunks_exact(8).fold(0, |t: u64, c| t.rotate_left(13) ^ u64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
    }
    fn c_halves(a, b) {
        let mut words = [0_u16; 16];
        for (i, w) in words.iter_mut().enumerate() { *w = (a >> (i % 48)) as u16 ^ (b >> (i * 3 % 48)) as u16; }
        let mut signed = [0_i16; 16];
        for i in 0..16 { signed[i] = words[(a as usize >> i) % 16] as i16 >> (b >> i & 7); }
        signed.iter().fold(0_u64, |t, x| t.wrapping_mul(7).wrapping_add(*x as u64))
    }
    fn c_fnv(a, b) {
        let mut h = 0xcbf2_9ce4_8422_2325_u64;
        for byte in a.to_le_bytes().into_iter().chain(b.to_le_bytes()).chain(*b"geobacter") { h = (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3); }
        h
    }
    fn c_crc32(a, b) {
        static TABLE: [u32; 16] = [
            0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
            0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
        ];
        let mut crc = !0_u32;
        for byte in a.to_le_bytes().into_iter().chain(b.to_le_bytes()) {
            crc ^= u32::from(byte);
            crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
            crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        }
        u64::from(!crc)
    }
    fn c_sha256_rounds(a, b) {
        const K: [u32; 8] = [0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5];
        let mut w = [0_u32; 64];
        let mut seed = a ^ b;
        for x in &mut w[..16] { *x = next(&mut seed) as u32; }
        for i in 16..64 {
            let s0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ w[i - 15] >> 3;
            let s1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
        }
        let mut h = [a as u32, b as u32, 3, 4, 5, 6, 7, 8];
        for i in 0..64 {
            let s1 = h[4].rotate_right(6) ^ h[4].rotate_right(11) ^ h[4].rotate_right(25);
            let ch = h[4] & h[5] ^ !h[4] & h[6];
            let t1 = h[7].wrapping_add(s1).wrapping_add(ch).wrapping_add(K[i % 8]).wrapping_add(w[i]);
            let s0 = h[0].rotate_right(2) ^ h[0].rotate_right(13) ^ h[0].rotate_right(22);
            let t2 = s0.wrapping_add(h[0] & h[1] ^ h[0] & h[2] ^ h[1] & h[2]);
            h = [t1.wrapping_add(t2), h[0], h[1], h[2], h[3].wrapping_add(t1), h[4], h[5], h[6]];
        }
        u64::from(h[0] ^ h[3]) << 32 | u64::from(h[4] ^ h[7])
    }
    fn c_binary_search(a, b) {
        let mut v = [0_u32; 32];
        for (i, x) in v.iter_mut().enumerate() { *x = i as u32 * 37 + (a as u32 & 31); }
        match v.binary_search(&((b % 1300) as u32)) { Ok(i) => i as u64, Err(i) => !(i as u64) }
    }
    fn c_utf8(a, b) {
        let c = char::from_u32((a % 0x11_0000) as u32).unwrap_or('x');
        let mut room = [0_u8; 4];
        let n = c.encode_utf8(&mut room).len();
        room.iter().fold(n as u64 ^ (b & 1), |t, x| t << 8 | u64::from(*x))
    }
    fn c_divergent_exit(a, b) {
        let mut x = a | 1;
        for i in 0..200 {
            x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b;
            if x % 13 == 5 { return x; }
            if x % 31 == 7 { continue; }
            if x % 97 == 3 { break; }
            x ^= i;
        }
        !x
    }
    fn c_nested_loops(a, b) {
        let mut t = 0_u64;
        for i in 0..a % 9 { for j in i..b % 11 { if (i ^ j) & 3 == 1 { continue; } t = t.wrapping_mul(3).wrapping_add(i * j); } }
        t
    }
    fn c_mutual_recursion(a, b) {
        #[inline(never)]
        fn even(n: u64, t: u64) -> u64 { if n == 0 { t } else { odd(n - 1, t.wrapping_mul(3) ^ n) } }
        #[inline(never)]
        fn odd(n: u64, t: u64) -> u64 { if n == 0 { !t } else { even(n - 1, t.rotate_left(5).wrapping_add(n)) } }
        even(a % 20, b)
    }
}
