//! The trajectories of PyTorch.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Adagrad, Adam, Optimizer, RmsProp, Sgd};

use crate::golden::{Golden, assert_close};
use crate::support::{Pair, optimizers};

/// PyTorch's name of each slot, and the name here.
const MEMORIES: [(&str, &str); 9] = [
    ("momentum_buffer", "momentum"),
    ("exp_avg", "average"),
    ("exp_avg_sq", "square_average"),
    ("square_avg", "square_average"),
    ("grad_avg", "average"),
    ("sum", "square_sum"),
    ("max_exp_avg_sq", "square_maximum"),
    ("exp_inf", "maximum"),
    ("acc_delta", "change_average"),
];

#[test]
fn given_gradients_move_parameters_as_in_pytorch() {
    for (name, mut optimizer) in optimizers() {
        let golden = Golden::load(&format!("optim_{name}"));
        let mut model = Pair::new(golden.tensor("start.a"), golden.tensor("start.b"));
        let [ga, gb, after_a, after_b] =
            ["gradients.a", "gradients.b", "after.a", "after.b"].map(|name| golden.tensor(name));
        for step in 0..5 {
            let gradients = model.gradients(&ga.index_first(step), &gb.index_first(step));
            optimizer.step(&mut model, &gradients);
            let what = format!("{name}, step {step}");
            assert_close(&what, model.a.value(), &after_a.index_first(step));
            assert_close(&what, model.b.value(), &after_b.index_first(step));
        }

        let state = optimizer.state();
        assert_eq!(state.parse::<u64>("a.step").unwrap(), 5);
        let mut compared = 0;
        for parameter in ["a", "b"] {
            for (theirs, ours) in MEMORIES {
                let key = format!("state.{parameter}.{theirs}");
                if golden.has(&key) {
                    let memory = state.tensor(&format!("{parameter}.{ours}")).unwrap();
                    assert_close(&format!("{name}, {key}"), memory, &golden.tensor(&key));
                    compared += 1;
                }
            }
        }
        assert_eq!(state.names().count(), compared, "{name} remembers {state:?}");
    }
}

#[test]
fn own_gradients_move_parameters_as_in_pytorch() {
    let slow = |optimizer: Sgd<f64>| -> Box<dyn Optimizer<f64>> {
        let mut optimizer = optimizer;
        optimizer.set_learning_rate(0.1 * 0.2);
        Box::new(optimizer)
    };
    let cases: [(_, Box<dyn Optimizer<f64>>); 7] = [
        ("sgd", slow(Sgd::new(0.1))),
        ("sgd_momentum", slow(Sgd::new(0.1).momentum(0.9))),
        ("sgd_nesterov", slow(Sgd::new(0.1).nesterov(0.9))),
        ("adam", Box::new(Adam::new(0.05).betas(0.9, 0.99))),
        ("adamw", Box::new(Adam::adamw(0.05, 0.1))),
        ("rmsprop", Box::new(RmsProp::new(0.05).alpha(0.9))),
        ("adagrad", Box::new(Adagrad::new(0.1))),
    ];
    for (name, mut optimizer) in cases {
        let golden = Golden::load(&format!("optim_quadratic_{name}"));
        let (m, t) = (golden.tensor("M"), golden.tensor("t").reshape([6, 1]));
        let mut p = Param::new(golden.tensor("start"));
        for step in 0..5 {
            let tape = Tape::new();
            let x = tape.param(&p);
            let residual = tape.constant(m.clone()).matmul(x.reshape([4, 1])) - &t;
            let loss = residual.square().sum_all() * 0.5 + (x * 3.0).cos().sum_all() * 0.1;
            let gradients = tape.backward(loss);
            let what = format!("{name}, step {step}");
            assert_close(&what, &gradients[&p], &golden.tensor("grad").index_first(step));
            optimizer.step(&mut p, &gradients);
            assert_close(&what, p.value(), &golden.tensor("after").index_first(step));
        }
    }
}
