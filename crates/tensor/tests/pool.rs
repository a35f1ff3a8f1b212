//! Memory kept for reuse: by which thread, and how much.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use bptt_tensor::{Tensor, pooled_bytes, release_pooled_memory};

const MIB: usize = 1 << 20;

/// Elements of a tensor of one mebibyte.
const LEN: usize = MIB / size_of::<f32>();

/// Runs one test at a time, from an empty pool to an empty pool, since the counted bytes are those
/// of the process.
struct Alone(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

fn alone() -> Alone {
    static LOCK: Mutex<()> = Mutex::new(());
    Alone(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Alone {
    fn drop(&mut self) {
        release_pooled_memory();
    }
}

/// Makes tensors in another thread and drops them in this one. The other thread waits after each
/// tensor until it is dropped, and returns the addresses of its tensors.
fn pass_on(rounds: usize) -> Vec<usize> {
    let (sender, receiver) = sync_channel::<Tensor<f32>>(0);
    let (go, may_go) = sync_channel(0);
    thread::scope(|scope| {
        let producer = scope.spawn(move || {
            let mut addresses = Vec::new();
            for _ in 0..rounds {
                let tensor = Tensor::<f32>::zeros([LEN]);
                addresses.push(tensor.as_slice().as_ptr().addr());
                sender.send(tensor).expect("the consumer listens");
                may_go.recv().expect("the consumer answers");
                assert!(pooled_bytes() <= 8 * MIB, "{} bytes are kept", pooled_bytes());
            }
            addresses
        });
        for tensor in receiver {
            drop(tensor);
            go.send(()).expect("the producer waits");
        }
        producer.join().expect("it produces")
    })
}

#[test]
fn a_buffer_that_another_thread_drops_is_reused() {
    let _alone = alone();
    let addresses = pass_on(200);
    assert!(addresses.iter().all(|&address| address == addresses[0]));
    assert!(pooled_bytes() <= MIB, "{} bytes are kept after the producer's end", pooled_bytes());
}

#[test]
fn threads_that_end_keep_nothing() {
    let _alone = alone();
    let before = pooled_bytes();
    for _ in 0..20 {
        let outlives = thread::spawn(|| {
            let tensors: Vec<Tensor<f64>> = (0..4).map(|_| Tensor::ones([LEN])).collect();
            drop(tensors);
            Tensor::<f64>::ones([LEN])
        });
        let outlives = outlives.join().expect("it computes");
        assert_eq!(pooled_bytes(), before);
        drop(outlives);
        assert_eq!(pooled_bytes(), before, "of a thread that has ended");
    }
}

#[test]
fn memory_of_a_vec_is_not_kept() {
    let _alone = alone();
    for _ in 0..100 {
        drop(Tensor::from_vec([LEN], vec![0.0_f32; LEN]));
    }
    assert!(pooled_bytes() <= MIB, "{} bytes are kept", pooled_bytes());
}

#[test]
fn a_thread_returns_its_share_of_the_limit() {
    let _alone = alone();
    let make = || (0..8).map(|_| Tensor::<f32>::ones([LEN])).collect::<Vec<_>>();
    drop(make());
    assert!(pooled_bytes() >= 8 * MIB);
    let in_use = make();
    assert!(pooled_bytes() <= MIB, "{} bytes are kept", pooled_bytes());
    drop(in_use);
    assert!(pooled_bytes() >= 8 * MIB);
    release_pooled_memory();
    assert_eq!(pooled_bytes(), 0);
}
