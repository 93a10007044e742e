//! Fault records and messages in a pipe.

use std::mem::offset_of;

use geobacter_spool::{
    fault::{FaultKind, FaultRecord},
    format::{COUNT, Formatter, MAX_VALUES, NOT_CARRIED, NoTemplate, Shape, Style, Template, Value},
    job::{DisassembleJob, Request},
    output::OutputRecord,
    wire,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_fault_record_has_one_layout(
        words in any::<[u32; 2]>(), addresses in any::<[u64; 3]>(), length in any::<u64>(),
        values in any::<[([u64; 2], u32, u32); MAX_VALUES]>(), group in any::<[u32; 3]>(), item in any::<[u32; 3]>(),
    ) {
        let values = values.map(|(bytes, formatter, reserved)| Value { bytes, formatter, reserved });
        let record = FaultRecord {
            panicked: words[0], kind: words[1], anchor: addresses[0], location: addresses[1], message: addresses[2],
            message_length: length, group, item, values,
        };
        let bytes = record.to_bytes();
        prop_assert_eq!(FaultRecord::from_bytes(&bytes), record);
        // Device code writes the fields at their offsets in the structure.
        let at = |offset: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[offset + i]));
        prop_assert_eq!(at(offset_of!(FaultRecord, anchor)), addresses[0]);
        prop_assert_eq!(at(offset_of!(FaultRecord, location)), addresses[1]);
        prop_assert_eq!(at(offset_of!(FaultRecord, message)), addresses[2]);
        prop_assert_eq!(at(offset_of!(FaultRecord, item)) as u32, item[0]);
        let second = offset_of!(FaultRecord, values) + Value::SIZE;
        prop_assert_eq!(at(second + offset_of!(Value, bytes) + 8), values[1].bytes[1]);
        prop_assert_eq!(at(second + offset_of!(Value, formatter)) as u32, values[1].formatter);
    }

    #[test]
    fn any_bytes_are_a_template_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let pieces: Vec<_> = Template::new(&bytes).collect();
        prop_assert!(pieces.len() <= bytes.len() + 1);
        let errors = pieces.iter().filter(|piece| piece.is_err()).count();
        prop_assert!(errors == 0 || errors == 1 && pieces.last() == Some(&Err(NoTemplate)));
    }
}

proptest! {
    #[test]
    fn an_output_record_has_one_layout(
        size in any::<u32>(), group in any::<[u32; 3]>(), item in any::<[u32; 3]>(), words in any::<[u64; 3]>(),
    ) {
        let mut bytes = [0; OutputRecord::SIZE];
        let mut put = |offset: usize, field: &[u8]| bytes[offset..offset + field.len()].copy_from_slice(field);
        put(offset_of!(OutputRecord, size), &size.to_le_bytes());
        for i in 0..3 {
            put(offset_of!(OutputRecord, group) + 4 * i, &group[i].to_le_bytes());
            put(offset_of!(OutputRecord, item) + 4 * i, &item[i].to_le_bytes());
        }
        put(offset_of!(OutputRecord, anchor), &words[0].to_le_bytes());
        put(offset_of!(OutputRecord, message), &words[1].to_le_bytes());
        put(offset_of!(OutputRecord, message_length), &words[2].to_le_bytes());
        let record = OutputRecord {
            size, group, item, reserved: 0, anchor: words[0], message: words[1], message_length: words[2],
        };
        prop_assert_eq!(OutputRecord::from_bytes(&bytes), record);
    }
}

#[test]
fn kinds_of_faults_and_formatters_have_their_numbers() {
    use FaultKind::*;
    for kind in [Message, Unwrap, Bounds, SliceRange, CopyLengths, AssertEqual, AssertDifferent, AssertMatches] {
        assert_eq!(FaultKind::from_number(kind as u32), Some(kind));
    }
    assert_eq!(FaultKind::from_number(0), None);
    for (number, (shape, path, size)) in Shape::ALL.into_iter().enumerate() {
        assert_eq!((shape as usize, Shape::of(path)), (number, Some(shape)));
        for (number, style) in Style::ALL.into_iter().enumerate() {
            assert_eq!(style as usize, number);
            for references in 0..=Formatter::MAX_REFERENCES {
                let formatter = Formatter { style, shape, references };
                let number = formatter.number();
                assert_eq!(Formatter::from_number(number), Some(formatter));
                assert!(![NOT_CARRIED, COUNT].contains(&number));
                // Where device code looks.
                assert_eq!(number >> Formatter::REFERENCES_BIT & 3, references.into());
                assert_eq!(number >> Formatter::SIZE_BIT & 7, size.map_or(0, |size| size + 1));
            }
        }
    }
    assert_eq!(Formatter::from_number(NOT_CARRIED), None);
    assert_eq!(Formatter::from_number(COUNT), None);
    assert_eq!(Formatter::from_number(u32::MAX), None);
}

#[test]
fn messages_pass_through_a_pipe_and_damage_is_an_error() {
    let request = Request::Disassemble(DisassembleJob { target: "gfx942".into(), code: vec![1, 2, 3, 4] });
    let mut pipe = Vec::new();
    wire::send(&mut pipe, &request).expect("sent");
    wire::send(&mut pipe, &request).expect("sent");
    let mut input = pipe.as_slice();
    for _ in 0..2 {
        let received = wire::receive::<Request>(&mut input).expect("received").expect("not the end");
        assert_eq!(format!("{received:?}"), format!("{request:?}"));
    }
    assert!(wire::receive::<Request>(&mut input).expect("the end").is_none());

    assert!(wire::receive::<Request>(&mut &pipe[..pipe.len() / 4]).is_err(), "cut off");
    assert!(wire::receive::<Request>(&mut [0xFF; 64].as_slice()).is_err(), "an absurd length");
    let mut garbage = 4u32.to_le_bytes().to_vec();
    garbage.extend([0xFF; 4]);
    assert!(wire::receive::<Request>(&mut garbage.as_slice()).is_err(), "no such request");
}
