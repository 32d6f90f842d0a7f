//! How far long work has come: a line on standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many steps, which vanishes when it is dropped.
pub fn bar(what: &'static str, steps: usize) -> Bar {
    let style = ProgressStyle::with_template("{prefix:>12} {bar:40} {pos}/{len} {elapsed} {wide_msg}");
    let bar = ProgressBar::new(steps as u64).with_prefix(what);
    bar.set_style(style.expect("the template is well-formed"));
    Bar(bar)
}

/// A bar that is shown.
pub struct Bar(ProgressBar);

impl Bar {
    /// One step is done; `next` is what comes now.
    pub fn step(&self, next: impl Into<String>) {
        self.0.set_message(next.into());
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
