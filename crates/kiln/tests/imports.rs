//! Rust closures as imports: values, errors, panics, signatures, lifetimes.

use kiln::{Config, Engine, LoadError, Tier, TrapKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

fn engine(tier: Tier) -> Engine {
    Engine::new(Config::new().tier(tier))
}

#[test]
fn values_of_every_kind() {
    for tier in TIERS {
        let mut engine = engine(tier);
        engine.define(
            "mix",
            |a: i8, b: u16, c: f32, d: f64, e: bool, f: u32, g: i64, h: *const i32| -> f64 {
                // SAFETY: the program passes the address it was called with.
                let pointed = unsafe { *h };
                a as f64 + b as f64 + c as f64 + d + e as u8 as f64 + f as f64 + g as f64 + pointed as f64
            },
        );
        engine.define("flag", |x: i64| x > 3);
        engine.define("narrow", |x: i32| x as i8);
        let text = "
            extern mix: fn(i8, u16, f32, f64, u8, i32, i64, ptr) -> f64
            extern flag: fn(i64) -> u8
            extern narrow: fn(i32) -> i8
            export fn run(%p: ptr) -> f64 {
                %x = call mix(-1, 65535, 0.5, 0.25, 1, -1, 1000, %p)
                %f = call flag(4)
                %g: f64 = sitof %f
                %x = fadd %x, %g
                %n = call narrow(0x1ff)
                %h: f64 = sitof %n
                %x = fadd %x, %h
                ret %x
            }";
        let run = engine.load_text(text).unwrap().function::<fn(*const i32) -> f64>("run").unwrap();
        let number = 7;
        let expected = -1.0 + 65535.0 + 0.5 + 0.25 + 1.0 + u32::MAX as f64 + 1000.0 + 7.0 + 1.0 - 1.0;
        // SAFETY: the imports are declared as they are defined, and the address is of an `i32`.
        assert_eq!(unsafe { run.call(&number) }, Ok(expected));
    }
}

#[test]
fn errors_become_traps_with_their_words_and_the_place_of_the_call() {
    for tier in TIERS {
        let mut engine = engine(tier);
        engine.define("check", |x: i64| if x < 10 { Ok(x * 2) } else { Err(format!("{x} is too much")) });
        let text = "extern check: fn(i64) -> i64\nexport fn run(%x: i64) -> i64 {\n    %y = call check(%x)\n    ret %y\n}";
        let run = engine.load_text(text).unwrap().function::<fn(i64) -> i64>("run").unwrap();
        // SAFETY: the import is declared as it is defined.
        unsafe {
            assert_eq!(run.call(4), Ok(8));
            let trap = run.call(11).unwrap_err();
            assert_eq!(trap.kind(), TrapKind::Host);
            assert_eq!(trap.to_string(), "11 is too much in `run` at <text>:3:5");
            assert_eq!(run.call(5), Ok(10));
        }
    }
}

#[test]
fn panics_become_traps_if_asked_for() {
    for tier in TIERS {
        let mut engine = Engine::new(Config::new().tier(tier).catch_panics(true));
        engine.define("explode", |x: i32| assert!(x == 0, "x is {x}"));
        let text = "extern explode: fn(i32)\nexport fn run(%x: i32) {\n    call explode(%x)\n    ret\n}";
        let run = engine.load_text(text).unwrap().function::<fn(i32)>("run").unwrap();
        // SAFETY: the import is declared as it is defined.
        unsafe {
            assert_eq!(run.call(0), Ok(()));
            let trap = run.call(3).unwrap_err();
            assert_eq!((trap.kind(), trap.reason().as_str()), (TrapKind::Host, "panic: x is 3"));
        }
    }
}

#[test]
fn wrong_declarations_are_refused() {
    let mut engine = engine(Tier::Baseline);
    engine.define("f", |x: i64| x);
    let error = engine.load_text("extern f: fn(f64) -> i64\nexport fn run() {\n    ret\n}").unwrap_err();
    assert!(matches!(error, LoadError::ImportSignature { .. }));
    assert_eq!(
        error.to_string(),
        "the module imports `f` as fn(f64) -> i64, the host defines it as fn(i64) -> i64"
    );
    engine.load_text("extern f: fn(ptr) -> i64\nexport fn run() {\n    ret\n}").unwrap();
}

#[test]
fn closures_live_as_long_as_programs_that_import_them() {
    for tier in TIERS {
        closures_live(tier);
    }
}

fn closures_live(tier: Tier) {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut engine = engine(tier);
    let counted = Counted(dropped.clone());
    engine.define("f", move || counted.0.load(Ordering::SeqCst) as i64);
    let text = "extern f: fn() -> i64\nexport fn run() -> i64 {\n    %x = call f()\n    ret %x\n}";
    let program = engine.load_text(text).unwrap();
    engine.define("f", || 5i64);
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    let run = program.function::<fn() -> i64>("run").unwrap();
    // SAFETY: the import is declared as it is defined.
    assert_eq!(unsafe { run.call() }, Ok(0), "the program keeps the closure it was loaded with");
    let newer = engine.load_text(text).unwrap().function::<fn() -> i64>("run").unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { newer.call() }, Ok(5));
    drop((engine, program, run));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn addresses_can_be_imported() {
    extern "C" fn nine() -> i64 {
        9
    }
    static NUMBER: i64 = 33;
    for tier in TIERS {
        let mut engine = engine(tier);
        // SAFETY: both are as the program declares them and live for ever.
        unsafe {
            engine.define_address("nine", nine as *const u8);
            engine.define_address("number", (&raw const NUMBER).cast());
        }
        let text = "
            extern nine: fn() -> i64
            extern data number
            export fn run() -> i64 {
                %x = call nine()
                %y = load.i64 [number]
                %z = add %x, %y
                ret %z
            }";
        let run = engine.load_text(text).unwrap().function::<fn() -> i64>("run").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { run.call() }, Ok(42));
    }
}

