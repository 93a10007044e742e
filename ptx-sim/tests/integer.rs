//! Integer instructions against models of them.

mod support;

use support::instruction::{
    Case,
    Kind::{self, Integer, Predicate, Small},
    case, check,
};

const B16: Kind = Integer(16);
const B32: Kind = Integer(32);
const B64: Kind = Integer(64);

/// The value of bits as a type like `s32` has it.
fn value(ty: &str, bits: u64) -> i128 {
    let width: u32 = ty[1..].parse().unwrap();
    let bits = i128::from(bits) & ((1 << width) - 1);
    if ty.starts_with('s') && bits >> (width - 1) != 0 { bits - (1 << width) } else { bits }
}

/// The low bits of a value.
fn low(width: u32, value: i128) -> u64 {
    (value & ((1 << width) - 1)) as u64
}

const TYPES: [(&str, u32); 6] = [("u16", 16), ("s16", 16), ("u32", 32), ("s32", 32), ("u64", 64), ("s64", 64)];

/// A case for each type, of two operands.
fn each(all: &mut Vec<Case>, opcode: &str, f: fn(&str, u32, i128, i128) -> i128) {
    for (ty, width) in TYPES {
        let kind = Integer(width);
        all.push(case(format!("{opcode}.{ty} $r, $a, $b;"), kind, &[kind, kind], move |v| {
            low(width, f(ty, width, value(ty, v[0]), value(ty, v[1])))
        }));
    }
}

#[test]
fn arithmetic() {
    let mut all = Vec::new();
    each(&mut all, "add", |_, _, a, b| a + b);
    each(&mut all, "sub", |_, _, a, b| a - b);
    each(&mut all, "mul.lo", |_, _, a, b| a.wrapping_mul(b));
    each(&mut all, "min", |_, _, a, b| a.min(b));
    each(&mut all, "max", |_, _, a, b| a.max(b));
    // What a division by 0 gives is open; here it is all ones, and the dividend.
    each(&mut all, "div", |_, _, a, b| if b == 0 { -1 } else { a / b });
    each(&mut all, "rem", |_, _, a, b| if b == 0 { a } else { a % b });
    for (ty, width) in TYPES {
        let kind = Integer(width);
        // Of 64 bits an unsigned product does not fit into 128 bits with a sign; its parts do.
        all.push(case(format!("mul.hi.{ty} $r, $a, $b;"), kind, &[kind, kind], move |v| {
            let (a, b) = (value(ty, v[0]), value(ty, v[1]));
            let (high, rest) = (a >> 32, a & 0xffff_ffff);
            low(width, if width < 64 { (a * b) >> width } else { (high * b + ((rest * b) >> 32)) >> 32 })
        }));
        all.push(case(format!("mad.lo.{ty} $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
            low(width, value(ty, v[0]).wrapping_mul(value(ty, v[1])).wrapping_add(value(ty, v[2])))
        }));
        all.push(case(format!("sad.{ty} $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
            low(width, value(ty, v[2]) + (value(ty, v[0]) - value(ty, v[1])).abs())
        }));
        if width < 64 {
            let wide = Integer(2 * width);
            all.push(case(format!("mul.wide.{ty} $r, $a, $b;"), wide, &[kind, kind], move |v| {
                low(2 * width, value(ty, v[0]) * value(ty, v[1]))
            }));
            all.push(case(format!("mad.wide.{ty} $r, $a, $b, $c;"), wide, &[kind, kind, wide], move |v| {
                low(2 * width, value(ty, v[0]) * value(ty, v[1]) + i128::from(v[2]))
            }));
            all.push(case(format!("mad.hi.{ty} $r, $a, $b, $c;"), kind, &[kind; 3], move |v| {
                low(width, ((value(ty, v[0]) * value(ty, v[1])) >> width) + value(ty, v[2]))
            }));
        }
        if ty.starts_with('s') {
            all.push(case(format!("abs.{ty} $r, $a;"), kind, &[kind], move |v| low(width, value(ty, v[0]).abs())));
            all.push(case(format!("neg.{ty} $r, $a;"), kind, &[kind], move |v| low(width, -value(ty, v[0]))));
        }
    }
    let clamped = |value: i128| low(32, value.clamp(-(1 << 31), (1 << 31) - 1));
    let s = |bits| value("s32", bits);
    all.push(case("add.sat.s32 $r, $a, $b;", B32, &[B32; 2], move |v| clamped(s(v[0]) + s(v[1]))));
    all.push(case("sub.sat.s32 $r, $a, $b;", B32, &[B32; 2], move |v| clamped(s(v[0]) - s(v[1]))));
    all.push(case("mad.hi.sat.s32 $r, $a, $b, $c;", B32, &[B32; 3], move |v| {
        clamped(((s(v[0]) * s(v[1])) >> 32) + s(v[2]))
    }));
    all.push(case("add.s32 $r, $a, -7;", B32, &[B32], |v| low(32, i128::from(v[0]) - 7)));
    check("sm_70", &all);
}

