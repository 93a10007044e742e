//! Arguments of every form arrive as they were passed, on every device that the test has (the host under plain cargo).

#![forbid(unsafe_code)]

use std::{
    fmt::Debug,
    marker::PhantomData,
    num::{NonZero, Wrapping},
};

use geobacter::{
    bytemuck::{self, Pod, Zeroable},
    half::{bf16, f16},
    prelude::*,
};
use proptest::{prelude::*, test_runner::Config};

fn devices() -> Vec<Device> {
    geobacter::devices().present
}

/// What can be seen of a value from inside a kernel, as numbers.
trait Show: KernelArg {
    fn show(self) -> [u64; 8];
}

/// Writes what it got, from two items that have to see the same.
#[kernel(workgroup = 2)]
fn show<T: Show>(item: Item<1>, before: u8, value: T, after: u16, y: Out<[u64; 8]>) {
    let mut shown = value.show();
    shown[7] ^= u64::from(before) << 48 | u64::from(after) << 32;
    y.set(&item, shown);
}

#[track_caller]
fn arrives<T: Show + Debug>(value: T) {
    for device in devices() {
        let mut y = device.zeroed(2).unwrap();
        show::launch(&device, 2, 0xa5, value, 0x1234, &mut y).unwrap();
        let mut expected = value.show();
        expected[7] ^= 0x00a5_1234 << 32;
        assert_eq!(y.download().unwrap(), [expected; 2], "{value:?} on {}", device.id());
    }
}

macro_rules! show_numbers {
    ($($ty:ty => |$value:ident| $shown:expr),* $(,)?) => { $(
        impl Show for $ty {
            fn show(self) -> [u64; 8] {
                let $value = self;
                [$shown, 0, 0, 0, 0, 0, 0, 0]
            }
        }
    )* };
}
show_numbers! {
    u8 => |x| x.into(),
    i16 => |x| x as u64,
    u32 => |x| x.into(),
    f64 => |x| x.to_bits(),
    usize => |x| x as u64,
    bool => |x| if x { 3 } else { 5 },
    char => |x| u64::from(u32::from(x)) << 1,
    f16 => |x| x.to_bits().into(),
    bf16 => |x| x.to_bits().into(),
    Wrapping<u32> => |x| (x * Wrapping(3)).0.into(),
    NonZero<u16> => |x| x.get().into(),
    NonZero<i64> => |x| x.get() as u64,
    PhantomData<String> => |_x| 17,
    Direction => |x| match x { Direction::North => 1, Direction::East => 20, Direction::South => 300, Direction::West => 4000 },
    Level => |x| match x { Level::Low => 7, Level::High => 9 },
}

impl<T: Show, const N: usize> Show for [T; N] {
    fn show(self) -> [u64; 8] {
        let mut all = [N as u64; 8];
        for (i, element) in self.into_iter().enumerate() {
            for (all, shown) in all.iter_mut().zip(element.show()) {
                *all = all.wrapping_mul(31).wrapping_add(shown).rotate_left(i as u32);
            }
        }
        all
    }
}

#[derive(Clone, Copy, Debug, KernelArg)]
#[repr(u16)]
enum Direction {
    North = 3,
    East = 700,
    South = 1,
    West = u16::MAX,
}

#[derive(Clone, Copy, Debug, KernelArg)]
#[repr(i8)]
enum Level {
    Low = -3,
    High = 100,
}

/// Fields of every alignment, in an order that rustc changes.
#[derive(Clone, Copy, Debug, KernelArg)]
struct Settings {
    on: bool,
    scale: f64,
    letter: char,
    directions: [Direction; 2],
    half: f16,
    _pad: [u8; 5],
}

impl Show for Settings {
    fn show(self) -> [u64; 8] {
        let directions = self.directions.map(|direction| direction.show()[0]);
        [
            self.on.into(),
            self.scale.to_bits(),
            u64::from(u32::from(self.letter)),
            directions[0],
            directions[1],
            self.half.to_bits().into(),
            u64::from(self._pad[4]),
            0,
        ]
    }
}

#[derive(Clone, Copy, Debug, KernelArg)]
struct Nothing;

impl Show for Nothing {
    fn show(self) -> [u64; 8] {
        [11; 8]
    }
}

#[derive(Clone, Copy, Debug, KernelArg)]
struct Meters(f32);

impl Show for Meters {
    fn show(self) -> [u64; 8] {
        [self.0.to_bits().into(); 8]
    }
}

