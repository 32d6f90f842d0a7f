//! What `--perf` says: where the time went, on standard error.

use std::fmt::Write;
use std::time::Duration;

/// The ways to write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Form {
    /// A line for each figure
    Text,
    /// An object in one line
    Json,
}

/// What was measured.
#[derive(Default)]
pub struct Perf {
    /// What each step took, in order.
    pub times: Vec<(&'static str, Duration)>,
    /// Everything that was counted, in order.
    pub counts: Vec<(&'static str, u64)>,
}

impl Perf {
    /// In the form that was asked for.
    pub fn text(&self, form: Form) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        match form {
            Form::Text => {
                for (step, took) in &self.times {
                    let _ = writeln!(text, "{step:<24} {:>14.6} s", took.as_secs_f64());
                }
                for (what, count) in &self.counts {
                    let _ = writeln!(text, "{what:<24} {count:>14}");
                }
            }
            Form::Json => {
                let times =
                    self.times.iter().map(|(step, took)| (*step, format!("{:.9}", took.as_secs_f64())));
                let counts = self.counts.iter().map(|(what, count)| (*what, count.to_string()));
                let fields: Vec<_> =
                    times.chain(counts).map(|(name, value)| format!("\"{name}\": {value}")).collect();
                let _ = writeln!(text, "{{{}}}", fields.join(", "));
            }
        }
        text
    }
}
