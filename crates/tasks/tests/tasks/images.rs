//! Glyphs and the moving dot.

use std::collections::BTreeSet;

use bptt_tasks::{Glyphs, Move, MovingDot};

use crate::{assert_near, rng};

/// Glyphs differ, even by more than one pixel, and use the whole height.
#[test]
fn glyphs_differ() {
    let all = Glyphs::CHARACTERS.map(Glyphs::pixels);
    for (i, a) in all.iter().enumerate() {
        assert!(a[0].contains(&true) && a[6].contains(&true), "{}", Glyphs::CHARACTERS[i]);
        for (j, b) in all.iter().enumerate().skip(i + 1) {
            let differences = a.as_flattened().iter().zip(b.as_flattened()).filter(|(a, b)| a != b);
            let pair = [i, j].map(|class| Glyphs::CHARACTERS[class]);
            assert!(differences.count() >= 2, "{pair:?}");
        }
    }
}

#[test]
fn glyphs_look_as_they_should() {
    let drawn = |character| {
        let row = |row: [bool; 5]| row.map(|ink| if ink { '#' } else { '.' });
        Glyphs::pixels(character).map(|pixels| String::from_iter(row(pixels)))
    };
    assert_eq!(drawn('R'), ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"]);
    assert_eq!(drawn('7'), ["#####", "....#", "...#.", "..#..", "..#..", ".#...", ".#..."]);
}

/// Each picture holds its glyph, wherever it is shifted.
#[test]
fn glyphs_are_shifted_whole() {
    let batch = Glyphs::new().shift(2).batch::<f64>(&mut rng(), 200);
    let mut places = BTreeSet::new();
    for (b, &class) in batch.targets.iter().enumerate() {
        let glyph = Glyphs::pixels(Glyphs::CHARACTERS[class]);
        let ink = glyph.as_flattened().iter().filter(|&&ink| ink).count();
        assert_eq!(batch.inputs.index_first(b).as_slice().iter().sum::<f64>(), ink as f64);
        let matches = |top: usize, left: usize| {
            (0..7).all(|y| {
                (0..5).all(|x| {
                    batch.inputs[[b, top + y, left + x, 0]] == f64::from(u8::from(glyph[y][x]))
                })
            })
        };
        let place = (0..25).find(|place| matches(place / 5, place % 5)).expect("the glyph");
        places.insert(place);
    }
    assert!(places.len() >= 24, "{places:?}");
}

#[test]
fn noise_inverts_pixels() {
    let batch = Glyphs::new().noise(1.0).batch::<f64>(&mut rng(), 1);
    let glyph = Glyphs::pixels(Glyphs::CHARACTERS[batch.targets[0]]);
    for (pixel, ink) in batch.inputs.as_slice().iter().zip(glyph.as_flattened()) {
        assert_eq!(*pixel == 1.0, !ink);
    }
}

/// A film has one dot, and its labels lead from each place to the next.
#[test]
fn labels_follow_the_dot() {
    let (height, width, steps, films) = (4, 5, 40, 50);
    let task = MovingDot::new(height, width);
    let batch = task.batch::<f64>(&mut rng(), [steps, films]);
    let pixels = batch.inputs.as_slice();
    let place = |frame: usize| {
        let frame = &pixels[frame * height * width..][..height * width];
        assert_eq!(frame.iter().sum::<f64>(), 1.0);
        frame.iter().position(|&pixel| pixel == 1.0).expect("the dot")
    };
    for b in 0..films {
        assert_eq!(batch.targets[b], 0);
        for t in 1..steps {
            let (from, to) = (place((t - 1) * films + b), place(t * films + b));
            let [down, right] = [
                (to / width + height - from / width) % height,
                (to % width + width - from % width) % width,
            ];
            let expected = match [down, right] {
                [0, 0] => Move::Rest,
                [1, 0] => Move::Down,
                [0, 1] => Move::Right,
                [0, _] => Move::Left,
                _ => Move::Up,
            };
            assert_eq!(Move::ALL[batch.targets[t * films + b]], expected);
        }
    }
}

#[test]
fn moves_without_a_memory() {
    let (task, films) = (MovingDot::new(3, 3), 2000);
    let batch = task.batch::<f64>(&mut rng(), [10, films]);
    let rests = batch.targets.iter().filter(|&&class| class == 0).count() as f64;
    // The labels of a film are alike, so that a film counts as one draw.
    let error = 0.4 / f64::sqrt(films as f64);
    assert_near(rests / (10.0 * films as f64), task.memoryless_accuracy(10), error);
}
