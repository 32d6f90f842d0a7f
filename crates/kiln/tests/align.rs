//! Aligned blocks: where their addresses are, in compiled programs.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use kiln::{Config, Engine, Rule, Tier};

/// Gives the address of one of its labels, after a round through all of them. Behind each there is another way in, which
/// moves values to other places.
const TEXT: &str = "
    const data table = ptr [f.one, f.two, f.three]
    export fn first() -> i64 {
        ret 1
    }
    export fn f(%which: i64, %x: i64, %y: f64) -> ptr {
        labels all = {one, two, three, out}
        %at = load.ptr [table + %which*8]
        %next = load.ptr [table]
        jump_to %next, all
    one: align 64
        %x = add %x, 1
        %next = label_addr two
        jump_to %next, all
    two: align 4096
        jump three
    three: align 512
        %y = fadd %y, 1.0
        %next = label_addr out
        blt %x, 100, one
        jump_to %next, all
    out: align 2
        ret %at
    }
    export replaceable fn pads(%n: i64) -> i64 {
        pad 7
    head: align 1024
        %n = sub %n, 1
        bgt %n, 0, head
        ret %n
    }
";

#[test]
fn addresses_of_labels_are_multiples_in_every_compiled_tier() {
    let auto = Config::new().tier(Tier::Auto).rule(Rule { ops: 0, at_once: true, ..Rule::default() });
    for config in [Config::new().tier(Tier::Baseline), Config::new().tier(Tier::Optimized), auto] {
        let engine = Engine::new(config);
        // Each program lies at a place of its own.
        let programs: Vec<_> = (0..20).map(|_| engine.load_text(TEXT).unwrap()).collect();
        for program in &programs {
            let f = program.function::<fn(i64, i64, f64) -> *const u8>("f").unwrap();
            let pads = program.function::<fn(i64) -> i64>("pads").unwrap();
            for _ in 0..3 {
                for (which, align) in [(0, 64), (1, 4096), (2, 512)] {
                    // SAFETY: it reads its own data only.
                    let at = unsafe { f.call(which, 0, 0.5) }.unwrap();
                    assert!((at as usize).is_multiple_of(align), "{config:?}: {which} at {at:?}");
                }
                // SAFETY: it touches no memory.
                assert_eq!(unsafe { pads.call(1000) }, Ok(0));
            }
        }
    }
}
