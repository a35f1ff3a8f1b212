//! Random guessing and multi-grid random search.

use std::cell::RefCell;

use bptt_trainers::{MultiGridSearch, RandomGuessing, Trainer};

use crate::support::{BAD_START, Latch, at, network, rastrigin, step};

#[test]
fn multi_grid_search_finds_the_least_of_many_minima() {
    let (mut w, mut trainer) = (at(&BAD_START), MultiGridSearch::new().size(5.0).tries(500));
    for _ in 0..100 {
        step(&mut trainer, &mut w, &rastrigin);
    }
    assert!(trainer.present_size() < 1e-3, "{}", trainer.present_size());
    assert!(rastrigin(w.value().as_slice()) < 0.01, "{w:?}");
}

#[test]
fn a_hypercube_shrinks_when_it_brings_nothing() {
    let points = RefCell::new(Vec::new());
    let (mut w, mut trainer) =
        (at(&[1.0, -1.0]), MultiGridSearch::new().size(2.0).tries(40).shrinking(0.25));
    for size in [2.0, 0.5, 0.125] {
        points.borrow_mut().clear();
        assert_eq!(trainer.present_size(), size);
        let progress = step(&mut trainer, &mut w, &|w| {
            points.borrow_mut().push([w[0], w[1]]);
            3.0
        });
        assert_eq!(progress.loss_after, Some(3.0));
        assert_eq!(progress.passes, 41);
        assert_eq!(w.value().to_vec(), [1.0, -1.0]);
        for (i, centre) in [1.0, -1.0].into_iter().enumerate() {
            let offsets =
                points.borrow()[1..].iter().map(|x| (x[i] - centre) / size).collect::<Vec<f64>>();
            let ends = offsets.iter().fold([0.0, 0.0], |[a, b]: [f64; 2], &x| [a.min(x), b.max(x)]);
            assert!((-1.0..-0.8).contains(&ends[0]) && (0.8..1.0).contains(&ends[1]), "{ends:?}");
        }
    }
    let progress = step(&mut trainer, &mut w, &|w| if w[0] == 1.0 { 3.0 } else { w[0] });
    assert_eq!(progress.loss_after, Some(w.value()[[0]]));
    assert!(progress.passes == 2 && w.value()[[0]] != 1.0);
    assert_eq!(trainer.present_size(), 0.125 / 4.0);
}

#[test]
fn guessing_solves_the_latch() {
    let (task, mut model) = (Latch::new(1, [30, 20]), network(2, 2));
    let mut trainer = RandomGuessing::new().guesses(20);
    let mut steps = 0;
    loop {
        let progress = trainer.step(&mut model, &|model, tape| task.objective(model, tape));
        steps += 1;
        if progress.expect("a step").loss_after < Some(0.1) {
            break;
        }
        assert!(steps < 200);
    }
    assert!(Latch::new(3, [60, 50]).is_solved_by(&model), "after {steps} steps");
}

#[test]
fn guesses_are_uniform() {
    let points = RefCell::new(Vec::new());
    let (mut w, mut trainer) = (at(&[0.5]), RandomGuessing::new().range(3.0).guesses(4000));
    step(&mut trainer, &mut w, &|w| {
        points.borrow_mut().push(w[0]);
        0.0
    });
    assert_eq!(w.value().to_vec(), [0.5]);
    let points = &points.borrow()[1..];
    assert!(points.iter().all(|x| x.abs() <= 3.0) && points.len() == 4000);
    for third in [-3.0, -1.0, 1.0] {
        let count = points.iter().filter(|&&x| x >= third && x < third + 2.0).count();
        assert!(count.abs_diff(1333) < 120, "{count} of 4000"); // a standard deviation is 30
    }
}
