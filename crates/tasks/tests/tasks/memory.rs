//! Adding, copy memory, latch, binary addition and sorting.

use bptt_tasks::{Adding, BinaryAddition, CopyMemory, Latch, Sorting};

use crate::{assert_near, rng};

/// The target is the sum of the two marked numbers, one in each half.
#[test]
fn adding_sums_what_is_marked() {
    for steps in [2, 3, 10, 51] {
        let batch = Adding.batch::<f64>(&mut rng(), [steps, 20]);
        for b in 0..20 {
            let marked: Vec<usize> =
                (0..steps).filter(|&t| batch.inputs[[t, b, 1]] == 1.0).collect();
            assert!(marked.len() == 2 && marked[0] < steps / 2 && marked[1] >= steps / 2);
            let sum: f64 = marked.iter().map(|&t| batch.inputs[[t, b, 0]]).sum();
            assert_eq!(batch.targets[[b, 0]], sum);
        }
    }
}

/// The best answer from the last step: its number plus a half if it is marked, else 1.
#[test]
fn adding_without_a_memory() {
    let (steps, count) = (5, 100_000);
    let batch = Adding.batch::<f64>(&mut rng(), [steps, count]);
    let error = |b| {
        let [number, mark] = [0, 1].map(|f| batch.inputs[[steps - 1, b, f]]);
        let answer = if mark == 1.0 { number + 0.5 } else { 1.0 };
        f64::powi(batch.targets[[b, 0]] - answer, 2)
    };
    let loss = (0..count).map(error).sum::<f64>() / count as f64;
    assert_near(loss, Adding.memoryless_loss(steps), 0.18 / f64::sqrt(count as f64));
}

#[test]
fn copy_memory_asks_for_what_it_showed() {
    let task = CopyMemory::new(4).length(3).kinds(5);
    let batch = task.batch(&mut rng(), 50);
    assert_eq!(batch.inputs.shape(), [task.steps(), 50]);
    for (b, inputs) in batch.inputs.sequences().iter().enumerate() {
        let targets: Vec<usize> = (0..10).map(|t| batch.targets[t * 50 + b]).collect();
        assert_eq!(inputs[3..], [0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(targets[..7], [0; 7]);
        assert_eq!(targets[7..], inputs[..3]);
        assert!(inputs[..3].iter().all(|symbol| (1..=5).contains(symbol)));
    }
    assert!((CopyMemory::new(100).memoryless_loss() - 10.0 * 8f64.ln() / 120.0).abs() < 1e-15);
}

#[test]
fn latch_shows_its_class_first() {
    let batch = Latch::new().signal(3).noise(0.0).batch::<f64>(&mut rng(), [5, 30]);
    for (b, &class) in batch.targets.iter().enumerate() {
        let inputs = [0, 1, 2, 3, 4].map(|t| batch.inputs[[t, b, 0]]);
        let signal = [-1.0, 1.0][class];
        assert_eq!(inputs, [signal, signal, signal, 0.0, 0.0]);
    }
    assert!(batch.targets.contains(&0) && batch.targets.contains(&1));
}

#[test]
fn latch_has_the_noise_asked_for() {
    let batch = Latch::new().noise(0.5).batch::<f64>(&mut rng(), [101, 100]);
    let noise = &batch.inputs.as_slice()[100..];
    let variance = noise.iter().map(|x| x * x).sum::<f64>() / 1e4;
    assert_near(variance, 0.25, 0.25 * f64::sqrt(2.0 / 1e4));
}

/// As whole numbers.
#[test]
fn binary_addition_adds() {
    let (steps, count) = (30, 50);
    let batch = BinaryAddition.batch::<f64>(&mut rng(), [steps, count]);
    for b in 0..count {
        let number = |digit: &dyn Fn(usize) -> f64| {
            (0..steps).map(|t| digit(t) * f64::from(1u32 << t)).sum::<f64>()
        };
        let [x, y] = [0, 1].map(|f| number(&|t| batch.inputs[[t, b, f]]));
        assert_eq!(number(&|t| batch.targets[t * count + b] as f64), x + y);
    }
}

/// The best guess from both digits alone: their sum without a carry.
#[test]
fn binary_addition_without_a_memory() {
    let (steps, count) = (4, 100_000);
    let batch = BinaryAddition.batch::<f64>(&mut rng(), [steps, count]);
    let digits = batch.inputs.as_slice().chunks(2).map(|digits| digits[0] != digits[1]);
    let right = digits.zip(&batch.targets).filter(|(sum, digit)| usize::from(*sum) == **digit);
    let share = right.count() as f64 / (steps * count) as f64;
    assert_near(share, BinaryAddition.memoryless_accuracy(steps), 0.5 / f64::sqrt(count as f64));
}

#[test]
fn sorting_points_at_numbers_in_order() {
    let batch = Sorting.batch::<f64>(&mut rng(), [7, 40]);
    for b in 0..40 {
        let positions: Vec<usize> = (0..7).map(|rank| batch.targets[rank * 40 + b]).collect();
        let sorted: Vec<f64> = positions.iter().map(|&s| batch.inputs[[s, b, 0]]).collect();
        assert!(sorted.is_sorted());
        assert_eq!(positions.iter().map(|s| 1 << s).sum::<u32>(), 127);
    }
    assert!((Sorting.chance(5) - 1.0 / 120.0).abs() < 1e-15);
}