#[test]
fn packed_and_clamped() {
    let halves = |f: fn(i128, i128) -> i128, ty: &'static str| {
        move |v: &[u64]| {
            let at = |bits: u64, n: u32| value(ty, bits >> (16 * n));
            low(16, f(at(v[0], 0), at(v[1], 0))) | low(16, f(at(v[0], 1), at(v[1], 1))) << 16
        }
    };
    let all = [
        case("add.u16x2 $r, $a, $b;", B32, &[B32; 2], halves(|a, b| a + b, "u16")),
        case("add.s16x2 $r, $a, $b;", B32, &[B32; 2], halves(|a, b| a + b, "s16")),
        case("min.u16x2 $r, $a, $b;", B32, &[B32; 2], halves(i128::min, "u16")),
        case("max.u16x2 $r, $a, $b;", B32, &[B32; 2], halves(i128::max, "u16")),
        case("min.s16x2 $r, $a, $b;", B32, &[B32; 2], halves(i128::min, "s16")),
        case("max.s16x2 $r, $a, $b;", B32, &[B32; 2], halves(i128::max, "s16")),
        case("min.relu.s16x2 $r, $a, $b;", B32, &[B32; 2], halves(|a, b| a.min(b).max(0), "s16")),
        case("max.relu.s16x2 $r, $a, $b;", B32, &[B32; 2], halves(|a, b| a.max(b).max(0), "s16")),
        case("min.relu.s32 $r, $a, $b;", B32, &[B32; 2], |v| {
            low(32, value("s32", v[0]).min(value("s32", v[1])).max(0))
        }),
        case("max.relu.s32 $r, $a, $b;", B32, &[B32; 2], |v| {
            low(32, value("s32", v[0]).max(value("s32", v[1])).max(0))
        }),
    ];
    check("sm_90", &all);
}

#[test]
fn of_24_bits() {
    let cut = |ty: &str, bits: u64| if ty == "s32" { value("s24", bits) } else { value("u24", bits) };
    let mut all = Vec::new();
    for ty in ["u32", "s32"] {
        for (part, shift) in [("lo", 0), ("hi", 16)] {
            all.push(case(format!("mul24.{part}.{ty} $r, $a, $b;"), B32, &[B32; 2], move |v| {
                low(32, (cut(ty, v[0]) * cut(ty, v[1])) >> shift)
            }));
            all.push(case(format!("mad24.{part}.{ty} $r, $a, $b, $c;"), B32, &[B32; 3], move |v| {
                low(32, ((cut(ty, v[0]) * cut(ty, v[1])) >> shift) + i128::from(v[2]))
            }));
        }
    }
    all.push(case("mad24.hi.sat.s32 $r, $a, $b, $c;", B32, &[B32; 3], move |v| {
        let product = (cut("s32", v[0]) * cut("s32", v[1])) >> 16;
        low(32, (product + value("s32", v[2])).clamp(-(1 << 31), (1 << 31) - 1))
    }));
    check("sm_70", &all);
}

