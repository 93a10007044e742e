//! Fault records and messages in a pipe.

use std::mem::offset_of;

use geobacter_spool::{
    fault::{FaultKind, FaultRecord},
    job::{DisassembleJob, Request},
    wire,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_fault_record_has_one_layout(
        words in any::<[u32; 2]>(), distances in any::<[i64; 2]>(), length in any::<u64>(), values in any::<[u64; 2]>(),
        group in any::<[u32; 3]>(), item in any::<[u32; 3]>(),
    ) {
        let record = FaultRecord {
            panicked: words[0], kind: words[1], location: distances[0], message: distances[1],
            message_length: length, values, group, item,
        };
        let bytes = record.to_bytes();
        prop_assert_eq!(FaultRecord::from_bytes(&bytes), record);
        // Device code writes the fields at their offsets in the structure.
        let at = |offset: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[offset + i]));
        prop_assert_eq!(at(offset_of!(FaultRecord, location)) as i64, distances[0]);
        prop_assert_eq!(at(offset_of!(FaultRecord, message)) as i64, distances[1]);
        prop_assert_eq!(at(offset_of!(FaultRecord, values) + 8), values[1]);
        prop_assert_eq!(at(offset_of!(FaultRecord, item)) as u32, item[0]);
    }
}

#[test]
fn fault_kinds_have_their_numbers() {
    for kind in [FaultKind::Text, FaultKind::Format, FaultKind::Bounds] {
        assert_eq!(FaultKind::from_number(kind as u32), Some(kind));
    }
    assert_eq!(FaultKind::from_number(0), None);
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