#[test]
fn variadic_imports() {
    for tier in TIERS {
        let text = "
            extern snprintf: fn(ptr, i64, ptr, ...) -> i32
            const data format = \"%d %s %.2f %ld %g %c|\\0\"
            const data word = \"kiln\\0\"
            export fn run(%p: ptr, %n: i64) -> i32 {
                %i = const.i32 -5
                %c = const.i32 'x'
                %r = call snprintf(%p, %n, format, %i, word, 2.5, 1234567890123, 0.125, %c)
                ret %r
            }";
        let run = engine(tier).load_text(text).unwrap().function::<fn(*mut u8, usize) -> i32>("run").unwrap();
        let mut buffer = [0u8; 64];
        // SAFETY: the program writes at most `n` bytes to the buffer.
        let length = unsafe { run.call(buffer.as_mut_ptr(), buffer.len()) }.unwrap();
        assert_eq!(&buffer[..length as usize], b"-5 kiln 2.50 1234567890123 0.125 x|");
    }
}

#[test]
fn thread_local_data_of_libraries() {
    // A library of our own, since the C library hides its thread-local objects.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, library) = (folder.join("counter.c"), folder.join("libkilncounter.so"));
    std::fs::write(
        &source,
        "__thread long kiln_counter = 5; long *kiln_counter_here(void) { return &kiln_counter; }",
    )
    .unwrap();
    let built =
        std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.expect("a C compiler").success());
    let text = format!(
        "extern kiln_counter_here: fn() -> ptr from \"{}\"
         extern data kiln_counter thread_local
         export fn count() -> i64 {{
             %here = call kiln_counter_here()
             %p = tls_addr kiln_counter
             bne %p, %here, wrong
             %x = load.i64 [%p]
             %x = add %x, 1
             store.i64 [%p], %x
             ret %x
         wrong:
             ret -1
         }}",
        library.display()
    );
    // Objects are looked for in the process, so the library must be there before and for all.
    let path = std::ffi::CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: loads a library that only defines what is written above.
    assert!(!unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.is_null());
    for tier in TIERS {
        let count = match engine(tier).load_text(&text) {
            Ok(program) => program.function::<fn() -> i64>("count").unwrap(),
            Err(error) => panic!("{error}"),
        };
        let elsewhere = count.clone();
        // SAFETY: the program only changes its thread's own counter.
        let other =
            std::thread::spawn(move || unsafe { (elsewhere.call(), elsewhere.call()) }).join().unwrap();
        assert_eq!(other, (Ok(6), Ok(7)), "{tier:?}");
    }
}