/// Numbers of two registers.
#[test]
fn carries() {
    let pair = |v: &[u64], at: usize| i128::from(v[at + 1]) << 32 | i128::from(v[at]);
    let high = |value: i128| low(32, value >> 32);
    let all = [
        case("add.cc.u32 %t4, $a, $c; addc.u32 $r, $b, $e;", B32, &[B32; 4], move |v| high(pair(v, 0) + pair(v, 2))),
        case("sub.cc.u32 %t4, $a, $c; subc.u32 $r, $b, $e;", B32, &[B32; 4], move |v| high(pair(v, 0) - pair(v, 2))),
        // The second one sets the flag in its turn.
        case("add.cc.s32 %t4, $a, $c; addc.cc.s32 %t4, $b, $e; addc.u32 $r, 0, 0;", B32, &[B32; 4], move |v| {
            low(32, (pair(v, 0) + pair(v, 2)) >> 64)
        }),
        case("sub.cc.s32 %t4, $a, $c; subc.cc.s32 %t4, $b, $e; subc.u32 $r, 0, 0;", B32, &[B32; 4], move |v| {
            low(32, (pair(v, 0) - pair(v, 2)) >> 64)
        }),
        case("add.cc.u64 %x3, $a, $b; addc.u64 $r, $c, 0;", B64, &[B64; 3], |v| {
            low(64, i128::from(v[2]) + ((i128::from(v[0]) + i128::from(v[1])) >> 64))
        }),
        case("mad.lo.cc.u32 %t4, $a, $b, $c; madc.hi.u32 $r, $a, $b, $e;", B32, &[B32; 4], move |v| {
            high(i128::from(v[0]) * i128::from(v[1]) + pair(v, 2))
        }),
        case(
            "mad.lo.cc.u32 %t4, $a, $b, $c; madc.hi.cc.u32 %t4, $a, $b, $e; addc.u32 $r, 0, 0;",
            B32,
            &[B32; 4],
            move |v| low(32, (i128::from(v[0]) * i128::from(v[1]) + pair(v, 2)) >> 64),
        ),
        case("mad.hi.cc.s32 %t4, $a, $b, $c; madc.lo.s32 $r, 0, 0, $e;", B32, &[B32; 4], move |v| {
            let product = (value("s32", v[0]) * value("s32", v[1])) >> 32;
            low(32, i128::from(v[3]) + ((i128::from(low(32, product)) + i128::from(v[2])) >> 32))
        }),
    ];
    check("sm_70", &all);
}

#[test]
fn bits() {
    let mut all = Vec::new();
    for (width, kind) in [(32_u32, B32), (64, B64)] {
        let bit = |value: u64, n: u32| value >> n & 1;
        let count = move |v: &[u64]| (0..width).map(|n| bit(v[0], n)).sum();
        all.push(case(format!("popc.b{width} $r, $a;"), B32, &[kind], count));
        all.push(case(format!("clz.b{width} $r, $a;"), B32, &[kind], move |v| {
            (0..width).rev().take_while(|n| bit(v[0], *n) == 0).count() as u64
        }));
        all.push(case(format!("brev.b{width} $r, $a;"), kind, &[kind], move |v| {
            (0..width).fold(0, |word, n| word | bit(v[0], n) << (width - 1 - n))
        }));
        for sign in ["u", "s"] {
            let ty = format!("{sign}{width}");
            let find = move |v: &[u64]| {
                let first = if sign == "s" { bit(v[0], width - 1) } else { 0 };
                (0..width).rev().find(|n| bit(v[0], *n) != first)
            };
            all.push(case(format!("bfind.{ty} $r, $a;"), B32, &[kind], move |v| {
                find(v).map_or(0xffff_ffff, u64::from)
            }));
            all.push(case(format!("bfind.shiftamt.{ty} $r, $a;"), B32, &[kind], move |v| {
                find(v).map_or(0xffff_ffff, |n| u64::from(width - 1 - n))
            }));
            all.push(case(format!("bfe.{ty} $r, $a, $b, $c;"), kind, &[kind, Small(70), Small(70)], move |v| {
                let (position, length, last) = (v[1] as u32, v[2] as u32, width - 1);
                let sign = if sign == "u" || length == 0 { 0 } else { bit(v[0], (position + length - 1).min(last)) };
                (0..width).fold(0, |word, n| {
                    word | (if n < length && position + n <= last { bit(v[0], position + n) } else { sign }) << n
                })
            }));
        }
        let fields = [kind, kind, Small(70), Small(70)];
        all.push(case(format!("bfi.b{width} $r, $a, $b, $c, $e;"), kind, &fields, move |v| {
            let (position, length) = (v[2] as u32, v[3] as u32);
            (0..width).fold(0, |word, n| {
                let is_inside = n >= position && n - position < length;
                word | (if is_inside { bit(v[0], n - position) } else { bit(v[1], n) }) << n
            })
        }));
    }
    // Beyond 255 positions and lengths begin anew.
    all.push(case("add.u32 %t4, $b, 256; bfe.u32 $r, $a, %t4, 3;", B32, &[B32, Small(20)], |v| v[0] >> v[1] & 7));
    all.push(case("fns.b32 $r, $a, $b, $c;", B32, &[B32, Small(31), B32], |v| {
        let (mask, base, offset) = (v[0], v[1] as i64, i64::from(v[2] as u32 as i32));
        if offset == 0 {
            return if mask >> base & 1 != 0 { base as u64 } else { 0xffff_ffff };
        }
        let (mut position, mut count) = (base, offset.abs() - 1);
        while (0..32).contains(&position) {
            if mask >> position & 1 != 0 {
                if count == 0 {
                    return position as u64;
                }
                count -= 1;
            }
            position += offset.signum();
        }
        0xffff_ffff
    }));
    all.push(case("fns.b32 $r, $a, $b, $c;", B32, &[B32, Small(31), Small(20)], |v| {
        let all: Vec<u64> = (v[1]..32).filter(|n| v[0] >> n & 1 != 0).collect();
        match v[2] {
            0 if v[0] >> v[1] & 1 != 0 => v[1],
            0 => 0xffff_ffff,
            n => all.get(n as usize - 1).copied().unwrap_or(0xffff_ffff),
        }
    }));
    check("sm_70", &all);
}

