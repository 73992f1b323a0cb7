//! Learning rate as a function of the step.

use serde::{Deserialize, Serialize};

/// How the rate falls after warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decay {
    /// Not at all.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` steps.
    Step {
        /// Steps between two drops, at least 1.
        every: u64,
        /// Multiplier of each drop.
        factor: f64,
    },
    /// Half a cosine from the base rate to `floor` over `total` steps, then `floor`.
    Cosine {
        /// Steps from the end of the warm-up to the floor, at least 1.
        total: u64,
        /// Last rate.
        floor: f64,
    },
}

/// Warm-up and decay of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Rate after warm-up and before decay.
    pub base: f64,
    /// Steps over which the rate rises linearly to the base; step `s` uses `(s + 1) / warmup` of it.
    pub warmup: u64,
    /// What follows.
    pub decay: Decay,
}

impl Schedule {
    /// The same rate throughout.
    pub fn constant(base: f64) -> Self {
        Self { base, warmup: 0, decay: Decay::Constant }
    }

    /// Rate of step `step`, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.base * (step + 1) as f64 / self.warmup as f64;
        }
        let step = step - self.warmup;
        match self.decay {
            Decay::Constant => self.base,
            Decay::Step { every, factor } => self.base * factor.powf((step / every.max(1)) as f64),
            Decay::Cosine { total, floor } => {
                let share = (step as f64 / total.max(1) as f64).min(1.0);
                floor + (self.base - floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_rises_to_the_base() {
        let schedule = Schedule { base: 0.4, warmup: 4, decay: Decay::Constant };
        let rates: Vec<f64> = (0..6).map(|step| schedule.at(step)).collect();
        assert_eq!(rates, [0.1, 0.2, 0.30000000000000004, 0.4, 0.4, 0.4]);
    }

    #[test]
    fn steps_drop_at_multiples() {
        let decay = Decay::Step { every: 3, factor: 0.5 };
        let schedule = Schedule { base: 8.0, warmup: 1, decay };
        let rates: Vec<f64> = (0..8).map(|step| schedule.at(step)).collect();
        assert_eq!(rates, [8.0, 8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 2.0]);
    }

    #[test]
    fn a_cosine_passes_its_middle_and_stays_at_the_floor() {
        let schedule =
            Schedule { base: 1.0, warmup: 0, decay: Decay::Cosine { total: 10, floor: 0.2 } };
        assert_eq!(schedule.at(0), 1.0);
        assert!((schedule.at(5) - 0.6).abs() < 1e-12);
        assert!((schedule.at(10) - 0.2).abs() < 1e-12);
        assert_eq!(schedule.at(1000), schedule.at(10));
    }
}
