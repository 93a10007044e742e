//! Instructions made for video and textures: sums of absolute differences of bytes, and coordinates on the faces of a cube
//! (*CDNA 3 ISA*, section 12.10 "VOP3A and VOP3B instructions").

use super::{
    rounding,
    step::{DecodeError, Flow, Step, step},
    valu::{Vop, op3, rounded3},
};
use crate::machine::wave::{LANES, Wave};

type Decoded = Result<Step, DecodeError>;

/// The step of such an instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Decoded> {
    let saturate = v.parsed.flag("clamp");
    let add = move |a: u32, b: u32| if saturate { a.saturating_add(b) } else { a.wrapping_add(b) };
    Some(match v.parsed.mnemonic.as_str() {
        "v_sad_u8" => op3(v, move |a: u32, b: u32, c: u32| add(differences(a, b, false), c)),
        "v_sad_hi_u8" => op3(v, move |a: u32, b: u32, c: u32| add(differences(a, b, false) << 16, c)),
        "v_msad_u8" => op3(v, move |a: u32, b: u32, c: u32| add(differences(a, b, true), c)),
        "v_qsad_pk_u16_u8" => op3(v, |a: u64, b: u32, c: u64| four_differences(a, b, c, false)),
        "v_mqsad_pk_u16_u8" => op3(v, |a: u64, b: u32, c: u64| four_differences(a, b, c, true)),
        "v_mqsad_u32_u8" => four_wide_differences(v),
        "v_cubeid_f32" => op3(v, |x: f32, y: f32, z: f32| match Face::of(x, y, z) {
            Face::X => f32::from(u8::from(x < 0.0)),
            Face::Y => 2.0 + f32::from(u8::from(y < 0.0)),
            Face::Z => 4.0 + f32::from(u8::from(z < 0.0)),
        }),
        "v_cubesc_f32" => op3(v, |x: f32, y: f32, z: f32| match Face::of(x, y, z) {
            Face::X if x < 0.0 => z,
            Face::X => -z,
            Face::Z if z < 0.0 => -x,
            Face::Y | Face::Z => x,
        }),
        "v_cubetc_f32" => op3(v, |x: f32, y: f32, z: f32| match Face::of(x, y, z) {
            Face::Y if y < 0.0 => -z,
            Face::Y => z,
            Face::X | Face::Z => -y,
        }),
        "v_cubema_f32" => rounded3(
            v,
            |x: f32, y: f32, z: f32| 2.0 * major(x, y, z),
            |round, x, y, z| rounding::mul(round, 2.0, major(x, y, z)),
        ),
        _ => return None,
    })
}

/// The axis of the face of a cube that a direction goes through.
enum Face {
    X,
    Y,
    Z,
}

impl Face {
    fn of(x: f32, y: f32, z: f32) -> Self {
        let [x, y, z] = [x, y, z].map(f32::abs);
        if z >= x && z >= y {
            Self::Z
        } else if y >= x {
            Self::Y
        } else {
            Self::X
        }
    }
}

/// The coordinate along that axis.
fn major(x: f32, y: f32, z: f32) -> f32 {
    match Face::of(x, y, z) {
        Face::X => x,
        Face::Y => y,
        Face::Z => z,
    }
}

/// Absolute differences of four bytes, added up. With `masked`, bytes of `b` that are 0 do not count.
fn differences(a: u32, b: u32, masked: bool) -> u32 {
    let pairs = a.to_le_bytes().into_iter().zip(b.to_le_bytes());
    pairs.filter(|(_, b)| !masked || *b != 0).map(|(a, b)| u32::from(a.abs_diff(b))).sum()
}

/// The same for the four bytes from each of `a`'s first four on, each sum with 16 bits of `c`.
fn four_differences(a: u64, b: u32, c: u64, masked: bool) -> u64 {
    (0..4).fold(0, |sums, i| {
        let sum = differences((a >> (8 * i)) as u32, b, masked) as u16;
        sums | u64::from(sum.wrapping_add((c >> (16 * i)) as u16)) << (16 * i)
    })
}

/// The same with sums of 32 bits, in four registers.
fn four_wide_differences(v: &Vop<'_>) -> Decoded {
    let ((to, to_count), (c, c_count)) = (v.vector(0)?, v.vector(3)?);
    let (a, b) = (v.source::<u64>(1, 0)?, v.source::<u32>(2, 1)?);
    if (to_count, c_count) != (4, 4) {
        return Err(DecodeError::new(v.parsed, "four registers are expected"));
    }
    Ok(step(move |wave: &mut Wave, _| {
        let (mut room_a, mut room_b) = ([0; LANES], [0; LANES]);
        let (a, b) = (*a.fetch(wave, &mut room_a, false), *b.fetch(wave, &mut room_b, false));
        for lane in wave.active() {
            let sums: [u32; 4] = std::array::from_fn(|i| {
                let sum = differences((a[lane] >> (8 * i)) as u32, b[lane], true);
                sum.wrapping_add(wave.vector[usize::from(c) + i][lane])
            });
            for (i, sum) in sums.into_iter().enumerate() {
                wave.vector[usize::from(to) + i][lane] = sum;
            }
        }
        Ok(Flow::Next)
    }))
}