#[test]
fn masks() {
    let ones = |from: u64, to: u64| (from..to).fold(0_u64, |word, n| word | 1 << n);
    let all = [
        case("bmsk.clamp.b32 $r, $a, $b;", B32, &[Small(40), Small(40)], move |v| {
            if v[0] >= 32 { 0 } else { ones(v[0], (v[0] + v[1]).min(32)) }
        }),
        case("bmsk.wrap.b32 $r, $a, $b;", B32, &[Small(40), Small(40)], move |v| {
            ones(v[0] & 31, ((v[0] & 31) + (v[1] & 31)).min(32))
        }),
        case("szext.clamp.u32 $r, $a, $b;", B32, &[B32, Small(40)], move |v| v[0] & ones(0, v[1].min(32))),
        case("szext.wrap.u32 $r, $a, $b;", B32, &[B32, Small(40)], move |v| v[0] & ones(0, v[1] & 31)),
        case("szext.clamp.s32 $r, $a, $b;", B32, &[B32, Small(40)], move |v| match v[1].min(32) {
            0 => 0,
            n => low(32, value(&format!("s{n}"), v[0])),
        }),
        case("szext.wrap.s32 $r, $a, $b;", B32, &[B32, Small(40)], move |v| match v[1] & 31 {
            0 => 0,
            n => low(32, value(&format!("s{n}"), v[0])),
        }),
    ];
    check("sm_70", &all);
}

#[test]
fn dots_and_permutations() {
    let mut all = Vec::new();
    for a in ["u32", "s32"] {
        for b in ["u32", "s32"] {
            let byte = |ty: &str, word: u64, n: u32| value(&format!("{}8", &ty[..1]), word >> (8 * n));
            let half = |ty: &str, word: u64, n: u32| value(&format!("{}16", &ty[..1]), word >> (16 * n));
            all.push(case(format!("dp4a.{a}.{b} $r, $a, $b, $c;"), B32, &[B32; 3], move |v| {
                low(32, (0..4).map(|n| byte(a, v[0], n) * byte(b, v[1], n)).sum::<i128>() + i128::from(v[2]))
            }));
            for (part, first) in [("lo", 0), ("hi", 2)] {
                all.push(case(format!("dp2a.{part}.{a}.{b} $r, $a, $b, $c;"), B32, &[B32; 3], move |v| {
                    low(
                        32,
                        (0..2).map(|n| half(a, v[0], n) * byte(b, v[1], first + n)).sum::<i128>() + i128::from(v[2]),
                    )
                }));
            }
        }
    }
    let pick = |v: &[u64], places: [u64; 4]| {
        let both = v[1] << 32 | v[0];
        places.iter().rev().fold(0, |word, place| word << 8 | both >> (8 * place) & 0xff)
    };
    all.push(case("prmt.b32 $r, $a, $b, $c;", B32, &[B32; 3], move |v| {
        (0..4).rev().fold(0, |word, n| {
            let selector = v[2] >> (4 * n);
            let byte = (v[1] << 32 | v[0]) >> (8 * (selector & 7)) & 0xff;
            word << 8 | if selector & 8 == 0 { byte } else { (byte >> 7) * 0xff }
        })
    }));
    type Places = fn(u64) -> [u64; 4];
    let modes: [(&str, Places); 6] = [
        ("f4e", |n| [n, n + 1, n + 2, n + 3]),
        ("b4e", |n| [n, (n + 7) % 8, (n + 6) % 8, (n + 5) % 8]),
        ("rc8", |n| [n; 4]),
        ("ecl", |n| [n, n.max(1), n.max(2), 3]),
        ("ecr", |n| [0, n.min(1), n.min(2), n]),
        ("rc16", |n| [n % 2 * 2, n % 2 * 2 + 1, n % 2 * 2, n % 2 * 2 + 1]),
    ];
    for (mode, places) in modes {
        all.push(case(format!("prmt.b32.{mode} $r, $a, $b, $c;"), B32, &[B32, B32, Small(9)], move |v| {
            pick(v, places(v[2] & 3))
        }));
    }
    check("sm_70", &all);
}

