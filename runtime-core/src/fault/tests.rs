//! Fault records against small code objects, written here byte by byte as a linker would.

use super::*;
use crate::image::{ConstantMemory, R_AMDGPU_RELATIVE64};
use geobacter_spool::format::{COUNT, Formatter, MAX_VALUES, Shape, Style, Value};

/// Where the image is loaded.
const BASE: u64 = 0x2000;

/// A code object: data with an anchor in the middle of it, and pointers in it.
#[derive(Default)]
struct Builder {
    data: Vec<u8>,
    /// Place of the pointer and what it points to, both as offsets in the data.
    relative: Vec<(u64, u64)>,
}

/// Distance of the anchor from the begin of the data.
const ANCHOR: u64 = 8;
/// Where the data is on the device.
const LOADED: u64 = 0x7f00_0000_0000;
/// Headers come first in the file.
const DATA_AT: u64 = 64 + 56;

impl Builder {
    fn new() -> Self {
        Self { data: vec![0; 16], ..Self::default() }
    }

    /// Adds bytes and gives their address on the device.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        self.data.resize(self.data.len().next_multiple_of(8), 0xee);
        let at = self.data.len() as u64;
        self.data.extend_from_slice(bytes);
        LOADED + at
    }

    /// Adds a `core::panic::Location` whose file name the loader points to.
    fn location(&mut self, file: &str, line: u32, column: u32) -> u64 {
        let name = self.put(format!("{file}\0").as_bytes()) - LOADED;
        let mut bytes = vec![0; 8];
        bytes.extend((file.len() as u64).to_le_bytes());
        bytes.extend(line.to_le_bytes());
        bytes.extend(column.to_le_bytes());
        let at = self.put(&bytes);
        self.relative.push((at - LOADED, name));
        at
    }

    fn build(&self) -> Vec<u8> {
        let address = |offset: u64| BASE + DATA_AT + offset;
        let mut body = self.data.clone();
        let align = |body: &mut Vec<u8>| {
            body.resize(body.len().next_multiple_of(8), 0);
            DATA_AT + body.len() as u64
        };
        let strings = b"\0__geobacter_anchor\0.rela.dyn\0";
        let strings_at = align(&mut body);
        body.extend_from_slice(strings);
        let symbols_at = align(&mut body);
        body.extend([0; 24]);
        // Name 1, global object, in some section.
        body.extend([1, 0, 0, 0, 0x11, 0, 1, 0]);
        body.extend(address(ANCHOR).to_le_bytes());
        body.extend(8u64.to_le_bytes());
        let relocations_at = align(&mut body);
        for &(place, target) in &self.relative {
            body.extend(address(place).to_le_bytes());
            body.extend(u64::from(R_AMDGPU_RELATIVE64).to_le_bytes());
            body.extend(address(target).to_le_bytes());
        }
        let sections_at = align(&mut body);
        let mut section = |name: u32, kind: u32, at: u64, size: u64, link: u32, entry: u64| {
            let mut bytes = Vec::new();
            bytes.extend(name.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            // SHF_ALLOC.
            [2, if at == 0 { 0 } else { BASE + at }, at, size]
                .iter()
                .for_each(|word: &u64| bytes.extend(word.to_le_bytes()));
            bytes.extend(link.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
            [8, entry].iter().for_each(|word: &u64| bytes.extend(word.to_le_bytes()));
            body.extend(bytes);
        };
        section(0, 0, 0, 0, 0, 0);
        // SHT_STRTAB, SHT_DYNSYM, SHT_RELA.
        section(20, 3, strings_at, strings.len() as u64, 0, 0);
        section(20, 11, symbols_at, 48, 1, 24);
        section(20, 4, relocations_at, 24 * self.relative.len() as u64, 2, 24);

        let mut file = b"\x7fELF\x02\x01\x01\x40\x03".to_vec();
        file.resize(16, 0);
        // ET_DYN, EM_AMDGPU.
        file.extend([3, 0, 224, 0, 1, 0, 0, 0]);
        [0, 64, sections_at].iter().for_each(|word: &u64| file.extend(word.to_le_bytes()));
        file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 4, 0, 1, 0]);
        // PT_LOAD, readable: the whole file.
        file.extend([1, 0, 0, 0, 4, 0, 0, 0]);
        let size = DATA_AT + body.len() as u64;
        [0, BASE, BASE, size, size, 0x1000].iter().for_each(|word: &u64| file.extend(word.to_le_bytes()));
        file.extend(body);
        file
    }
}

fn record(kind: FaultKind) -> FaultRecord {
    let anchor = LOADED + ANCHOR;
    FaultRecord { panicked: 1, kind: kind as u32, anchor, group: [3, 2, 1], item: [7, 8, 9], ..FaultRecord::CLEAR }
}

/// A record with these values.
fn with(record: FaultRecord, given: &[Value]) -> FaultRecord {
    let mut values = [Value::default(); MAX_VALUES];
    values[..given.len()].copy_from_slice(given);
    FaultRecord { values, ..record }
}

