//! Traps that end the process, because native code lies between them and the call from Rust: what is said then.

use crate::foreign;
use crate::trap::Trap;
use kiln_runtime::{Fatal, RawTrap};

/// Has such traps reported as [`Trap`]s: by the report of [`crate::process::on_foreign_fault`], else on standard error.
pub(crate) fn report_to_stderr() {
    kiln_runtime::report_fatal_traps(report);
}

fn report(raw: &RawTrap, why: Fatal) {
    let trap = Trap::from_raw(raw);
    if !foreign::report_trap(&trap.clone().because(why)) {
        eprintln!("kiln: {trap}: {why}");
    }
}
