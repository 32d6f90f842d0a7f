//! Rust closures as imports, and their errors as traps: `cargo run -p kiln --example host_closure`.

use kiln::{Config, Engine};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const PROGRAM: &str = "
extern read: fn(i64) -> f64
extern report: fn(f64)

; Reports the mean of the first %n measurements.
export fn mean(%n: i64) {
    %sum = const 0.0
    %i = const 0
next:
    %x = call read(%i)
    %sum = fadd %sum, %x
    %i = add %i, 1
    blt  %i, %n, next
    %count: f64 = sitof %n
    %mean = fdiv %sum, %count
    call report(%mean)
    ret
}
";

fn main() -> Result<(), Box<dyn Error>> {
    let measurements = [21.5, 22.0, 22.75, 21.75];
    let reads = Arc::new(AtomicI64::new(0));

    let mut engine = Engine::new(Config::new());
    let counter = reads.clone();
    engine.define("read", move |index: i64| -> Result<f64, String> {
        counter.fetch_add(1, Ordering::Relaxed);
        measurements.get(index as usize).copied().ok_or_else(|| format!("there is no measurement {index}"))
    });
    engine.define("report", |mean: f64| println!("mean: {mean}"));

    let program = engine.load_text(PROGRAM)?;
    let mean = program.function::<fn(i64)>("mean")?;
    // SAFETY: the program only calls its imports, which are declared as they are defined.
    unsafe { mean.call(4) }?;
    // SAFETY: as above.
    match unsafe { mean.call(5) } {
        Err(trap) => println!("as expected: {trap}"),
        Ok(()) => return Err("the fifth measurement should be missing".into()),
    }
    assert_eq!(reads.load(Ordering::Relaxed), 9);
    Ok(())
}