/// Generic over types and a number, and holding another struct.
#[derive(Clone, Copy, Debug, KernelArg)]
struct Pair<A, B: KernelArg, const N: usize>
where
    A: KernelArg,
{
    a: [A; N],
    b: [B; N],
    none: PhantomData<(A, B)>,
}

impl<A: Show, B: Show, const N: usize> Show for Pair<A, B, N> {
    fn show(self) -> [u64; 8] {
        let (mut a, b) = (self.a.show(), self.b.show());
        for (a, b) in a.iter_mut().zip(b) {
            *a = a.rotate_left(17) ^ b;
        }
        a
    }
}

/// With data of different sizes, and types that do not have all bit patterns.
#[derive(Clone, Copy, Debug, KernelArg)]
enum Shape<T: KernelArg> {
    Empty,
    Circle { radius: f32 },
    Named(char, NonZero<u8>),
    Polygon { corners: [T; 3], closed: bool },
    Inside(Settings),
}

impl<T: Show> Show for Shape<T> {
    fn show(self) -> [u64; 8] {
        match self {
            Self::Empty => [1; 8],
            Self::Circle { radius } => [2, radius.to_bits().into(), 0, 0, 0, 0, 0, 0],
            Self::Named(letter, number) => [3, u64::from(u32::from(letter)), number.get().into(), 0, 0, 0, 0, 0],
            Self::Polygon { corners, closed } => {
                let mut shown = corners.show();
                shown[7] = shown[7].wrapping_add(closed.into());
                shown
            }
            Self::Inside(settings) => settings.show(),
        }
    }
}

#[derive(Clone, Copy, Debug, Element)]
struct Vertex {
    position: [f32; 3],
    color: [u8; 4],
}

impl Show for Vertex {
    fn show(self) -> [u64; 8] {
        let [x, y, z] = self.position.map(|x| u64::from(x.to_bits()));
        [x, y, z, u32::from_ne_bytes(self.color).into(), 0, 0, 0, 0]
    }
}

/// Plain data by `bytemuck`'s own derive.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable, KernelArg)]
struct Plain {
    a: u16,
    b: [u8; 2],
    c: f32,
}

impl Element for Plain {}

impl Show for Plain {
    fn show(self) -> [u64; 8] {
        [self.a.into(), self.b[0].into(), self.b[1].into(), self.c.to_bits().into(), 0, 0, 0, 0]
    }
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::North), Just(Direction::East), Just(Direction::South), Just(Direction::West)]
}

fn half() -> impl Strategy<Value = f16> {
    any::<u16>().prop_map(f16::from_bits)
}

fn settings() -> impl Strategy<Value = Settings> {
    (any::<bool>(), any::<f64>(), any::<char>(), [direction(), direction()], half(), any::<[u8; 5]>())
        .prop_map(|(on, scale, letter, directions, half, _pad)| Settings { on, scale, letter, directions, half, _pad })
}

fn shape() -> impl Strategy<Value = Shape<Direction>> {
    prop_oneof![
        Just(Shape::Empty),
        any::<f32>().prop_map(|radius| Shape::Circle { radius }),
        (any::<char>(), any::<NonZero<u8>>()).prop_map(|(letter, number)| Shape::Named(letter, number)),
        ([direction(), direction(), direction()], any::<bool>())
            .prop_map(|(corners, closed)| Shape::Polygon { corners, closed }),
        settings().prop_map(Shape::Inside),
    ]
}