fn value(style: Style, shape: Shape, low: u64, high: u64) -> Value {
    Value { bytes: [low, high], formatter: Formatter { style, shape, references: 0 }.number(), reserved: 0 }
}

fn number(number: u64) -> Value {
    Value { bytes: [number, 0], ..Value::default() }
}

fn decode_in(record: &FaultRecord, code_object: &[u8]) -> Option<KernelPanic> {
    decode(record, Constants::File(code_object))
}

/// The builder's data as it lies in a device's memory, pointers filled in, and nothing around it.
struct DeviceMemory(Vec<u8>);

impl From<&Builder> for DeviceMemory {
    fn from(builder: &Builder) -> Self {
        let mut data = builder.data.clone();
        for &(place, target) in &builder.relative {
            data[place as usize..][..8].copy_from_slice(&(LOADED + target).to_le_bytes());
        }
        Self(data)
    }
}

impl ConstantMemory for DeviceMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let start = address.checked_sub(LOADED).map(|start| start as usize);
        let found = start.and_then(|start| self.0.get(start..)?.get(..bytes.len()));
        found.inspect(|found| bytes.copy_from_slice(found)).is_some()
    }
}

#[test]
fn what_a_file_says_memory_says() {
    let mut builder = Builder::new();
    let location = builder.location("src/kernel.rs", 17, 5);
    let text = "nothing is as it seems: é";
    let message = builder.put(text.as_bytes());
    let message_length = text.len() as u64;
    let plain = FaultRecord { location, message, message_length, anchor: 0, ..record(FaultKind::Message) };
    let who = builder.put(b"nobody");
    // Longer than what is read first, and the last bytes that there are.
    let long = [b"\x7f".as_slice(), &[b'x'; 127], b"\x04who \xc0\0"].concat();
    let message = builder.put(&long);
    let template = FaultRecord { message, message_length: TEMPLATE, ..plain };
    let template = with(template, &[value(Style::Debug, Shape::Str, who, 6)]);
    let memory = DeviceMemory::from(&builder);
    let of = |record: &FaultRecord| decode(record, Constants::Memory(&memory)).unwrap();
    assert_eq!(of(&plain).message, text);
    assert_eq!(of(&plain).location, Some(PanicLocation { file: "src/kernel.rs".into(), line: 17, column: 5 }));
    assert_eq!(of(&template).message, format!("{}who {:?}", "x".repeat(127), "nobody"));
    let anchored = |record: &FaultRecord| FaultRecord { anchor: LOADED + ANCHOR, ..*record };
    for record in [plain, template] {
        assert_eq!(Some(of(&record)), decode_in(&anchored(&record), &builder.build()));
    }
    // What leads nowhere costs its part of the report.
    let lost = FaultRecord { location: 16, message: LOADED + 1_000_000, ..template };
    assert_eq!((of(&lost).message.as_str(), of(&lost).location), ("a panic whose message could not be read", None));
    // A template without an end.
    let endless = DeviceMemory([0xc0].repeat(1 << 20));
    let panic = decode(&FaultRecord { message: LOADED, ..template }, Constants::Memory(&endless)).unwrap();
    assert_eq!(panic.message, "a panic whose message could not be read");
}

#[test]
fn no_panic_is_no_report() {
    assert_eq!(decode_in(&FaultRecord::CLEAR, &Builder::new().build()), None);
}

#[test]
fn text_and_location() {
    let mut builder = Builder::new();
    let location = builder.location("src/kernel.rs", 17, 5);
    let text = "nothing is as it seems: é";
    let message = builder.put(text.as_bytes());
    let record = FaultRecord { location, message, message_length: text.len() as u64, ..record(FaultKind::Message) };

    let panic = decode_in(&record, &builder.build()).unwrap();
    assert_eq!(panic.message, text);
    assert_eq!(panic.location, Some(PanicLocation { file: "src/kernel.rs".into(), line: 17, column: 5 }));
    assert_eq!((panic.group, panic.item), ([3, 2, 1], [7, 8, 9]));
}

#[test]
fn what_lies_before_the_anchor_is_found() {
    let mut builder = Builder::new();
    builder.data[..5].copy_from_slice(b"early");
    let record = FaultRecord { message: LOADED, message_length: 5, ..record(FaultKind::Message) };
    assert_eq!(decode_in(&record, &builder.build()).unwrap().message, "early");
}

#[test]
fn bounds_read_like_rustc() {
    let record = with(record(FaultKind::Bounds), &[number(12), number(10)]);
    let list = [0; 10];
    let index = std::hint::black_box(12);
    let rustc = std::panic::catch_unwind(|| list[index]).unwrap_err();
    let panic = decode_in(&record, &Builder::new().build()).unwrap();
    assert_eq!(&panic.message, rustc.downcast_ref::<String>().unwrap());
    assert_eq!(panic.location, None);
}

