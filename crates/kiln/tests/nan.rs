//! Canonical NaNs: every float operation that computes gives the one NaN, those that only move keep what they get.

use kiln::{Config, Engine, Tier};

const PAYLOAD: u64 = 0xfff8_0000_dead_beef;
const CANONICAL: u64 = 0x7ff8_0000_0000_0000;

/// Ops on `f64` operands `%x` (a NaN with a payload) and `%y` (1.0), and whether they compute.
const OPS: &[(&str, bool)] = &[
    ("fadd %x, %y", true),
    ("fadd %y, %x", true),
    ("fsub %x, %y", true),
    ("fmul %y, %x", true),
    ("fdiv %x, %y", true),
    ("fdiv %zero, %zero", true),
    ("fsub %infinite, %infinite", true),
    ("fsqrt %x", true),
    ("fsqrt %minus", true),
    ("fma %x, %y, %y", true),
    ("fms %y, %x, %y", true),
    ("fnma %y, %y, %x", true),
    ("fnms %x, %x, %x", true),
    ("fmin %x, %y", true),
    ("fmax %y, %x", true),
    ("fmin_num %x, %x", true),
    ("fmax_num %x, %x", true),
    ("ffloor %x", true),
    ("fceil %x", true),
    ("ftrunc %x", true),
    ("fnearest %x", true),
    ("fpromote %single", true),
    ("copy %x", false),
    ("select %one, %x, %y", false),
    ("fcopysign %x, %minus", false),
];

fn bits(config: Config, op: &str) -> u64 {
    let text = format!(
        "export fn f(%b: i64) -> i64 {{
            %x = bitcast.f64 %b
            %y = const.f64 1.0
            %zero = const.f64 0.0
            %infinite = const.f64 inf
            %minus = const.f64 -1.0
            %one = const.i32 1
            %si = const.i32 0xffc12345
            %single = bitcast.f32 %si
            %r: f64 = {op}
            %w = bitcast.i64 %r
            ret %w
        }}"
    );
    let program = Engine::new(config).load_text(&text).unwrap_or_else(|e| panic!("{op}: {e}"));
    let f = program.function::<fn(u64) -> u64>("f").expect("is there");
    // SAFETY: `f` touches no memory.
    unsafe { f.call(PAYLOAD) }.expect("does not trap")
}

#[test]
fn arithmetic_gives_the_one_nan_when_asked() {
    for tier in [Tier::Interpreter, Tier::Baseline, Tier::Optimized] {
        for features in [kiln::host_features(), Default::default()] {
            for (op, computes) in OPS {
                let config = Config::new().tier(tier).features(features).canonical_nan(true);
                let expected = if *computes { CANONICAL } else { PAYLOAD };
                assert_eq!(bits(config, op), expected, "{op}, {tier:?}, {features:?}");
            }
        }
    }
}

#[test]
fn nans_are_left_as_they_are_otherwise() {
    for tier in [Tier::Interpreter, Tier::Baseline, Tier::Optimized] {
        assert_eq!(bits(Config::new().tier(tier), "fadd %x, %y"), PAYLOAD, "{tier:?}");
        assert_eq!(bits(Config::new().tier(tier), "copy %x"), PAYLOAD, "{tier:?}");
    }
}

#[test]
fn singles_have_their_own_canonical_nan() {
    let text = "export fn f(%b: i32) -> i32 {
        %x = bitcast.f32 %b
        %y = fadd %x, %x
        %w = bitcast.i32 %y
        ret %w
    }";
    for tier in [Tier::Interpreter, Tier::Baseline, Tier::Optimized] {
        let program =
            Engine::new(Config::new().tier(tier).canonical_nan(true)).load_text(text).expect("loads");
        let f = program.function::<fn(u32) -> u32>("f").expect("is there");
        // SAFETY: `f` touches no memory.
        assert_eq!(unsafe { f.call(0xffc1_2345) }.expect("does not trap"), 0x7fc0_0000);
    }
}