fn config() -> Config {
    Config::with_cases(24)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn numbers(a: u8, b: i16, c: u32, d: f64, e: usize, f: bool, g: char) {
        arrives(a);
        arrives(b);
        arrives(c);
        arrives(d);
        arrives(e);
        arrives(f);
        arrives(g);
    }

    #[test]
    fn wrapped_numbers(a in half(), b: u16, c: u32, d: NonZero<u16>, e: NonZero<i64>) {
        arrives(a);
        arrives(bf16::from_bits(b));
        arrives(Wrapping(c));
        arrives(d);
        arrives(e);
        arrives(PhantomData::<String>);
    }

    #[test]
    fn arrays(a: [bool; 7], b: [[u8; 3]; 5], c: [char; 2], d in prop::array::uniform4(settings()), e in [shape(), shape()]) {
        arrives(a);
        arrives(b);
        arrives(c);
        arrives(d);
        arrives(e);
        arrives([0u32; 0]);
    }

    #[test]
    fn structs(settings in settings(), meters: f32, vertex: ([f32; 3], [u8; 4]), plain: (u16, [u8; 2], f32)) {
        arrives(settings);
        arrives(Nothing);
        arrives(Meters(meters));
        arrives(Vertex { position: vertex.0, color: vertex.1 });
        arrives([Vertex { position: vertex.0, color: vertex.1 }; 3]);
        arrives(Plain { a: plain.0, b: plain.1, c: plain.2 });
    }

    #[test]
    fn generic_structs(a: [u32; 3], b: [bool; 4], directions in prop::array::uniform4(direction()), settings in settings()) {
        arrives(Pair { a, b: [Meters(1.5), Meters(2.5), Meters(-0.0)], none: PhantomData });
        arrives(Pair { a: b, b: directions.map(|_| Level::Low).map(|_| true), none: PhantomData });
        arrives(Pair { a: [settings; 2], b: [1.0f64, 2.0], none: PhantomData });
    }

    #[test]
    fn enums(shape in shape(), direction in direction(), high: bool) {
        arrives(shape);
        arrives(direction);
        arrives(if high { Level::High } else { Level::Low });
    }

    /// Vertices through buffers, too.
    #[test]
    fn elements(vertices in prop::collection::vec(any::<([f32; 3], [u8; 4])>(), 1..40)) {
        for device in devices() {
            let vertices: Vec<_> = vertices.iter().map(|&(position, color)| Vertex { position, color }).collect();
            let mut y = device.upload(&vertices).unwrap();
            mirror::launch(&device, vertices.len(), [true, false, true], &mut y).unwrap();
            for (found, vertex) in y.download().unwrap().into_iter().zip(vertices) {
                let [x, y, z] = vertex.position;
                let expected = Vertex { position: [-x, y, -z], ..vertex };
                prop_assert_eq!(found.show(), expected.show());
            }
        }
    }

    /// Each operation on half precision is that of single precision, rounded, as it is on the host.
    #[test]
    fn half_precision(values in prop::collection::vec(any::<(u16, u16)>(), 1..200), scale: f32) {
        // Which NaN comes out is up to the device.
        fn known(bits: u16) -> f16 {
            let value = f16::from_bits(bits);
            if value.is_nan() { f16::ONE } else { value }
        }
        let (a, b): (Vec<_>, Vec<_>) = values.iter().map(|&(a, b)| (known(a), known(b))).unzip();
        for device in devices() {
            let (a, b) = (device.upload(&a).unwrap(), device.upload(&b).unwrap());
            let mut y = device.zeroed(values.len()).unwrap();
            half_operations::launch(&device, values.len(), scale, &a, &b, &mut y).unwrap();
            for (found, &(a, b)) in y.download().unwrap().into_iter().zip(&values) {
                prop_assert_eq!(found, halves(scale, known(a), known(b)), "on {}", device.id());
            }
        }
    }
}

#[kernel(workgroup = 16)]
fn mirror<const N: usize>(mut item: Item<1>, axes: [bool; N], vertices: InOut<Vertex>) {
    let vertex = vertices.at(&mut item);
    for (x, mirrored) in vertex.position.iter_mut().zip(axes) {
        if mirrored {
            *x = -*x;
        }
    }
}

/// Sum, product, quotient, comparison, and conversions there and back.
fn halves(scale: f32, a: f16, b: f16) -> [u32; 8] {
    let number = |x: f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
    let (bfloat, scaled) = (bf16::from_f32(f32::from(a) * 1.001), f16::from_f32(scale * f32::from(b)));
    [
        number((a + b).to_f32()),
        number((a * b).to_f32()),
        number((a / b).to_f32()),
        u32::from(a < b) | u32::from(a == b) << 1 | u32::from(a.is_sign_negative()) << 2,
        number(bfloat.to_f32()),
        number((bfloat - bf16::from_f32(f32::from(b))).to_f32()),
        number(scaled.to_f32()),
        number(scaled.to_f64() as f32),
    ]
}

#[kernel(workgroup = 32)]
fn half_operations(item: Item<1>, scale: f32, a: In<f16>, b: In<f16>, y: Out<[u32; 8]>) {
    y.set(&item, halves(scale, a[&item], b[&item]));
}

