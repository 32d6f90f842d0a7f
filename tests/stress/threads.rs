//! Sixteen threads that compile, call their own and each other's programs, trap and drop, all at once.

#![allow(unsafe_code, reason = "calling a program is unsafe")]

use crate::{Random, beside_others, times};
use kiln::{Config, Engine, Program, Tier, TrapKind};
use std::sync::Mutex;

const THREADS: usize = 16;

fn text(n: usize) -> String {
    let mut text = format!(
        "extern twice: fn(i64) -> i64
        data counter = i64 [{n}]
        export fn value(%x: i64) -> i64 {{
            %y = mul %x, {n}
            %z = call step(%y)
            ret %z
        }}
        export fn divide(%a: i64, %b: i64) -> i64 {{
            %q = sdiv %a, %b
            %q = call twice(%q)
            ret %q
        }}
        export fn read(%p: ptr) -> i64 {{
            %v = load.i64 [%p]
            ret %v
        }}
        export fn deep(%x: i64) -> i64 {{
            %y = add %x, 1
            %z = call deep(%y)
            %z = add %z, %x
            ret %z
        }}
        export fn count() -> i64 {{
            %p = data_addr counter
            %v = atomic_add.i64 [%p], 1
            ret %v
        }}
        export fn leave() {{
            trap {}
        }}
        fn step(%x: i64) -> i64 {{
            %y = add %x, {n}
            ret %y
        }}
        ",
        n % 1000
    );
    // Programs of different sizes, so that holes are.
    for i in 0..n % 7 {
        text += &format!("fn more{i}(%x: f64) -> f64 {{\n    %y = fmul %x, {i}.5\n    ret %y\n}}\n");
    }
    text
}

/// Calls everything a program has and checks what comes back.
fn use_program(program: &Program, n: usize, deep: bool) {
    let number = n as i64;
    // SAFETY: the functions access only their own data, or the addresses given here.
    unsafe {
        let value = program.function::<fn(i64) -> i64>("value").expect("value");
        assert_eq!(value.call(3), Ok(4 * number));
        let divide = program.function::<fn(i64, i64) -> i64>("divide").expect("divide");
        assert_eq!(divide.call(number * 6, 3), Ok(number * 4));
        assert_eq!(divide.call(number, 0).map_err(|t| t.kind()), Err(TrapKind::DivideByZero));
        assert_eq!(divide.call(i64::MIN, -1).map_err(|t| t.kind()), Err(TrapKind::IntegerOverflow));
        let read = program.function::<fn(*const i64) -> i64>("read").expect("read");
        assert_eq!(read.call(&number), Ok(number));
        let nowhere = read.call(64 as *const i64).map_err(|t| t.kind());
        assert_eq!(nowhere, Err(TrapKind::BadAccess(Some(64))));
        let leave = program.function::<fn()>("leave").expect("leave");
        assert_eq!(leave.call().map_err(|t| t.kind()), Err(TrapKind::User((n % 1000) as u32)));
        let count = program.function::<fn() -> i64>("count").expect("count");
        let first = count.call().expect("no trap");
        assert!(count.call().expect("no trap") > first && first >= (n % 1000) as i64);
        if deep {
            let deep = program.function::<fn(i64) -> i64>("deep").expect("deep");
            assert_eq!(deep.call(0).map_err(|t| t.kind()), Err(TrapKind::StackOverflow));
        }
    }
}

#[test]
fn threads_compile_call_trap_and_drop_at_once() {
    let _beside = beside_others();
    let shared: Vec<Mutex<Option<(usize, Program)>>> = (0..THREADS).map(|_| Mutex::new(None)).collect();
    let rounds = times(60);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let shared = &shared;
            scope.spawn(move || {
                let tiers = [Tier::Interpreter, Tier::Baseline, Tier::Optimized, Tier::Auto];
                let tier = tiers[thread % tiers.len()];
                let mut engine = Engine::new(Config::new().tier(tier));
                engine.define("twice", |x: i64| x * 2);
                let mut random = Random::new(thread as u64 + 1);
                for round in 0..rounds {
                    let n = 1 + random.below(999);
                    let program = engine.load_text(&text(n)).expect("it loads");
                    use_program(&program, n, tier != Tier::Interpreter && round % 16 == 0);
                    // Hands it to whoever comes, and so drops what was there, perhaps while others are in it.
                    *shared[random.below(THREADS)].lock().expect("nobody panicked") = Some((n, program));
                    let other = shared[random.below(THREADS)].lock().expect("nobody panicked").clone();
                    if let Some((n, program)) = other {
                        use_program(&program, n, false);
                    }
                }
            });
        }
    });
}

/// All threads count in one program, each also in one of its own; no count gets lost.
#[test]
fn threads_share_the_data_of_a_program() {
    let _beside = beside_others();
    let engine = {
        let mut engine = Engine::new(Config::new());
        engine.define("twice", |x: i64| x * 2);
        engine
    };
    let program = engine.load_text(&text(0)).expect("it loads");
    let each = times(5000);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let count = program.function::<fn() -> i64>("count").expect("count");
                for _ in 0..each {
                    // SAFETY: the function accesses its own data, atomically.
                    unsafe { count.call() }.expect("no trap");
                }
            });
        }
    });
    // SAFETY: as above.
    let total = unsafe { program.function::<fn() -> i64>("count").expect("count").call() };
    assert_eq!(total, Ok((THREADS * each) as i64));
}
