//! Calling programs from Rust: every kind of value, both tiers, threads, lifetimes.

use kiln::{Config, Engine, FunctionError, InvokeError, LoadError, Program, Tier, TrapKind};
use std::sync::Arc;
use std::thread;

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

fn load(tier: Tier, text: &str) -> Program {
    match Engine::new(Config::new().tier(tier)).load_text(text) {
        Ok(program) => program,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_kind_of_value_goes_in_and_out() {
    for tier in TIERS {
        let program = load(
            tier,
            "
            export fn i8s(%x: i8) -> i8 {
                %y = sub %x, 1
                ret %y
            }
            export fn u16s(%x: u16) -> u16 {
                %y = add %x, 1
                ret %y
            }
            export fn is(%x: i32) -> u8 {
                %y = cmp_ne %x, 0
                ret %y
            }
            export fn halves(%x: f32) -> f32 {
                %y = fmul %x, 0.5
                ret %y
            }
            export fn mix(%a: i32, %b: f64, %c: i64, %d: f32) -> f64 {
                %s: f64 = sitof %a
                %s = fadd %s, %b
                %t: f64 = sitof %c
                %s = fadd %s, %t
                %u = fpromote %d
                %s = fadd %s, %u
                ret %s
            }
            export fn nothing() {
                ret
            }
            ",
        );
        // SAFETY: the functions touch no memory.
        unsafe {
            assert_eq!(program.function::<fn(i8) -> i8>("i8s").unwrap().call(-128), Ok(127));
            assert_eq!(program.function::<fn(u16) -> u16>("u16s").unwrap().call(65535), Ok(0));
            assert_eq!(program.function::<fn(u32) -> bool>("is").unwrap().call(u32::MAX), Ok(true));
            assert_eq!(program.function::<fn(i32) -> bool>("is").unwrap().call(0), Ok(false));
            assert_eq!(program.function::<fn(f32) -> f32>("halves").unwrap().call(-3.0), Ok(-1.5));
            let mix = program.function::<fn(i32, f64, i64, f32) -> f64>("mix").unwrap();
            assert_eq!(mix.call(-1, 0.25, 1 << 40, 2.5), Ok((1u64 << 40) as f64 + 1.75));
            assert_eq!(program.function::<fn()>("nothing").unwrap().call(), Ok(()));
        }
    }
}

#[test]
fn twelve_arguments_in_registers_and_on_the_stack() {
    let mut text = String::from("export fn sum(");
    let names: Vec<String> =
        (0..12).map(|n| format!("%a{n}: {}", if n % 2 == 0 { "i64" } else { "f64" })).collect();
    text += &names.join(", ");
    text += ") -> f64 {\n    %s = const 0.0\n";
    for n in 0..12 {
        if n % 2 == 0 {
            text += &format!("    %t: f64 = sitof %a{n}\n    %s = fadd %s, %t\n");
        } else {
            text += &format!("    %s = fadd %s, %a{n}\n");
        }
        text += "    %s = fadd %s, %s\n";
    }
    text += "    ret %s\n}\n";
    type Sum = fn(i64, f64, i64, f64, i64, f64, i64, f64, i64, f64, i64, f64) -> f64;
    let expected = (1..=12).fold(0.0, |s, n| (s + n as f64) * 2.0);
    for tier in TIERS {
        let sum = load(tier, &text).function::<Sum>("sum").unwrap();
        // SAFETY: `sum` touches no memory.
        let result = unsafe { sum.call(1, 2.0, 3, 4.0, 5, 6.0, 7, 8.0, 9, 10.0, 11, 12.0) };
        assert_eq!(result, Ok(expected));
    }
}

#[test]
fn pointers_give_programs_memory_of_rust() {
    for tier in TIERS {
        let program = load(
            tier,
            "
            export fn reverse(%p: ptr, %n: i64) {
                %i = const 0
                %j = sub %n, 1
            next:
                bge %i, %j, done
                %a = load.i32 [%p + %i*4]
                %b = load.i32 [%p + %j*4]
                store.i32 [%p + %i*4], %b
                store.i32 [%p + %j*4], %a
                %i = add %i, 1
                %j = sub %j, 1
                jump next
            done:
                ret
            }
            ",
        );
        let reverse = program.function::<fn(*mut i32, usize)>("reverse").unwrap();
        let mut numbers = [1, 2, 3, 4, 5];
        // SAFETY: the function accesses `n` numbers from `p` on, which are there and borrowed by nobody.
        unsafe { reverse.call(numbers.as_mut_ptr(), numbers.len()) }.unwrap();
        assert_eq!(numbers, [5, 4, 3, 2, 1]);
    }
}

#[test]
fn wrong_signatures_and_names_are_refused_with_both() {
    let program = load(
        Tier::Baseline,
        "export fn f(%p: ptr, %x: i16) -> f32 {\n    ret 1.0\n}\nfn hidden() {\n    ret\n}",
    );
    let message = |error: FunctionError| error.to_string();
    assert_eq!(
        message(program.function::<fn(i32) -> f32>("f").unwrap_err()),
        "`f` is fn(ptr, i16) -> f32, not fn(i32) -> f32"
    );
    assert_eq!(
        message(program.function::<fn(*const u8, u16) -> f32>("f").unwrap_err()),
        "`f` is fn(ptr, i16) -> f32, not fn(ptr, u16) -> f32"
    );
    assert!(program.function::<fn(usize, i16) -> f32>("f").is_ok(), "addresses and i64 mix");
    assert_eq!(
        message(program.function::<fn()>("g").unwrap_err()),
        "no function `g` is exported; there are f"
    );
    assert!(matches!(program.function::<fn()>("hidden"), Err(FunctionError::NotFound { .. })));
}

#[test]
fn dynamic_calls() {
    for tier in TIERS {
        let program = load(
            tier,
            "export fn scale(%x: f64, %n: i32) -> f64 {\n    %f: f64 = sitof %n\n    %y = fmul %x, %f\n    ret %y\n}",
        );
        // SAFETY: the function touches no memory.
        unsafe {
            let words = program.invoke("scale", &[1.5f64.to_bits(), (-2i32) as u32 as u64]);
            assert_eq!(words, Ok(vec![(-3.0f64).to_bits()]));
            let error = program.invoke("scale", &[0]).unwrap_err();
            assert_eq!(error.to_string(), "`scale` takes 2 arguments, not 1");
            assert!(matches!(error, InvokeError::Function(FunctionError::Arguments { .. })));
        }
    }
}

#[test]
fn several_results_come_as_a_tuple() {
    let text = "export fn divide(%a: i64, %b: i64) -> (i64, i64) {\n    %q = sdiv %a, %b\n    %r = srem %a, %b\n    ret %q, %r\n}
        export fn parts(%x: f64) -> (i32, f64, i32, f64) {\n    %i: i32 = ftosi %x\n    %f = sitof.f64 %i\n    %r = fsub %x, %f\n    %n = neg %i\n    ret %i, %r, %n, %f\n}";
    for tier in TIERS {
        let program = load(tier, text);
        let divide = program.function::<fn(i64, i64) -> (i64, i64)>("divide").unwrap();
        let parts = program.function::<fn(f64) -> (i32, f64, i32, f64)>("parts").unwrap();
        // SAFETY: the functions touch no memory.
        unsafe {
            assert_eq!(divide.call(17, 5), Ok((3, 2)));
            assert_eq!(parts.call(-2.5), Ok((-2, -0.5, 2, -2.0)));
        }
    }
}

#[test]
fn aggregates_and_variable_arguments_by_words() {
    let text = "
        type pair = {i64, f64}
        type big = {[9]i64}
        export fn swap(%p: pair) -> pair {
            slot q: 16
            %f = load.f64 [%p + 8]
            %i = ftosi.i64 %f
            store.i64 [q], %i
            %n = load.i64 [%p]
            %f = sitof %n
            store.f64 [q + 8], %f
            %r = slot_addr q
            ret %r
        }
        export fn numbers(%from: i64) -> big {
            slot out: 72
            %i = const.i64 0
        next:
            %p = slot_addr out
            %v = add %from, %i
            store.i64 [%p + %i*8], %v
            %i = add %i, 1
            blt %i, 9, next
            %p = slot_addr out
            ret %p
        }
        export fn last(%n: i64, ...) -> i64 {
            slot list: 24
            %ap = slot_addr list
            va_start %ap
            %x = const.i64 -1
        next:
            beq %n, 0, done
            %x = va_arg.i64 %ap
            %n = sub %n, 1
            jump next
        done:
            va_end %ap
            ret %x
        }
    ";
    for tier in TIERS {
        let program = load(tier, text);
        let pair = [3u64, 4.0f64.to_bits()];
        let mut swapped = [0u64; 2];
        let mut big = [0u64; 9];
        // SAFETY: the addresses are those of values of the types that the functions take and give.
        unsafe {
            let words = program.invoke("swap", &[pair.as_ptr() as u64, swapped.as_mut_ptr() as u64]);
            assert_eq!(words, Ok(vec![swapped.as_ptr() as u64]));
            assert_eq!(swapped, [4, 3.0f64.to_bits()]);
            program.invoke("numbers", &[10, big.as_mut_ptr() as u64]).unwrap();
            assert_eq!(big, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
            assert_eq!(program.invoke("last", &[0]), Ok(vec![-1i64 as u64]));
            assert_eq!(program.invoke("last", &[10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 77]), Ok(vec![77]));
            let error = program.invoke("swap", &[0]).unwrap_err();
            assert_eq!(error.to_string(), "`swap` takes 2 arguments, not 1");
        }
    }
}

/// What Rust's compiler takes for Win64.
extern "win64" fn mixed(a: i32, b: f64, c: u8, d: f32, e: i64, f: f64) -> f64 {
    f64::from(a) + b * 10.0 + f64::from(c) * 100.0 + f64::from(d) * 1e3 + e as f64 * 1e4 + f * 1e5
}

#[test]
fn win64_is_what_rust_takes_for_it() {
    let text = "
        extern mixed: fn(i32, f64, u8, f32, i64, f64) conv win64 -> f64
        export fn there(%x: f64) -> f64 {
            %f = const.f32 4.0
            %r = call mixed(1, %x, 3, %f, 5, 6.0)
            ret %r
        }
        export fn back(%a: i32, %b: f64, %c: u8, %d: f32, %e: i64, %f: f64) conv win64 -> f64 {
            %r = call mixed(%a, %b, %c, %d, %e, %f)
            %r = fneg %r
            ret %r
        }
    ";
    for tier in TIERS {
        let mut engine = Engine::new(Config::new().tier(tier));
        // SAFETY: the function has the signature and convention that the program declares, and stays.
        unsafe { engine.define_address("mixed", mixed as *const () as *const u8) };
        let program = engine.load_text(text).unwrap();
        let there = program.function::<fn(f64) -> f64>("there").unwrap();
        // SAFETY: it only calls the function above.
        assert_eq!(unsafe { there.call(2.0) }, Ok(654321.0));
        let back = program.address("back").expect("is exported");
        // SAFETY: the program's function is of this type, and the program is held.
        let back: extern "win64" fn(i32, f64, u8, f32, i64, f64) -> f64 =
            unsafe { std::mem::transmute(back) };
        assert_eq!(back(1, 2.0, 3, 4.0, 5, 6.0), -654321.0);
    }
}

#[test]
fn programs_and_functions_outlive_their_engine_and_each_other() {
    for tier in TIERS {
        let function = {
            let engine = Engine::new(Config::new().tier(tier));
            let program = engine
                .load_text("data n = i64 [0]\nexport fn count() -> i64 {\n    %x = load.i64 [n]\n    %x = add %x, 1\n    store.i64 [n], %x\n    ret %x\n}")
                .unwrap();
            program.function::<fn() -> i64>("count").unwrap()
        };
        let other = function.clone();
        // SAFETY: the function only touches its own data, from one thread.
        unsafe {
            assert_eq!(function.call(), Ok(1));
            drop(function);
            assert_eq!(other.call(), Ok(2), "clones share data");
        }
    }
}

#[test]
fn threads_share_a_program() {
    for tier in TIERS {
        let program = load(
            tier,
            "
            data total = i64 [0]
            export fn add(%times: i64) -> i64 {
                %p = data_addr total
            next:
                %old = atomic_add.i64 [%p], 1 !relaxed
                %times = sub %times, 1
                bgt %times, 0, next
                %sum = load.i64 [%p]
                ret %sum
            }
            export fn fail(%x: i64) -> i64 {
                %y = sdiv 1, %x
                ret %y
            }
            ",
        );
        const TIMES: i64 = 2000;
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let program = program.clone();
                thread::spawn(move || {
                    let add = program.function::<fn(i64) -> i64>("add").unwrap();
                    let fail = program.function::<fn(i64) -> i64>("fail").unwrap();
                    // SAFETY: the functions touch their own data only, atomically.
                    unsafe {
                        for _ in 0..10 {
                            add.call(TIMES / 10).unwrap();
                            assert_eq!(fail.call(0).unwrap_err().kind(), TrapKind::DivideByZero);
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let add = program.function::<fn(i64) -> i64>("add").unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { add.call(1) }, Ok(4 * TIMES + 1));
    }
}

#[test]
fn dropping_a_program_while_a_thread_is_inside_is_safe() {
    for tier in TIERS {
        drop_while_inside(tier);
    }
}

fn drop_while_inside(tier: Tier) {
    let gate = Arc::new(std::sync::Barrier::new(2));
    let inside = gate.clone();
    let mut engine = Engine::new(Config::new().tier(tier));
    engine.define("wait", move || {
        inside.wait();
        inside.wait();
    });
    let program = engine
        .load_text("extern wait: fn()\nexport fn work(%x: i64) -> i64 {\n    call wait()\n    %y = mul %x, 3\n    ret %y\n}")
        .unwrap();
    let work = program.function::<fn(i64) -> i64>("work").unwrap();
    // SAFETY: the function only calls its import, declared as it is defined.
    let worker = thread::spawn(move || unsafe { work.call(14) });
    gate.wait();
    drop(program);
    drop(engine);
    // Others take what memory was freed, if any was.
    for _ in 0..50 {
        load(tier, "export fn f() -> i64 {\n    ret 0\n}");
    }
    gate.wait();
    assert_eq!(worker.join().unwrap(), Ok(42));
}

#[test]
fn c_calls_back() {
    for tier in TIERS {
        let program = load(
            tier,
            "
            extern qsort: fn(ptr, i64, i64, ptr)
            fn compare(%a: ptr, %b: ptr) -> i32 {
                %x = load.i32 [%a]
                %y = load.i32 [%b]
                %less = cmp_lt %x, %y
                %more = cmp_gt %x, %y
                %r = sub %more, %less
                ret %r
            }
            export fn sort(%p: ptr, %n: i64) {
                %f = func_addr compare
                call qsort(%p, %n, 4, %f)
                ret
            }
            ",
        );
        let sort = program.function::<fn(*mut i32, usize)>("sort").unwrap();
        let mut numbers: Vec<i32> = (0..500).map(|n| (n * 7919) % 1009 - 500).collect();
        let mut expected = numbers.clone();
        expected.sort();
        // SAFETY: the program sorts `n` numbers from `p` on.
        unsafe { sort.call(numbers.as_mut_ptr(), numbers.len()) }.unwrap();
        assert_eq!(numbers, expected);
    }
}

#[test]
fn addresses_of_functions_can_be_given_to_rust() {
    for tier in TIERS {
        let program = load(tier, "export fn triple(%x: i64) -> i64 {\n    %y = mul %x, 3\n    ret %y\n}");
        let triple = program.function::<fn(i64) -> i64>("triple").unwrap();
        // SAFETY: the address is of a C function of this signature, alive as long as `triple`.
        let native = unsafe { std::mem::transmute::<*const u8, extern "C" fn(i64) -> i64>(triple.address()) };
        assert_eq!(native(14), 42);
    }
}

#[test]
fn load_errors_tell_the_stage() {
    let engine = Engine::new(Config::new());
    assert!(matches!(engine.load_text("nonsense"), Err(LoadError::Parse(_))));
    let unassigned = "export fn f() -> i32 {\n    reg %x: i32\n    ret %x\n}";
    assert!(matches!(engine.load_text(unassigned), Err(LoadError::Verify(_))));
    assert!(matches!(engine.load_bytes(b"\x89kbc"), Err(LoadError::Bytecode(_))));
    for tier in TIERS {
        let engine = Engine::new(Config::new().tier(tier));
        let missing = "extern no_such_function_anywhere: fn()\nexport fn f() {\n    call no_such_function_anywhere()\n    ret\n}";
        let error = engine.load_text(missing).unwrap_err();
        assert!(matches!(error, LoadError::Link(_)));
        assert!(error.to_string().contains("no_such_function_anywhere"), "{error}");
        let unused = "extern no_such_function_anywhere: fn()\nexport fn f() {\n    ret\n}";
        assert!(engine.load_text(unused).is_ok(), "what nobody uses may be missing");
    }
}

#[test]
fn handles_may_go_to_other_threads() {
    fn free_to_go<T: Send + Sync + 'static>() {}
    free_to_go::<Engine>();
    free_to_go::<Program>();
    free_to_go::<kiln::Function<fn(*mut u8) -> i64>>();
    free_to_go::<kiln::Trap>();
    free_to_go::<LoadError>();
}

#[test]
fn exported_functions_and_data_have_addresses() {
    for tier in TIERS {
        let program = load(
            tier,
            "
            export data step = i64 [5]
            data hidden = i64 [1]
            export fn next(%x: i64) -> i64 {
                %s = load.i64 [step]
                %y = add %x, %s
                ret %y
            }
            ",
        );
        let next = program.function::<fn(i64) -> i64>("next").unwrap();
        assert_eq!(program.address("next"), Some(next.address()));
        assert_eq!(program.address("step"), None);
        assert_eq!(program.data("next"), None);
        assert_eq!(program.data("hidden"), None);
        let step = program.data("step").unwrap().cast::<i64>();
        // SAFETY: `step` is an i64 of the program's, which nobody else accesses meanwhile; `next` only reads it.
        unsafe {
            assert_eq!(*step, 5);
            *step = 7;
            assert_eq!(next.call(1), Ok(8));
            // SAFETY: the address is that of a C function of this signature.
            let native: extern "C" fn(i64) -> i64 = std::mem::transmute(program.address("next").unwrap());
            assert_eq!(native(10), 17);
        }
    }
}