/// Any argument type and a table of it, whose length is a parameter, indexed by the item.
#[kernel(workgroup = 8)]
fn table<T: KernelArg + Into<u64>, const N: usize>(item: Item<1>, bias: T, weights: [T; N], y: Out<u64>) {
    y.set(&item, bias.into() + weights[item.x() % N].into());
}

/// Arguments at group scope, where all items of a group use them.
#[kernel(workgroup = 8)]
fn group(wg: Workgroup<1>, shape: Shape<Direction>, on: [bool; 8], y: Out<[u64; 8]>) {
    let shown = shape.show();
    wg.each(|item| {
        let local = item.local_index();
        y.set(&item, if on[local] { shown } else { [local as u64; 8] });
    });
}

#[test]
fn at_group_scope() {
    let on = [true, false, true, true, false, false, true, false];
    let shape = Shape::Polygon { corners: [Direction::East, Direction::West, Direction::North], closed: true };
    for device in devices() {
        let mut y = device.zeroed(12).unwrap();
        group::launch(&device, 12, shape, on, &mut y).unwrap();
        for (i, found) in y.download().unwrap().into_iter().enumerate() {
            assert_eq!(found, if on[i % 8] { shape.show() } else { [i as u64 % 8; 8] });
        }
    }
}

impl From<Level> for u64 {
    fn from(level: Level) -> u64 {
        level as i8 as u64
    }
}

#[test]
fn generic_tables() {
    for device in devices() {
        let mut y = device.zeroed(21).unwrap();
        table::launch(&device, 21, 1000u32, [10u32, 20, 30, 40, 50], &mut y).unwrap();
        let expected: Vec<u64> = (0..21).map(|i| 1010 + i % 5 * 10).collect();
        assert_eq!(y.download().unwrap(), expected);

        table::launch(&device, 21, false, [true, false], &mut y).unwrap();
        let expected: Vec<u64> = (0..21).map(|i| 1 - i % 2).collect();
        assert_eq!(y.download().unwrap(), expected);

        table::launch(&device, 21, Level::High, [Level::High; 3], &mut y).unwrap();
        assert_eq!(y.download().unwrap(), [200; 21]);
    }
}

/// What is between the fields, and behind those of another variant, is zero: nothing of the host reaches a device.
#[test]
fn no_byte_leaks() {
    fn bytes<T: KernelArg>(value: T) -> Vec<u8> {
        bytemuck::bytes_of(&value.into_repr()).to_vec()
    }
    let zeros = |n| vec![0u8; n];
    let settings = size_of::<bool>() + size_of::<f64>() + size_of::<char>() + 2 * size_of::<Direction>() + 2 + 5;
    let rest = 4 + 4 + 1 + 3 * 2 + 1 + settings;
    assert_eq!(bytes(Shape::<Direction>::Empty), zeros(4 + rest));
    let circle = [1u32.to_ne_bytes(), 2.5f32.to_ne_bytes()].concat();
    assert_eq!(bytes(Shape::<Direction>::Circle { radius: 2.5 }), [circle, zeros(rest - 4)].concat());
    assert_eq!(bytes(Level::Low), [253]);

    // An array is its elements, whether it is copied whole (the second) or not (the first, whose fields rustc reorders).
    let directions = [Direction::West, Direction::South];
    let settings = Settings { on: true, scale: -0.5, letter: 'x', directions, half: f16::MAX, _pad: [1, 2, 3, 4, 5] };
    assert_eq!(bytes([settings; 3]), bytes(settings).repeat(3));
    let parts = [vec![1], bytes(-0.5), bytes('x'), bytes(directions), bytes(f16::MAX), vec![1, 2, 3, 4, 5]];
    assert_eq!(bytes(settings), parts.concat());
    let vertex = Vertex { position: [1.0, 2.0, 3.0], color: [4, 5, 6, 7] };
    assert_eq!(bytes([vertex; 3]), bytes(vertex).repeat(3));
    assert_eq!(bytes([Direction::East; 2]), [700u16.to_ne_bytes(); 2].concat());
}

/// What a kernel may be given shows in its descriptor: one entry, with the size of the bytes that travel.
#[test]
fn descriptors() {
    let descriptor = show::descriptor::<Settings>();
    assert_eq!(descriptor.params.len(), 4);
    let value = &descriptor.params[1];
    assert_eq!((value.name, value.ty, value.size, value.element_size), ("value", "T", 24, 0));
    assert_eq!(value.kind, geobacter::descriptor::ParamKind::Scalar);
}