#[test]
fn logic() {
    let mut all = Vec::new();
    for (width, kind) in [(16, B16), (32, B32), (64, B64)] {
        type Operation = fn(u64, u64) -> u64;
        let operations: [(&str, Operation); 3] = [("and", |a, b| a & b), ("or", |a, b| a | b), ("xor", |a, b| a ^ b)];
        for (opcode, f) in operations {
            all.push(case(format!("{opcode}.b{width} $r, $a, $b;"), kind, &[kind; 2], move |v| f(v[0], v[1])));
        }
        all.push(case(format!("not.b{width} $r, $a;"), kind, &[kind], move |v| low(width, !i128::from(v[0]))));
        all.push(case(format!("cnot.b{width} $r, $a;"), kind, &[kind], |v| u64::from(v[0] == 0)));
        all.push(case(format!("shl.b{width} $r, $a, $b;"), kind, &[kind, Small(80)], move |v| {
            if v[1] >= u64::from(width) { 0 } else { low(width, i128::from(v[0]) << v[1]) }
        }));
        for sign in ["u", "s"] {
            all.push(case(format!("shr.{sign}{width} $r, $a, $b;"), kind, &[kind, Small(80)], move |v| {
                low(width, value(&format!("{sign}{width}"), v[0]) >> v[1])
            }));
        }
    }
    for table in [0_u64, 0xff, 0x96, 0xe8, 0xca, 0xf8, 0x6a, 0x01] {
        all.push(case(format!("lop3.b32 $r, $a, $b, $c, {table};"), B32, &[B32; 3], move |v| {
            (0..32).fold(0, |word, n| {
                let index = (v[0] >> n & 1) << 2 | (v[1] >> n & 1) << 1 | v[2] >> n & 1;
                word | (table >> index & 1) << n
            })
        }));
    }
    for (mode, limit) in [("clamp", 32), ("wrap", 31)] {
        let by = move |n: u64| if limit == 32 { n.min(32) } else { n & 31 };
        all.push(case(format!("shf.l.{mode}.b32 $r, $a, $b, $c;"), B32, &[B32, B32, Small(80)], move |v| {
            low(32, (i128::from(v[1]) << 32 | i128::from(v[0])) << by(v[2]) >> 32)
        }));
        all.push(case(format!("shf.r.{mode}.b32 $r, $a, $b, $c;"), B32, &[B32, B32, Small(80)], move |v| {
            low(32, (i128::from(v[1]) << 32 | i128::from(v[0])) >> by(v[2]))
        }));
    }
    let p = [Predicate; 2];
    all.push(case("and.pred $r, $a, $b;", Predicate, &p, |v| v[0] & v[1]));
    all.push(case("or.pred $r, $a, $b;", Predicate, &p, |v| v[0] | v[1]));
    all.push(case("xor.pred $r, $a, $b;", Predicate, &p, |v| v[0] ^ v[1]));
    all.push(case("not.pred $r, $a;", Predicate, &p[..1], |v| v[0] ^ 1));
    all.push(case("mov.pred $r, $a;", Predicate, &p[..1], |v| v[0]));
    all.push(case("@$a mov.u32 $r, 5; @!$a mov.u32 $r, 7;", B32, &p[..1], |v| if v[0] != 0 { 5 } else { 7 }));
    check("sm_70", &all);
}