/// The bytes that `format_args!` of the pinned toolchain makes of these templates, read out of its LLVM IR.
#[test]
fn templates_of_the_pinned_toolchain() {
    let long = "0123456789".repeat(16) + "ABCDE ";
    let mut long_template = vec![0x80, 166, 0];
    long_template.extend(long.as_bytes());
    long_template.extend(*b"\xc0\0");
    let cases: [(&[u8], String); 5] = [
        // "value {} and {:?}"
        (b"\x06value \xc0\x05 and \xc0\0", "value {} and {}".into()),
        // "{a:>8} {b:#x} {a} {1} {0:08.3}é"
        (
            b"\xc3 \0\0(\x08\0\x01 \xc1 \0\x80`\x01 \xc8\0\0\x01 \xc8\x02\0\x01 \xc7 \0\0y\x08\0\x03\0\x02\xc3\xa9\0",
            "{} {} {} {} {}é".into(),
        ),
        // "{:w$}"
        (b"\xd3 \0\0h\x01\0\0", "{}".into()),
        (&long_template, format!("{long}{{}}")),
        (b"\0", String::new()),
    ];
    for (template, expected) in cases {
        let mut builder = Builder::new();
        let message = builder.put(template);
        let record = FaultRecord { message, message_length: TEMPLATE, ..record(FaultKind::Message) };
        assert_eq!(decode_in(&record, &builder.build()).unwrap().message, expected);
    }
}

#[test]
fn values_stand_in_messages_as_on_the_host() {
    let mut builder = Builder::new();
    let text = "nobody";
    let (message, who) = (builder.put(b"\x04who \xc0\x02, \xd3 \0\0h\x02\0\0"), builder.put(text.as_bytes()));
    let count = Value { bytes: [6, 0], formatter: COUNT, reserved: 0 };
    let text = value(Style::Debug, Shape::Str, who, text.len() as u64);
    let values = [text, value(Style::Display, Shape::I32, -5_i32 as u32 as u64, 0), count];
    let image = builder.build();
    let of = |record: FaultRecord, values: &[Value]| {
        let record = FaultRecord { message, message_length: TEMPLATE, ..record };
        decode_in(&with(record, values), &image).unwrap().message
    };
    let error = value(Style::Debug, Shape::TryFromIntError, 0, 0);
    let said = format!("who {:?}, {:>6}", "nobody", -5);
    assert_eq!(of(record(FaultKind::Message), &values), said);
    let behind_one = [&[error][..], &values].concat();
    assert_eq!(of(record(FaultKind::Unwrap), &behind_one), format!("{said}: TryFromIntError(())"));
    let behind_two = [&[error, Value::default()][..], &values].concat();
    assert_eq!(
        of(record(FaultKind::AssertDifferent), &behind_two),
        format!("assertion `left != right` failed: {said}\n  left: TryFromIntError(())\n right: {{}}")
    );
    // A value that was not carried, an address that leads nowhere, a count that is none.
    let elsewhere = value(Style::Debug, Shape::Str, 16, 5);
    assert_eq!(of(record(FaultKind::Message), &[Value::default(), values[1], error]), "who {}, {}");
    assert_eq!(of(record(FaultKind::Message), &[elsewhere, values[1], count]), "who {},     -5");
}

#[test]
fn ranges_of_slices_read_like_rustc() {
    let list = std::hint::black_box([0_u8; 10]);
    for (start, end) in [(11, 11), (11, 5), (3, 11), (7, 5), (11, 12), (10, 11)] {
        let rustc = std::panic::catch_unwind(|| list[start..end].len()).unwrap_err();
        let values = [start as u64, end as u64, 10].map(number);
        let panic = decode_in(&with(record(FaultKind::SliceRange), &values), &Builder::new().build()).unwrap();
        assert_eq!(&panic.message, rustc.downcast_ref::<String>().unwrap());
    }
}

#[test]
fn damage_costs_details_only() {
    let unreadable = "a panic whose message could not be read";
    let mut builder = Builder::new();
    let template = builder.put(b"\x7fcut off");
    let image = builder.build();
    let cases = [
        FaultRecord { kind: 99, ..record(FaultKind::Message) },
        FaultRecord { message: NO_ADDRESS, message_length: 3, ..record(FaultKind::Message) },
        FaultRecord { message: u64::MAX, message_length: 3, ..record(FaultKind::Message) },
        FaultRecord { message: LOADED, message_length: u64::MAX - 1, ..record(FaultKind::Message) },
        FaultRecord { message: LOADED, message_length: TEMPLATE, ..record(FaultKind::Unwrap) },
        FaultRecord {
            message: template,
            message_length: TEMPLATE,
            location: 1 << 40,
            ..record(FaultKind::AssertEqual)
        },
    ];
    for record in cases {
        let panic = decode_in(&record, &image).unwrap();
        assert!(panic.message == unreadable || panic.message.len() <= image.len(), "{panic:?}");
        assert_eq!(panic.location, None);
        assert_eq!(panic.item, [7, 8, 9]);
    }
    for length in 0..image.len() {
        let record = FaultRecord { message: template, message_length: TEMPLATE, ..record(FaultKind::Message) };
        assert!(decode_in(&record, &image[..length]).is_some());
    }
    assert_eq!(decode_in(&record(FaultKind::Message), b"not an ELF file").unwrap().message, unreadable);
}
