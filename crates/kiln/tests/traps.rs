//! Traps come back as errors with kind and place, in both tiers alike, and the program lives on.

use kiln::{Config, Engine, Program, Tier, Trap, TrapKind};

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

const PROGRAM: &str = "\
export fn divide(%a: i64, %b: i64) -> i64 {
    %q = sdiv %a, %b
    ret %q
}
export fn remainder(%a: i32, %b: i32) -> i32 {
    %r = urem %a, %b
    ret %r
}
export fn convert(%x: f64) -> i32 {
    %i = ftosi.i32 %x
    ret %i
}
export fn read(%p: ptr) -> i32 {
    %x = load.u8 [%p + 8]
    ret %x
}
export fn write(%p: ptr) {
    store.i64 [%p], 1
    ret
}
const data fixed = i64 [7]
export fn write_constant() {
    store.i64 [fixed], 1
    ret
}
export fn deep(%n: i64) -> i64 {
    ble  %n, 0, end
    %m = sub %n, 1
    %r = call deep(%m)
    %r = xor %r, %n
    ret  %r
end:
    ret  0
}
export fn stop() {
    call inner()
    ret
}
fn inner() {
    trap 12
}
export fn never() {
    unreachable
}
export fn wild(%p: ptr) {
    call_ptr %p: fn() ()
    ret
}
";

fn load(tier: Tier) -> Program {
    Engine::new(Config::new().tier(tier)).load_text_with("traps.kiln", PROGRAM, &kiln::NoIncludes).unwrap()
}

#[track_caller]
fn is<T: std::fmt::Debug>(result: Result<T, Trap>, kind: TrapKind, function: &str, line: u32) {
    let trap = result.unwrap_err();
    assert_eq!(trap.kind(), kind, "{trap}");
    assert_eq!(trap.function(), Some(function), "{trap}");
    let position = trap.position().expect("a position");
    assert_eq!((position.file.as_str(), position.line), ("traps.kiln", line), "{trap}");
}

#[test]
fn kinds_and_places() {
    for tier in TIERS {
        let program = load(tier);
        // SAFETY: the functions access memory only where it traps.
        unsafe {
            let divide = program.function::<fn(i64, i64) -> i64>("divide").unwrap();
            is(divide.call(1, 0), TrapKind::DivideByZero, "divide", 2);
            is(divide.call(i64::MIN, -1), TrapKind::IntegerOverflow, "divide", 2);
            assert_eq!(divide.call(-7, 2), Ok(-3), "the program lives on");
            let remainder = program.function::<fn(u32, u32) -> u32>("remainder").unwrap();
            is(remainder.call(1, 0), TrapKind::DivideByZero, "remainder", 6);
            let convert = program.function::<fn(f64) -> i32>("convert").unwrap();
            is(convert.call(1e10), TrapKind::InvalidConversion, "convert", 10);
            is(convert.call(f64::NAN), TrapKind::InvalidConversion, "convert", 10);
            assert_eq!(convert.call(-2147483648.9), Ok(i32::MIN));
            let read = program.function::<fn(usize) -> i32>("read").unwrap();
            is(read.call(0), TrapKind::BadAccess(Some(8)), "read", 14);
            let write = program.function::<fn(usize)>("write").unwrap();
            is(write.call(4096), TrapKind::BadAccess(Some(4096)), "write", 18);
            let stop = program.function::<fn()>("stop").unwrap();
            is(stop.call(), TrapKind::User(12), "inner", 40);
            let never = program.function::<fn()>("never").unwrap();
            is(never.call(), TrapKind::Unreachable, "never", 43);
        }
    }
}

#[test]
fn constants_cannot_be_written() {
    for tier in TIERS {
        let write = load(tier).function::<fn()>("write_constant").unwrap();
        // SAFETY: the access traps.
        let trap = unsafe { write.call() }.unwrap_err();
        assert!(matches!(trap.kind(), TrapKind::BadAccess(Some(_))), "{trap}");
    }
}

#[test]
fn calls_of_addresses_without_code() {
    for tier in TIERS {
        let wild = load(tier).function::<fn(usize)>("wild").unwrap();
        // SAFETY: the call traps.
        unsafe {
            is(wild.call(0), TrapKind::BadAccess(Some(0)), "wild", 46);
            is(wild.call(64), TrapKind::BadAccess(Some(64)), "wild", 46);
        }
    }
}

