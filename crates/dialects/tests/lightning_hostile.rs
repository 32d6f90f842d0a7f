//! Any text gives faults or a module that keeps the verifier's rules: never a panic, never a module that is wrong. The texts are
//! programs with bytes changed, words exchanged and lines left out, by a generator that gives the same every time.

use kiln_dialects::lightning;
use kiln_ir::verify;

/// A small generator: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn check(text: &str) -> bool {
    match lightning::read("hostile.tst", text) {
        Ok(reading) => {
            if let Err((_, faults)) = verify::check(reading.module) {
                panic!("{} in what came of\n{text}", faults[0]);
            }
            true
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(!fault.to_string().is_empty());
            }
            false
        }
    }
}

/// A program with some of everything that functions, frames and calls are made of.
const PROGRAM: &str = r#"
.data 64
fmt: .c "%ld\n" 7 -1
.align 8
table: .p fmt @puts 3
.l 1 2 3
.code
 jmpi main
bump:
 prolog
 tramp 64
 arg $n
 getarg %r0 $n
 putargr %r0 $n
 allocai 8 $mine
 ldxi %r1 %fp $mine
 stxi $mine %fp %r1
 jmpr %v2
 epilog
work:
 prolog
 frame 64
 arg $n
 arg_d $x
 arg_f $y
 getarg_d %f0 $x
 getarg_f %f1 $y
 allocai 8 $slot
 movi %v2 first
 jmpi bump
first:
 boaddr over %v0 %v1
 bxsubi_u first %v0 3
 addcr %v0 %v1 %v2
 addxi %v0 %v0 0
 qdivr %v0 %v1 %v0 %v1
over:
 retr_d %f0
 epilog
vary:
 prolog
 arg $n
 ellipsis
 va_start %v0
 va_arg %r0 %v0
 va_arg_d %f2 %v0
 va_end %v0
 movi %v1 64
 allocar %r1 %v1
 casr %v2 %v0 %v1 %r1
 movnr %v2 %v0 %r0
 depr %v2 %r0 3 9
 ret
 epilog
main:
 prolog
 .$($k = 3 * (2 + 1) , 0)
 prepare pushargi $k pushargi_d 1.5 pushargi_f 2.5 finishi work
 retval_d %f3
 movi %v(4) vary
 prepare pushargi 1 ellipsis pushargr %v(4) pushargr_d %f3 finishr %v(4)
 retval_c %v(3)
 prepare pushargi fmt ellipsis pushargr %v(3) addi %v(3) %v(3) 1 finishi @printf
 blti_d over2 %f3 $(1.0 / 0.0)
 truncr_d_i %r2 %f3
over2:
 ret
 epilog
"#;

/// Bytes that mean something somewhere.
const ODD: &[u8] = b" \n$%@.:()-+'\"0179abrvf_ij\\/*#;";

#[test]
fn changed_programs() {
    let good = PROGRAM.replace(" , 0)", ")");
    assert!(check(&good), "the program itself is good");
    let words: Vec<&str> = good.split_whitespace().collect();
    let lines: Vec<&str> = good.lines().collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut good_ones = 0;
    for round in 0..6000 {
        let text = match round % 4 {
            // Lines left out, doubled, or moved.
            0 | 1 => {
                let mut changed = lines.clone();
                for _ in 0..1 + random.below(3) {
                    let at = random.below(changed.len());
                    match random.below(3) {
                        0 => drop(changed.remove(at)),
                        1 => {
                            let to = random.below(changed.len());
                            changed.insert(to, changed[at]);
                        }
                        _ => {
                            let to = random.below(changed.len());
                            changed.swap(at, to);
                        }
                    }
                }
                changed.join("\n")
            }
            // A word in the place of another.
            2 => {
                let (from, to) = (words[random.below(words.len())], words[random.below(words.len())]);
                good.replacen(from, to, 1 + random.below(2))
            }
            // Bytes changed.
            _ => {
                let mut bytes = good.clone().into_bytes();
                for _ in 0..1 + random.below(4) {
                    let at = random.below(bytes.len());
                    bytes[at] = ODD[random.below(ODD.len())];
                }
                String::from_utf8(bytes).expect("bytes of ASCII")
            }
        };
        good_ones += check(&text) as usize;
    }
    assert!(good_ones > 300, "only {good_ones} programs were good: the test tests little");
}

#[test]
fn odd_ends() {
    for text in [
        "",
        ".",
        ".data",
        ".data 8\n.c \"",
        ".data 8\n.c '",
        ".code",
        ".code\nx:",
        ".code prolog",
        ".code prolog epilog x:",
        ".code movi %r0",
        ".code movi %r",
        ".code movi %r(",
        ".code movi %r($",
        "/*",
        "# 1 \"",
        "# 99999999999",
        "\u{e9}",
        ".code \u{1f600}",
        ".data 99999999999",
        ".data -1",
        ".data 8 .$(((((((",
        ".code prolog movi %r0 x x:",
        ".$(1",
        ".$($x=$x=$x=",
        "$",
        "@",
        "%",
    ] {
        check(text);
    }
    // Deep nesting ends with a fault, not with the stack.
    check(&format!(".$({}1{})", "(".repeat(100_000), ")".repeat(100_000)));
    check(&format!(".$({}1)", "$x = ".repeat(100_000)));
    check(&format!(".$({}1)", "-".repeat(100_000)));
}
