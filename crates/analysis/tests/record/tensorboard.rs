//! The event file, read back by a reader of its own.

use std::collections::BTreeMap;
use std::fs;

use bptt_analysis::record::{Record, Recorder};

use crate::support::{folder, lstm, read};

/// The checksum CRC-32C, bit by bit.
fn crc_32c(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

/// Returns the data of each record, whose checksums are right.
fn records(mut file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let (length, rest) = checked(file, 8);
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
        let (data, rest) = checked(rest, length);
        records.push(data);
        file = rest;
    }
    records
}

/// Returns so many bytes, whose checksum follows them, and what is after it.
fn checked(bytes: &[u8], length: usize) -> (&[u8], &[u8]) {
    let (data, rest) = bytes.split_at(length);
    let (crc, rest) = rest.split_at(4);
    let masked = crc_32c(data).rotate_right(15).wrapping_add(0xa282_ead8);
    assert_eq!(crc, masked.to_le_bytes());
    (data, rest)
}

#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Double(f64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// Returns the fields of a protocol buffer message, with their numbers.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn number(message: &mut &[u8]) -> u64 {
        let end = message.iter().position(|byte| byte & 0x80 == 0).expect("it ends") + 1;
        let (bytes, rest) = message.split_at(end);
        *message = rest;
        bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    }
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message);
        let mut take = |length| {
            let (bytes, rest) = message.split_at(length);
            message = rest;
            bytes
        };
        let field = match key & 7 {
            1 => Field::Double(f64::from_le_bytes(take(8).try_into().expect("eight"))),
            5 => Field::Float(f32::from_le_bytes(take(4).try_into().expect("four"))),
            0 => Field::Number(number(&mut message)),
            2 => {
                let length = number(&mut message) as usize;
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            kind => panic!("kind {kind}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

#[derive(Debug, Default)]
struct Read {
    scalars: BTreeMap<String, f32>,
    histograms: BTreeMap<String, ReadHistogram>,
}

#[derive(Debug)]
struct ReadHistogram {
    /// The fields 1 to 5.
    numbers: Vec<f64>,
    limits: Vec<f64>,
    counts: Vec<f64>,
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks(8).map(|it| f64::from_le_bytes(it.try_into().expect("eight"))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Returns the step and the values of an event.
fn event(data: &[u8]) -> (u64, Read) {
    let (mut step, mut read) = (0, Read::default());
    for (field, content) in fields(data) {
        match (field, content) {
            (1, Field::Double(time)) => assert!(time > 1.7e9),
            (2, Field::Number(number)) => step = number,
            (5, Field::Bytes(summary)) => {
                for (_, value) in fields(summary) {
                    let Field::Bytes(value) = value else { panic!("{value:?}") };
                    enter(value, &mut read);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    (step, read)
}

fn enter(value: &[u8], read: &mut Read) {
    match &fields(value)[..] {
        [(1, Field::Bytes(tag)), (2, Field::Float(value))] => {
            assert!(read.scalars.insert(text(tag), *value).is_none());
        }
        [(1, Field::Bytes(tag)), (5, Field::Bytes(histogram))] => {
            let (mut numbers, mut lists) = (Vec::new(), Vec::new());
            for (index, (field, content)) in fields(histogram).into_iter().enumerate() {
                assert_eq!(field, index as u64 + 1);
                match content {
                    Field::Double(number) => numbers.push(number),
                    Field::Bytes(list) => lists.push(doubles(list)),
                    other => panic!("{other:?}"),
                }
            }
            let [limits, counts] = lists.try_into().expect("two lists");
            read.histograms.insert(text(tag), ReadHistogram { numbers, limits, counts });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_event_file_has_the_numbers_of_the_record() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record").every(2);
    let mut training = lstm(0.01);
    for _ in 0..2 {
        training.step(&mut recorder).expect("a writable folder");
    }
    recorder.validation(2, 0.25).expect("a writable folder");
    let file = fs::read(folder.path().join("events.out.tfevents.bptt")).expect("it is there");
    let recorded = read(folder.path());
    let events = records(&file);
    assert_eq!(events.len(), recorded.len());
    assert!(matches!(fields(events[0])[1], (3, Field::Bytes(b"brain.Event:2"))));
    for (data, record) in events[1..].iter().zip(&recorded[1..]) {
        let (at, Read { scalars, histograms }) = event(data);
        match record {
            &Record::Step { step, loss, learning_rate, gradient_norm, .. } => {
                assert_eq!(at, step);
                let expected = [("gradient_norm", gradient_norm), ("learning_rate", learning_rate)];
                let expected = expected.map(|(tag, value)| (tag, value.expect("it was given")));
                let expected = expected.into_iter().chain([("loss/train", loss)]);
                let expected = expected.map(|(tag, value)| (tag.to_owned(), value as f32));
                assert_eq!(scalars, expected.collect());
            }
            Record::Validation { .. } => {
                assert_eq!(scalars, [("loss/validation".to_owned(), 0.25)].into());
            }
            Record::Details { parameters, values, .. } => {
                for parameter in parameters {
                    let name = &parameter.name;
                    assert_eq!(
                        scalars[&format!("weight_norm/{name}")],
                        parameter.weights.norm as f32
                    );
                    let ratio = parameter.update_ratio().map(|ratio| ratio as f32);
                    assert_eq!(scalars.get(&format!("update_ratio/{name}")).copied(), ratio);
                    let ReadHistogram { numbers, limits, counts } =
                        &histograms[&format!("weights/{name}")];
                    let weights = &parameter.weights;
                    assert_eq!(numbers[..3], [weights.min, weights.max, weights.count() as f64]);
                    assert!((numbers[3] - weights.mean * numbers[2]).abs() < 1e-12);
                    assert!((numbers[4] - weights.norm.powi(2)).abs() < 1e-12);
                    assert_eq!(limits, &weights.limits().collect::<Vec<_>>());
                    assert_eq!(counts.iter().sum::<f64>(), numbers[2]);
                    assert!(limits.is_sorted() && limits.last() == Some(&weights.max));
                    assert!(histograms.contains_key(&format!("gradients/{name}")));
                }
                for value in values {
                    assert!(histograms.contains_key(&format!("values/{}", value.name)));
                    let saturation = value.gate.map(|gate| gate.saturated() as f32);
                    let tag = format!("saturation/{}", value.name);
                    assert_eq!(scalars.get(&tag).copied(), saturation);
                    let dead = value.gate.is_none().then_some(value.dead.len() as f32);
                    assert_eq!(scalars.get(&format!("dead_units/{}", value.name)).copied(), dead);
                }
                assert!(scalars.contains_key("gradient_at_lag_11/h"));
            }
            other => panic!("{other:?}"),
        }
    }
}
