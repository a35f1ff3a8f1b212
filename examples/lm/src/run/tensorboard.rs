//! Events as TensorBoard reads them: protocol buffers in records with checksums.
//!
//! A record is a [`TFRecord`]: the length of the data and the data, each followed by its masked CRC-32C. The data is an
//! [`Event`] message with one [`Summary`] of scalars.
//!
//! [`TFRecord`]: https://www.tensorflow.org/tutorials/load_data/tfrecord
//! [`Event`]: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
//! [`Summary`]: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/summary.proto

use crc::{CRC_32_ISCSI, Crc};

use super::event::Event;

const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The version of the format, which the first record of a file names.
const FILE_VERSION: &str = "brain.Event:2";

/// Returns the record of an event at this time, in seconds since 1970. It is empty for an event without scalars.
pub(super) fn record(event: &Event, unix_seconds: f64) -> Vec<u8> {
    let mut message = Message::default();
    message.double(1, unix_seconds);
    match event {
        Event::Start { .. } => message.bytes(3, FILE_VERSION.as_bytes()),
        event => {
            let scalars = scalars(event);
            if scalars.is_empty() {
                return Vec::new();
            }
            message.varint(2, event.step());
            message.bytes(5, &summary(&scalars));
        }
    }
    framed(&message.0)
}

/// Returns the scalars of an event and their tags.
fn scalars(event: &Event) -> Vec<(&'static str, f64)> {
    match *event {
        Event::Step { nats, learning_rate, gradient_norm, tokens_per_second, .. } => vec![
            ("loss/train", nats),
            ("learning_rate", learning_rate),
            ("gradient_norm", gradient_norm),
            ("tokens_per_second", tokens_per_second),
        ],
        Event::Validation { nats, .. } => vec![("loss/validation", nats)],
        Event::Test { nats, .. } => vec![("loss/test", nats)],
        _ => Vec::new(),
    }
}

/// Returns the message `Summary` of these scalars.
fn summary(scalars: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for &(tag, value) in scalars {
        let mut scalar = Message::default();
        scalar.bytes(1, tag.as_bytes());
        scalar.float(2, value as f32);
        summary.bytes(1, &scalar.0);
    }
    summary.0
}

/// Returns the data in the frame of a record.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), data, &masked_crc(data)].concat()
}

/// Returns the checksum, masked so that data with its own checksum inside is still checked well.
fn masked_crc(data: &[u8]) -> [u8; 4] {
    let masked = CRC_32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8);
    masked.to_le_bytes()
}

/// A protocol buffer message: fields one after another, each a key and a value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.number(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Writes the field's number and the kind of its value.
    fn key(&mut self, field: u64, kind: u64) {
        self.number(field << 3 | kind);
    }

    /// Writes seven bits in each byte, the lowest first. The top bit tells that more follow.
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{start, step, validation};
    use super::*;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The records are those of `RecordWriter` of the Python package `tensorboard` 2.21 for the same messages.
    #[test]
    fn records_are_those_of_tensorboard() {
        assert_eq!(
            hexadecimal(&record(&start(), 2.0)),
            "1800000000000000a37f4b220900000000000000401a0d627261696e2e4576656e743a32ff2ee0e7"
        );
        let event = Event::Validation { step: 300, nats: 1.5, best: true, seconds: 9.0 };
        assert_eq!(
            hexadecimal(&record(&event, 2.0)),
            "2600000000000000734fe30009000000000000004010ac022a180a160a0f6c6f73732f76616c6964617469\
             6f6e150000c03fa2fe017e"
        );
    }

    /// The value of the check in the catalogue of checksums, masked by hand: `e3069283` rotated by 15 bits is
    /// `2507c60d`, and the sum with `a282ead8` is `c78ab0e5`.
    #[test]
    fn checksums_are_masked() {
        assert_eq!(CRC_32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xc78a_b0e5_u32.to_le_bytes());
    }

    #[test]
    fn scalars_are_named_by_what_they_measure() {
        let tags = |event: &Event| scalars(event).iter().map(|&(tag, _)| tag).collect::<Vec<_>>();
        let of_step = ["loss/train", "learning_rate", "gradient_norm", "tokens_per_second"];
        assert_eq!(tags(&step(1)), of_step);
        assert_eq!(tags(&validation(1)), ["loss/validation"]);
        let note = Event::Note { step: 1, text: "a remark".to_owned() };
        assert!(tags(&note).is_empty() && record(&note, 2.0).is_empty());
    }
}