#[test]
fn closures_give_several_results() {
    for tier in TIERS {
        let mut engine = engine(tier);
        engine.define("divide", |a: i64, b: i64| (a / b, a % b));
        engine.define("four", |x: f64| (x as i32, x, -1i8, x as f32));
        engine.define("checked", |x: i64| if x > 0 { Ok((x, 0.5)) } else { Err("too small") });
        let text = "
            extern divide: fn(i64, i64) -> (i64, i64)
            extern four: fn(f64) -> (i32, f64, i8, f32)
            extern checked: fn(i64) -> (i64, f64)
            export fn run(%a: i64, %b: i64) -> i64 {
                %q, %r = call divide(%a, %b)
                %x = mul %q, 1000
                %x = add %x, %r
                ret %x
            }
            export fn sum(%x: f64) -> f64 {
                %i, %d, %s, %f = call four(%x)
                %a: f64 = sitof %i
                %b: f64 = sitof %s
                %c: f64 = fpromote %f
                %a = fadd %a, %b
                %a = fadd %a, %c
                %a = fadd %a, %d
                ret %a
            }
            export fn check(%x: i64) -> f64 {
                %i, %d = call checked(%x)
                ret %d
            }";
        let program = engine.load_text(text).unwrap();
        let run = program.function::<fn(i64, i64) -> i64>("run").unwrap();
        let sum = program.function::<fn(f64) -> f64>("sum").unwrap();
        let check = program.function::<fn(i64) -> f64>("check").unwrap();
        // SAFETY: the imports are declared as they are defined.
        unsafe {
            assert_eq!(run.call(17, 5), Ok(3002));
            assert_eq!(sum.call(2.5), Ok(2.0 + 2.5 - 1.0 + 2.5));
            assert_eq!(check.call(1), Ok(0.5));
            assert_eq!(check.call(0).unwrap_err().reason(), "too small");
        }
    }
}

#[test]
fn closures_are_called_from_several_threads_at_once() {
    for tier in TIERS {
        let mut engine = engine(tier);
        // Each call waits until all threads are inside the closure.
        let all = std::sync::Barrier::new(4);
        engine.define("meet", move |x: i64| {
            all.wait();
            x * 2
        });
        let text = "extern meet: fn(i64) -> i64\nexport fn run(%x: i64) -> i64 {\n    %y = call meet(%x)\n    ret %y\n}";
        let run = engine.load_text(text).unwrap().function::<fn(i64) -> i64>("run").unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let run = &run;
                // SAFETY: the import is declared as it is defined.
                scope.spawn(move || assert_eq!(unsafe { run.call(n) }, Ok(n * 2)));
            }
        });
    }
}

#[test]
fn closures_may_call_the_program_that_calls_them() {
    for tier in TIERS {
        let mut engine = engine(tier);
        type Sum = kiln::Function<fn(i64) -> i64>;
        let handle: Arc<std::sync::OnceLock<Sum>> = Arc::default();
        let again = handle.clone();
        engine.define("around", move |n: i64| -> Result<i64, kiln::Trap> {
            // SAFETY: the import is declared as it is defined.
            unsafe { again.get().unwrap().call(n) }
        });
        let text = "extern around: fn(i64) -> i64
export fn sum(%n: i64) -> i64 {
    beq %n, 0, end
    beq %n, -1, bad
    %m = sub %n, 1
    %r = call around(%m)
    %r = add %r, %n
    ret %r
end:
    ret 0
bad:
    trap 4
}";
        let sum = engine.load_text(text).unwrap().function::<fn(i64) -> i64>("sum").unwrap();
        assert!(handle.set(sum.clone()).is_ok());
        // SAFETY: as above.
        unsafe {
            assert_eq!(sum.call(50), Ok(1275));
            // A trap inside is the closure's error, which ends the outer call in turn.
            let trap = sum.call(-1).unwrap_err();
            assert_eq!((trap.kind(), trap.function()), (TrapKind::User(4), Some("sum")));
        }
    }
}
