//! `main`: what makes a program of the functions. It calls `start` with the integers of the command line, prints the
//! result in decimal, and ends with status 0.

use super::calls::Imports;
use super::passed;
use crate::rasm::table::Ty;
use kiln_ir::{Cond, FuncId, FunctionBuilder, Linkage, MemType, Module, Signature, Type, VReg};

/// Names that this needs in the module.
pub(super) const NAMES: [&str; 6] = ["main", "printf", "dprintf", "strtoll", "strtod", "__errno_location"];

/// What the original driver passes where nothing is said.
const DEFAULT: i64 = 32;

/// The status for wrong use.
const WRONG_USE: i64 = 2;

pub(super) fn main(module: &mut Module, start: FuncId, params: &[Ty], imports: &mut Imports) {
    let sig = Signature::new([Type::I32, Type::Ptr], [Type::I32]);
    let main = module.declare("main", sig, Linkage::Export);
    let format = module.constant("\"result\"", b"%ld\n\0");
    let plural = if params.len() == 1 { "" } else { "s" };
    let usage = format!("%s takes {} argument{plural}, but got %d\n\0", params.len());
    let count_message = module.constant("\"usage\"", usage.as_bytes());
    let value_message = module.constant("\"number\"", b"%s: `%s` is not a number\n\0");
    let range_message =
        module.constant("\"range\"", b"%s: `%s` does not fit its parameter, which takes %ld to %ld\n\0");
    let mut b = module.build(main);
    let (argc, argv) = (b.param(0), b.param(1));
    let end = b.slot(8, 8);
    let (call, wrong_count, wrong_value, wrong_range) = (b.block(), b.block(), b.block(), b.block());
    let integers = params.iter().any(|ty| !ty.is_float());
    let args: Vec<VReg> = params.iter().map(|ty| b.vreg(passed(*ty))).collect();
    let text = b.vreg(Type::Ptr);
    b.to(text).iconst(Type::Ptr, 0);
    let (least, most) = (b.vreg(Type::I64), b.vreg(Type::I64));
    if integers {
        b.to(least).iconst(Type::I64, 0);
        b.to(most).iconst(Type::I64, 0);
    }
    if let ([arg], [ty]) = (args.as_slice(), params)
        && !ty.is_float()
    {
        let given = b.block();
        b.to(*arg).iconst(Type::I64, DEFAULT);
        b.branch(Cond::Ne, argc, 1, given);
        b.jump(call);
        b.place(given);
    }
    b.branch(Cond::Ne, argc, params.len() as i64 + 1, wrong_count);
    for ((arg, ty), n) in args.iter().zip(params).zip(1..) {
        b.to(text).load(Type::Ptr, MemType::PTR, (argv, 8 * n));
        let end_at = b.slot_addr(end, 0);
        match ty {
            Ty::F | Ty::D => {
                let sig = Signature::new([Type::Ptr, Type::Ptr], [Type::F64]);
                let value = imports.call(&mut b, "strtod", sig, &[text, end_at]);
                if *ty == Ty::F {
                    b.to(*arg).fdemote(value)
                } else {
                    b.to(*arg).copy(value)
                };
            }
            _ => {
                // What does not fit 64 bits is told in `errno`.
                let errno = imports.call(
                    &mut b,
                    "__errno_location",
                    Signature::new([Type::Ptr; 0], [Type::Ptr]),
                    &[],
                );
                b.store(MemType::I32, errno, 0);
                let base = b.iconst(Type::I32, 0);
                let sig = Signature::new([Type::Ptr, Type::Ptr, Type::I32], [Type::I64]);
                let value = imports.call(&mut b, "strtoll", sig, &[text, end_at, base]);
                b.to(*arg).copy(value);
                let bits = ty.bits();
                let limits =
                    if bits == 64 { (i64::MIN, i64::MAX) } else { (-1 << (bits - 1), (1 << bits) - 1) };
                b.to(least).iconst(Type::I64, limits.0);
                b.to(most).iconst(Type::I64, limits.1);
                let wrong = b.load(Type::I32, MemType::I32, errno);
                b.branch(Cond::Ne, wrong, 0, wrong_range);
                b.branch(Cond::Lt, value, least, wrong_range);
                b.branch(Cond::Gt, value, most, wrong_range);
            }
        }
        let rest = b.load(Type::Ptr, MemType::PTR, end_at);
        b.branch(Cond::Eq, rest, text, wrong_value);
        let last = b.load(Type::I32, MemType::U8, rest);
        b.branch(Cond::Ne, last, 0, wrong_value);
    }
    b.place(call);
    let result = b.call1(start, &args);
    let format = b.data_addr(format, 0);
    let print = Signature::new([Type::Ptr, Type::I64], [Type::I64]).variadic();
    imports.call(&mut b, "printf", print, &[format, result]);
    let zero = b.iconst(Type::I32, 0);
    b.ret(&[zero]);
    b.place(wrong_count);
    let got = b.sub(argc, 1);
    let message = b.data_addr(count_message, 0);
    refuse(&mut b, imports, argv, message, &[got]);
    if !params.is_empty() {
        b.place(wrong_value);
        let message = b.data_addr(value_message, 0);
        refuse(&mut b, imports, argv, message, &[text]);
    }
    if integers {
        b.place(wrong_range);
        let message = b.data_addr(range_message, 0);
        refuse(&mut b, imports, argv, message, &[text, least, most]);
    }
    if let Err(error) = b.finish() {
        unreachable!("all blocks of `main` are placed: {error}");
    }
}

/// Writes a message about the program's name and these values to standard error, and returns.
fn refuse(b: &mut FunctionBuilder<'_>, imports: &mut Imports, argv: VReg, message: VReg, values: &[VReg]) {
    let stderr = b.iconst(Type::I32, 2);
    let name = b.load(Type::Ptr, MemType::PTR, argv);
    let sig = Signature::new([Type::I32, Type::Ptr], [Type::I32]).variadic();
    let args: Vec<VReg> = [stderr, message, name].into_iter().chain(values.iter().copied()).collect();
    imports.call(b, "dprintf", sig, &args);
    let status = b.iconst(Type::I32, WRONG_USE);
    b.ret(&[status]);
}