#[test]
fn comparisons_and_selections() {
    let mut all = Vec::new();
    for (ty, width) in TYPES {
        let kind = Integer(width);
        type Relation = fn(i128, i128) -> bool;
        let relations: [(&str, Relation); 6] = [
            ("eq", |a, b| a == b),
            ("ne", |a, b| a != b),
            ("lt", |a, b| a < b),
            ("le", |a, b| a <= b),
            ("gt", |a, b| a > b),
            ("ge", |a, b| a >= b),
        ];
        for (name, f) in relations {
            let holds = move |v: &[u64]| f(value(ty, v[0]), value(ty, v[1]));
            all.push(case(format!("setp.{name}.{ty} $r, $a, $b;"), Predicate, &[kind; 2], move |v| {
                u64::from(holds(v))
            }));
            let unsigned = [("lt", "lo"), ("le", "ls"), ("gt", "hi"), ("ge", "hs")];
            if let Some((_, other)) = unsigned.iter().find(|(signed, _)| *signed == name && ty.starts_with('u')) {
                all.push(case(format!("setp.{other}.{ty} $r, $a, $b;"), Predicate, &[kind; 2], move |v| {
                    u64::from(holds(v))
                }));
            }
        }
        all.push(case(format!("selp.{ty} $r, $a, $b, $c;"), kind, &[kind, kind, Predicate], |v| v[1 - v[2] as usize]));
        all.push(case(format!("slct.{ty}.s32 $r, $a, $b, $c;"), kind, &[kind, kind, B32], |v| {
            if (v[2] as i32) >= 0 { v[0] } else { v[1] }
        }));
    }
    let from = [B32, B32, Predicate];
    let less = |v: &[u64]| u64::from((v[0] as i32) < (v[1] as i32));
    all.push(case("setp.lt.and.s32 $r, $a, $b, $c;", Predicate, &from, move |v| less(v) & v[2]));
    all.push(case("setp.lt.or.s32 $r, $a, $b, !$c;", Predicate, &from, move |v| less(v) | (v[2] ^ 1)));
    all.push(case("setp.lt.xor.s32 $r, $a, $b, $c;", Predicate, &from, move |v| less(v) ^ v[2]));
    // The second one is the opposite of the comparison, combined in the same way.
    all.push(case("setp.lt.and.s32 %p1|$r, $a, $b, $c;", Predicate, &from, move |v| (less(v) ^ 1) & v[2]));
    all.push(case("setp.lt.s32 $c|$r, $a, $b;", Predicate, &from, move |v| less(v) ^ 1));
    all.push(case("set.lt.u32.s32 $r, $a, $b;", B32, &[B32; 2], move |v| less(v) * 0xffff_ffff));
    all.push(case("set.lt.f32.s32 $r, $a, $b;", B32, &[B32; 2], move |v| less(v) * 0x3f80_0000));
    all.push(case("set.lt.and.u32.s32 $r, $a, $b, $c;", B32, &from, move |v| (less(v) & v[2]) * 0xffff_ffff));
    check("sm_70", &all);
}

#[test]
fn packing() {
    let all = [
        case("mov.b32 $r, {$a, $b};", B32, &[B16; 2], |v| v[1] << 16 | v[0]),
        case("mov.b64 $r, {$a, $b};", B64, &[B32; 2], |v| v[1] << 32 | v[0]),
        case("mov.b64 $r, {$a, $b, $c, $e};", B64, &[B16; 4], |v| v[3] << 48 | v[2] << 32 | v[1] << 16 | v[0]),
        case("{ .reg .b16 %h; mov.b32 {%h, $r}, $a; }", B16, &[B32], |v| v[0] >> 16),
        case("mov.b64 {_, $r}, $a;", B32, &[B64], |v| v[0] >> 32),
        case("{ .reg .b32 %h; mov.b64 {$r, %h}, $a; }", B32, &[B64], |v| v[0] & 0xffff_ffff),
        case("{ .reg .b128 %q; .reg .b64 %h; mov.b128 %q, {$a, $b}; mov.b128 {%h, $r}, %q; }", B64, &[B64; 2], |v| {
            v[1]
        }),
        case("mov.b32 $r, {$a, 7};", B32, &[B16], |v| 7 << 16 | v[0]),
        case("mov.u32 $r, -3;", B32, &[B16], |_| 0xffff_fffd),
        case("mov.b32 $r, 0f3F800000;", B32, &[B16], |_| 0x3f80_0000),
        case("mov.f64 $r, 1.5;", B64, &[B16], |_| 1.5_f64.to_bits()),
        case("mov.u64 $r, 0xFFFFFFFFFFFFFFFFU;", B64, &[B16], |_| u64::MAX),
        case("mov.u32 $r, 0b101; add.u32 $r, $r, 017;", B32, &[B16], |_| 20),
    ];
    check("sm_70", &all);
}
