//! A panic in a host function ends the process, with its message, unless asked otherwise.

use kiln::{Config, Engine};
use std::process::Command;

const CHILD: &str = "KILN_TEST_PANIC_CHILD";

#[test]
fn panics_end_the_process_with_their_message() {
    if std::env::var_os(CHILD).is_some() {
        let mut engine = Engine::new(Config::new());
        engine.define("explode", |lit: bool| assert!(!lit, "the fuse was lit"));
        let text = "extern explode: fn(u8)\nexport fn run() {\n    call explode(1)\n    ret\n}";
        let run = engine.load_text(text).unwrap().function::<fn()>("run").unwrap();
        // SAFETY: the import is declared as it is defined.
        let _ = unsafe { run.call() };
        println!("went on");
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics_end_the_process_with_their_message", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success());
    assert!(stderr.contains("the fuse was lit") && stderr.contains("`explode`"), "{stderr}");
    assert!(!String::from_utf8_lossy(&child.stdout).contains("went on"));
}
