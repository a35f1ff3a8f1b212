//! Numbers as TensorBoard reads them: protocol buffers in records with checksums.
//!
//! A record is a [`TFRecord`]: the length of the data and the data, each followed by its masked CRC-32C. The data is an
//! [`Event`] message with one [`Summary`][message] of scalars and histograms.
//!
//! [`TFRecord`]: https://www.tensorflow.org/tutorials/load_data/tfrecord
//! [`Event`]: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
//! [message]: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/summary.proto

use crc::{CRC_32_ISCSI, Crc};

use super::histogram::Histogram;

const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The version of the format, which the first record of a file names.
const FILE_VERSION: &str = "brain.Event:2";

/// What TensorBoard shows of an entry: scalars and histograms with their tags. Tags with the same first part, such as
/// `loss/train` and `loss/validation`, are shown together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    values: Vec<(String, Value)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Scalar(f64),
    Histogram(Histogram),
}

impl Summary {
    /// Creates a summary without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number. TensorBoard keeps it in single precision.
    #[must_use]
    pub fn scalar(mut self, tag: impl Into<String>, value: f64) -> Self {
        self.values.push((tag.into(), Value::Scalar(value)));
        self
    }

    /// Adds a number, if there is one.
    #[must_use]
    pub fn optional_scalar(self, tag: &str, value: Option<f64>) -> Self {
        value.into_iter().fold(self, |summary, value| summary.scalar(tag, value))
    }

    /// Adds a distribution.
    #[must_use]
    pub fn histogram(mut self, tag: impl Into<String>, histogram: &Histogram) -> Self {
        self.values.push((tag.into(), Value::Histogram(histogram.clone())));
        self
    }

    /// Returns the message `Summary`.
    fn message(&self) -> Message {
        let mut summary = Message::default();
        for (tag, value) in &self.values {
            let mut message = Message::default();
            message.bytes(1, tag.as_bytes());
            match value {
                Value::Scalar(value) => message.float(2, *value as f32),
                Value::Histogram(histogram) => message.bytes(5, &histogram_message(histogram).0),
            }
            summary.bytes(1, &message.0);
        }
        summary
    }
}

/// Returns the message `HistogramProto`.
fn histogram_message(histogram: &Histogram) -> Message {
    let &Histogram { min, max, mean, norm, .. } = histogram;
    let count = histogram.count() as f64;
    let mut message = Message::default();
    for (field, value) in (1..).zip([min, max, count, mean * count, norm * norm]) {
        message.double(field, value);
    }
    message.doubles(6, histogram.limits());
    message.doubles(7, histogram.counts.iter().map(|&count| count as f64));
    message
}

/// Returns the first record of a file that begins at this time, in seconds since 1970.
pub(super) fn first_record(unix_seconds: f64) -> Vec<u8> {
    let mut message = Message::default();
    message.double(1, unix_seconds);
    message.bytes(3, FILE_VERSION.as_bytes());
    framed(&message.0)
}

/// Returns the record of a summary at this time, in seconds since 1970. It is empty for an empty summary.
pub(super) fn record(unix_seconds: f64, step: u64, summary: &Summary) -> Vec<u8> {
    if summary.values.is_empty() {
        return Vec::new();
    }
    let mut message = Message::default();
    message.double(1, unix_seconds);
    message.varint(2, step);
    message.bytes(5, &summary.message().0);
    framed(&message.0)
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

    fn doubles(&mut self, field: u64, values: impl Iterator<Item = f64>) {
        let packed: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
        self.bytes(field, &packed);
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
    use super::*;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The records are those of `RecordWriter` of the Python package `tensorboard` 2.21 for the same messages.
    #[test]
    fn records_are_those_of_tensorboard() {
        assert_eq!(
            hexadecimal(&first_record(2.0)),
            "1800000000000000a37f4b220900000000000000401a0d627261696e2e4576656e743a32ff2ee0e7"
        );
        assert_eq!(
            hexadecimal(&record(2.0, 300, &Summary::new().scalar("loss/validation", 1.5))),
            "2600000000000000734fe30009000000000000004010ac022a180a160a0f6c6f73732f76616c6964617469\
             6f6e150000c03fa2fe017e"
        );
        assert!(record(2.0, 300, &Summary::new()).is_empty());
    }

    /// The value of the check in the catalogue of checksums, masked by hand: `e3069283` rotated by 15 bits is
    /// `2507c60d`, and the sum with `a282ead8` is `c78ab0e5`.
    #[test]
    fn checksums_are_masked() {
        assert_eq!(CRC_32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xc78a_b0e5_u32.to_le_bytes());
    }
}
