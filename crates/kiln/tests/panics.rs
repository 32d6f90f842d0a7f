//! A panic in a host function ends the process, with its message, unless asked otherwise.

use kiln::{Config, Engine, Tier};
use std::process::Command;

const CHILD: &str = "KILN_TEST_PANIC_CHILD";

#[test]
fn panics_end_the_process_with_their_message() {
    let tiers = [Tier::Interpreter, Tier::Baseline, Tier::Optimized, Tier::Auto];
    if let Some(number) = std::env::var(CHILD).ok().and_then(|n| n.parse::<usize>().ok()) {
        let mut engine = Engine::new(Config::new().tier(tiers[number]));
        engine.define("explode", |lit: bool| assert!(!lit, "the fuse was lit"));
        let text = "extern explode: fn(u8)\nexport fn run() {\n    call explode(1)\n    ret\n}";
        let run = engine.load_text(text).unwrap().function::<fn()>("run").unwrap();
        // SAFETY: the import is declared as it is defined.
        let _ = unsafe { run.call() };
        println!("went on");
        return;
    }
    for (number, tier) in tiers.iter().enumerate() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "panics_end_the_process_with_their_message", "--nocapture"])
            .env(CHILD, number.to_string())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&child.stderr);
        assert!(!child.status.success(), "{tier:?}");
        assert!(stderr.contains("the fuse was lit") && stderr.contains("`explode`"), "{tier:?}: {stderr}");
        assert!(!String::from_utf8_lossy(&child.stdout).contains("went on"), "{tier:?}");
    }
}
