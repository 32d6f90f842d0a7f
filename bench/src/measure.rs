//! Time and what is said about it. Times are CPU time, so that other processes of the machine disturb them less;
//! everything that is compared is measured in the same rounds, one after the other, so that a slow phase of the
//! machine meets all of them; ratios are taken within a round, and their median is reported.

use serde::{Deserialize, Serialize};
use std::fmt;

/// CPU time of this thread in nanoseconds.
pub fn thread_ns() -> f64 {
    cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What a clock of CPU time says, in nanoseconds.
pub fn cpu_ns(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the structure it is given.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(result, 0, "the system has clocks of CPU time");
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// CPU time that `f` takes, in nanoseconds.
pub fn timed<R>(f: impl FnOnce() -> R) -> (f64, R) {
    let start = thread_ns();
    let result = f();
    (thread_ns() - start, result)
}

/// The measurements of one thing over the rounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// Median and quartiles.
    pub fn spread(&self) -> Spread {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (sorted.len() as f64 - 1.0);
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64)
        };
        Spread { median: at(0.5), low: at(0.25), high: at(0.75), min: at(0.0), samples: sorted.len() }
    }

    /// The ratio to another thing's measurement of the same round.
    pub fn over(&self, other: &Samples) -> Samples {
        Samples(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

/// Median, the quartiles around it and the least value.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub min: f64,
    pub samples: usize,
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{} .. {}]", short(self.median), short(self.low), short(self.high))
    }
}

/// Three significant digits.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        v if v >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// The geometric mean.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0), |(sum, count), v| (sum + v.ln(), count + 1));
    (sum / count as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Samples(vec![4.0, 1.0, 2.0, 3.0]).spread();
        assert_eq!((spread.median, spread.min), (2.5, 1.0));
        assert_eq!((spread.low, spread.high), (1.75, 3.25));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let slow_phase = Samples(vec![10.0, 20.0]).over(&Samples(vec![5.0, 10.0]));
        assert_eq!(slow_phase.0, [2.0, 2.0]);
    }

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        assert!((geometric_mean([4.0, 0.25]) - 1.0).abs() < 1e-12);
    }
}
