//! Frames as others see them: whoever walks the stack by frame pointers or by unwind tables.

use kiln::{Config, Engine, Program, Tier};
use std::backtrace::Backtrace;
use std::sync::{Arc, Mutex};

const COMPILED: [Tier; 2] = [Tier::Baseline, Tier::Optimized];

#[test]
fn frame_pointers_form_a_chain() {
    let text = "
        fn inner(%a: i64, %b: i64, %c: i64) -> ptr {
            %here = frame_addr
            %caller = load.ptr [%here]
            ret %caller
        }
        export fn chained(%a: i64) -> i32 {
            %here = frame_addr
            %b = mul %a, 3
            %seen = call inner(%a, %b, 0)
            %again = call inner(%b, %a, 1)
            %x = cmp_eq %here, %seen
            %y = cmp_eq %here, %again
            %r = and %x, %y
            %r2 = and.i32 %r, 1
            ret %r2
        }
        ";
    for tier in COMPILED {
        let engine = Engine::new(Config::new().tier(tier).frame_pointers(true));
        let program = engine.load_text(text).expect("loads");
        let chained = program.function::<fn(i64) -> i32>("chained").expect("is exported");
        // SAFETY: it reads its own frame only.
        assert_eq!(unsafe { chained.call(5) }, Ok(1), "{tier:?}");
    }
}

#[inline(never)]
fn beyond_the_compiled_frames(program: &Program) -> i64 {
    let deep = program.function::<fn(i64, i64) -> i64>("deep").expect("is exported");
    // SAFETY: it calls itself and the closure only.
    let result = unsafe { deep.call(4, 1) };
    std::hint::black_box(result.expect("returns"))
}

/// Many values live across the calls, so that registers are saved and some are kept in the frame.
const DEEP: &str = "
    extern look: fn(i64)
    export fn deep(%n: i64, %k: i64) -> i64 {
        slot room: 200
        store.i64 [room], %n
        %a = mul %n, 3
        %b = mul %n, 5
        %c = mul %n, 7
        %d = mul %n, 11
        %e = mul %n, 13
        %f = mul %n, 17
        beq %n, 0, end
        %m = sub %n, 1
        %r = call deep(%m, %k)
        %r = add %r, %a
        %r = add %r, %b
        %r = add %r, %c
        %r = add %r, %d
        %r = add %r, %e
        %r = add %r, %f
        %x = load.i64 [room]
        %r = add %r, %x
        ret %r
    end:
        call look(%k)
        ret %a
    }
";

#[test]
fn backtraces_pass_through_frames_of_both_kinds() {
    for (tier, keep) in COMPILED.into_iter().flat_map(|tier| [(tier, false), (tier, true)]) {
        let seen = Arc::new(Mutex::new(String::new()));
        let mut engine = Engine::new(Config::new().tier(tier).frame_pointers(keep));
        let sink = seen.clone();
        engine.define("look", move |_: i64| {
            *sink.lock().expect("no panic") = Backtrace::force_capture().to_string();
        });
        let program = engine.load_text(DEEP).expect("loads");
        assert_eq!(beyond_the_compiled_frames(&program), 57 * (4 + 3 + 2 + 1));
        let text = seen.lock().expect("no panic").clone();
        assert!(text.contains("beyond_the_compiled_frames"), "{tier:?}, frame pointers {keep}: {text}");
    }
}
