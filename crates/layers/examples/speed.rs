use bptt_autodiff::*;
use bptt_layers::*;
use bptt_tensor::*;
use rand::SeedableRng;
use std::time::Instant;
fn time(name: &str, flop: f64, mut f: impl FnMut()) {
    for _ in 0..3 {
        f();
    }
    let mut v = vec![];
    let t0 = Instant::now();
    while t0.elapsed().as_secs_f64() < 1.5 || v.len() < 7 {
        let t = Instant::now();
        f();
        v.push(t.elapsed().as_secs_f64() * 1e3);
    }
    v.sort_by(|a, b| a.partial_cmp(b).unwrap());
    println!(
        "{name:30} median {:9.3} ms  min {:9.3}  {:6.1} GF/s (min)",
        v[v.len() / 2],
        v[0],
        flop / v[0] / 1e6
    );
}
fn cell<T: Scalar, C: StateSizes<T>>(
    name: &str,
    cell: &C,
    t: usize,
    b: usize,
    i: usize,
    flop: f64,
) {
    let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
    let x = Tensor::<T>::normal([t, b, i], 0.0, 1.0, &mut rng);
    time(&format!("{name} forward"), flop, || {
        let tape = Tape::new();
        let xs = tape.variable(x.clone());
        let (y, _) = scan(cell, xs, cell.zero_state(&tape, b));
        std::hint::black_box(y.value());
    });
    time(&format!("{name} f+b"), 3.0 * flop, || {
        let tape = Tape::new();
        let xs = tape.variable(x.clone());
        let (y, _) = scan(cell, xs, cell.zero_state(&tape, b));
        std::hint::black_box(tape.backward((y * y).sum_all()));
    });
}
fn main() {
    let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(0);
    let a: Vec<String> = std::env::args().collect();
    let w = a.get(1).map(|s| s.as_str()).unwrap_or("all");
    let on = |n: &str| w == "all" || w == n;
    let l =
        |t: usize, b: usize, i: usize, h: usize, g: usize| 2.0 * (t * b * g * h * (i + h)) as f64;
    if on("lstm") {
        cell::<f32, _>(
            "lstm 256 b32 t100",
            &Lstm::new(&mut rng, 256, 256),
            100,
            32,
            256,
            l(100, 32, 256, 256, 4),
        );
    }
    if on("big") {
        cell::<f32, _>(
            "lstm 1024 b64 t50",
            &Lstm::new(&mut rng, 1024, 1024),
            50,
            64,
            1024,
            l(50, 64, 1024, 1024, 4),
        );
    }
    if on("elman") {
        cell::<f32, _>(
            "elman 256-512 b32 t100",
            &Elman::new(&mut rng, 256, 512),
            100,
            32,
            256,
            l(100, 32, 256, 512, 1),
        );
    }
    if on("small") {
        cell::<f32, _>(
            "elman 16-64 b1 t1000",
            &Elman::new(&mut rng, 16, 64),
            1000,
            1,
            16,
            l(1000, 1, 16, 64, 1),
        );
    }
    if on("tiny") {
        cell::<f32, _>("lstm 4 b1 t100", &Lstm::new(&mut rng, 4, 4), 100, 1, 4, l(100, 1, 4, 4, 4));
    }
    if on("gru") {
        cell::<f32, _>(
            "gru 256 b32 t100",
            &Gru::new(&mut rng, 256, 256, Reset::After),
            100,
            32,
            256,
            l(100, 32, 256, 256, 3),
        );
    }
    if on("lstm64") {
        cell::<f64, _>(
            "f64 lstm 256 b32 t100",
            &Lstm::new(&mut rng, 256, 256),
            100,
            32,
            256,
            l(100, 32, 256, 256, 4),
        );
    }
}
