//! Buffers as a device leaves them.

use std::sync::Mutex;

use super::*;

/// Bytes of records that the buffers here have room for.
const CAPACITY: usize = 400;

/// A buffer in which items have reserved and written records, as device code does.
struct Buffer(Vec<u8>);

impl Buffer {
    fn new() -> Self {
        let mut bytes = vec![0; HEADER + CAPACITY];
        bytes[header::CAPACITY..][..8].copy_from_slice(&(CAPACITY as u64).to_le_bytes());
        Self(bytes)
    }

    fn add(&mut self, at: usize, number: u64) -> u64 {
        let before = field(&self.0, at);
        self.0[at..at + 8].copy_from_slice(&(before + number).to_le_bytes());
        before
    }

    /// An item prints a line of which nothing can be read, with so many values; `written`: whether it gets so far.
    fn print(&mut self, item: u32, values: usize, written: bool) {
        let size = OutputRecord::size_with(values);
        let begin = self.add(header::RESERVED, size as u64) as usize;
        if begin + size > CAPACITY {
            self.add(header::LOST, 1);
        } else if written {
            let record = &mut self.0[HEADER + begin..][..size];
            record[..4].copy_from_slice(&(size as u32).to_le_bytes());
            record[16..20].copy_from_slice(&item.to_le_bytes());
        }
    }

    /// The items whose lines are found, in their order, and how many are lost.
    fn read(&self) -> (Vec<u32>, u64) {
        let mut items = Vec::new();
        let lost = read_lines(&self.0, Constants::File(b"no code object"), |record, text| {
            assert_eq!(text, "a line that could not be read");
            items.push(record.item[0]);
        });
        (items, lost)
    }
}

#[test]
fn lines_come_in_the_order_of_their_reservation_and_lost_ones_are_counted() {
    let mut buffer = Buffer::new();
    assert_eq!(buffer.read(), (vec![], 0));
    assert_eq!(used(&buffer.0), HEADER);
    // 56, 104 and 152 bytes.
    for (item, values) in [(5, 0), (2, 2), (9, 4)] {
        buffer.print(item, values, true);
    }
    assert_eq!(buffer.read(), (vec![5, 2, 9], 0));
    assert_eq!(used(&buffer.0), HEADER + 312);
    // Does not fit; one would, but comes after it.
    buffer.print(7, 6, true);
    buffer.print(8, 0, true);
    assert_eq!(buffer.read(), (vec![5, 2, 9], 2));
    assert_eq!(used(&buffer.0), buffer.0.len());
}

#[test]
fn a_line_that_was_never_written_ends_what_can_be_read() {
    let mut buffer = Buffer::new();
    for (item, written) in [(1, true), (2, false), (3, true)] {
        buffer.print(item, 0, written);
    }
    assert_eq!(buffer.read(), (vec![1], 1));
}

#[test]
fn damage_is_no_line() {
    let mut buffer = Buffer::new();
    buffer.print(1, 0, true);
    buffer.print(2, 0, true);
    let second = HEADER + OutputRecord::SIZE;
    for size in [1, OutputRecord::SIZE as u32 - 1, CAPACITY as u32, u32::MAX] {
        buffer.0[second..][..4].copy_from_slice(&size.to_le_bytes());
        assert_eq!(buffer.read().0, [1]);
    }
    buffer.0[header::RESERVED..][..8].fill(0xff);
    assert_eq!(buffer.read().0, [1]);
    for length in 0..HEADER + 8 {
        assert_eq!(
            read_lines(&buffer.0[..length], Constants::File(b""), |_, _| unreachable!()),
            field(&buffer.0[..length], 16)
        );
    }
}

#[test]
fn a_handler_takes_lines_and_may_set_another() {
    let sink = Arc::new(OutputSink::default());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (inner, to) = (sink.clone(), seen.clone());
    sink.set(move |line| {
        to.lock().unwrap().push(line);
        let to = to.clone();
        inner.set(move |line| to.lock().unwrap().push(OutputLine { text: "second".into(), ..line }));
    });
    let mut buffer = Buffer::new();
    (0..9).for_each(|item| buffer.print(item, 0, true));
    sink.lines("k", &buffer.0, Constants::File(b""));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert_eq!(seen[1], OutputLine { text: "second".into(), ..OutputLine::new("k", [0; 3], [1, 0, 0], "".into()) });
    assert_eq!((seen[7].lost, &*seen[7].kernel), (2, "k"));
}