#[test]
fn endless_recursion_on_the_main_and_on_other_threads() {
    for tier in TIERS {
        let program = load(tier);
        let deep = program.function::<fn(i64) -> i64>("deep").unwrap();
        let overflows = move || {
            // SAFETY: the function touches no memory of others.
            unsafe {
                for _ in 0..3 {
                    let trap = deep.call(i64::MAX).unwrap_err();
                    assert_eq!((trap.kind(), trap.function()), (TrapKind::StackOverflow, Some("deep")));
                    assert_eq!(deep.call(1000), Ok(1000));
                }
            }
        };
        overflows();
        std::thread::spawn(overflows).join().unwrap();
    }
}

#[test]
fn step_limit_of_the_interpreter() {
    let config = Config::new().tier(Tier::Interpreter).step_limit(1000);
    let program = Engine::new(config).load_text("export fn f() {\nagain:\n    jump again\n}").unwrap();
    let endless = program.function::<fn()>("f").unwrap();
    // SAFETY: the function touches no memory.
    assert_eq!(unsafe { endless.call() }.unwrap_err().kind(), TrapKind::StepLimit);
}

#[test]
fn a_trap_ends_the_innermost_call_only() {
    for tier in TIERS {
        let divide = load(tier).function::<fn(i64, i64) -> i64>("divide").unwrap();
        let mut engine = Engine::new(Config::new().tier(tier));
        // SAFETY: the function touches no memory.
        engine.define("try", move |x: i64| unsafe { divide.call(84, x) }.unwrap_or(-1));
        let text = "extern try: fn(i64) -> i64\nexport fn both() -> i64 {\n    %a = call try(0)\n    %b = call try(2)\n    %s = add %a, %b\n    ret %s\n}";
        let both = engine.load_text(text).unwrap().function::<fn() -> i64>("both").unwrap();
        // SAFETY: the import is declared as it is defined.
        assert_eq!(unsafe { both.call() }, Ok(41));
    }
}

#[test]
fn exits_carry_their_values() {
    let text = "export fn leave(%a: i64, %b: f64) {\n    guard_gt %a, 10, 3 (%a, %b)\n    exit 4 (%b)\n}";
    for tier in TIERS {
        let program = Engine::new(Config::new().tier(tier)).load_text(text).unwrap();
        let leave = program.function::<fn(i64, f64)>("leave").unwrap();
        // SAFETY: the function touches no memory.
        let traps = unsafe { [leave.call(11, 2.5), leave.call(1, 0.5)] }.map(Result::unwrap_err);
        assert_eq!((traps[0].kind(), traps[0].values()), (TrapKind::Exit(3), &[11, 2.5f64.to_bits()][..]));
        assert_eq!((traps[1].kind(), traps[1].values()), (TrapKind::Exit(4), &[0.5f64.to_bits()][..]));
        assert_eq!(traps[0].to_string(), "exit 3 in `leave` at <text>:2:5");
        assert_eq!(traps[1].to_string(), "exit 4 in `leave` at <text>:3:5");
    }
}

/// Addresses are no constants, yet need no register: the record says how to make them.
#[test]
fn exits_list_addresses() {
    let text = "
data cell = i64 [7]
fn callee() { ret }
export fn leave(%n: i64) -> i64 {
    slot pad: 8
    slot wide: 64 align 64
    %d = data_addr cell + 4
    %f = func_addr callee
    %s = slot_addr wide + 8
    %p = slot_addr pad
    store.i64 [%s], %n
    guard_gt %n, 10, 3 (%d, %f, %s, %p)
    ret %n
}
export fn where(%p: ptr) {
    %d = data_addr cell
    store [%p], %d
    %f = func_addr callee
    store [%p + 8], %f
    ret
}";
    for tier in TIERS {
        let program = Engine::new(Config::new().tier(tier)).load_text(text).unwrap();
        let mut real = [0u64; 2];
        // SAFETY: the function writes the two words that it is handed.
        unsafe { program.function::<fn(*mut u64)>("where").unwrap().call(real.as_mut_ptr()) }.unwrap();
        // SAFETY: the function touches its own frame only.
        let trap = unsafe { program.function::<fn(i64) -> i64>("leave").unwrap().call(11) }.unwrap_err();
        let [d, f, s, p] = trap.values() else { panic!("{:?}", trap.values()) };
        assert_eq!((*d, *f), (real[0] + 4, real[1]));
        assert_eq!(s % 64, 8);
        assert!(s.abs_diff(*p) < 4096 && p % 8 == 0, "{s:#x} {p:#x}");
    }
}
