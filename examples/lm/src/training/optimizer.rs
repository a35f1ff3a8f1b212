//! The optimizer and the learning rate that the settings name.

use bptt::prelude::*;
use bptt::run::LearningRate;

use super::settings::{OptimizerKind, ScheduleKind, TrainingSettings};
use crate::config::Config;

/// The share of steps over which the learning rate of the cosine schedule rises.
const WARM_UP: f64 = 0.05;

/// The final learning rate of the cosine schedule, as a share of the highest.
const FINAL_RATE: f64 = 0.01;

/// The factor by which the plateau schedule lowers the learning rate.
const ANNEAL: f64 = 0.25;

/// Any optimizer.
pub(super) type AnyOptimizer = Box<dyn Optimizer<f32>>;

pub(super) fn optimizer(config: &Config) -> AnyOptimizer {
    let (settings, weight_decay) = (&config.training, config.regularization.weight_decay);
    let rate = settings.learning_rate;
    match settings.optimizer {
        OptimizerKind::Adam => Box::new(Adam::adamw(rate, weight_decay)),
        OptimizerKind::Sgd => {
            Box::new(Sgd::new(rate).momentum(settings.momentum).weight_decay(weight_decay))
        }
        OptimizerKind::RmsProp => Box::new(RmsProp::new(rate).weight_decay(weight_decay)),
        OptimizerKind::Adagrad => Box::new(Adagrad::new(rate).weight_decay(weight_decay)),
    }
}

pub(super) fn schedule(settings: &TrainingSettings, steps: usize) -> LearningRate {
    let peak = settings.learning_rate;
    match settings.schedule {
        ScheduleKind::Cosine => {
            let warm_up = (WARM_UP * steps as f64) as usize;
            let falling = Schedule::cosine(peak, steps - warm_up, FINAL_RATE * peak);
            falling.warm_up(warm_up).into()
        }
        ScheduleKind::Constant => Schedule::constant(peak).into(),
        ScheduleKind::Plateau => Plateau::new(peak).factor(ANNEAL).patience(0).into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn the_cosine_rises_and_falls() {
        #[derive(Parser)]
        struct Flags {
            #[command(flatten)]
            training: TrainingSettings,
        }
        let settings = Flags::parse_from(["", "--learning-rate", "0.01"]).training;
        let LearningRate::Schedule(schedule) = schedule(&settings, 1000) else {
            panic!("the cosine is a function of the step")
        };
        let rates: Vec<_> = (0..1000).map(|step| schedule.at(step)).collect();
        assert!(rates[..=50].is_sorted_by(|a, b| a < b));
        assert_eq!(rates[50], 0.01);
        assert!(rates[50..].is_sorted_by(|a, b| a > b));
        assert!((rates[525] - 0.00505).abs() < 1e-8, "half way between peak and end");
    }
}
