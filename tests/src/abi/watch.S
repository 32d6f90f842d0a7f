# What calls must leave alone, looked at from between caller and callee. These routines stand in the way of a call of any
# signature and change nothing that either side may count on: arguments, results, the place of the return address.
#
# watch_c, watch_win64: called in the place of `watched.target`. Puts known values into the registers that callees
# save, calls the target with the caller's stack as it is, notes what the registers hold afterwards, restores them.
#
# spoil_c, spoil_win64: jumped to with the target in r11. Calls it, then overwrites every register that callees may
# change and that no result comes in.

    .set TARGET, 0
    .set BACK, 8
    .set RSP, 16          # at the call, then after it
    .set FLAGS, 32        # at the call, then after it
    .set PUT, 48          # the known values: rbx rbp r12 r13 r14 r15 rdi rsi, xmm6 to xmm15
    .set FOUND, 272       # what was there after the call
    .set SAVED, 496
    .set SPOILER, 720     # return address, rsp, flags and rax at the call
    .set SIZE, 752

    .bss
    .balign 16
    .globl watched
    .type watched, @object
    .size watched, SIZE
watched:
state:
    .zero SIZE

    .macro integers move, at
    \move %rbx, \at, 0
    \move %rbp, \at, 8
    \move %r12, \at, 16
    \move %r13, \at, 24
    \move %r14, \at, 32
    \move %r15, \at, 40
    .endm

    .macro more move, vectors, at
    \move %rdi, \at, 48
    \move %rsi, \at, 56
    \vectors %xmm6, \at, 64
    \vectors %xmm7, \at, 80
    \vectors %xmm8, \at, 96
    \vectors %xmm9, \at, 112
    \vectors %xmm10, \at, 128
    \vectors %xmm11, \at, 144
    \vectors %xmm12, \at, 160
    \vectors %xmm13, \at, 176
    \vectors %xmm14, \at, 192
    \vectors %xmm15, \at, 208
    .endm

    .macro store reg, at, offset
    mov \reg, state+\at+\offset(%rip)
    .endm
    .macro fetch reg, at, offset
    mov state+\at+\offset(%rip), \reg
    .endm
    .macro store_vector reg, at, offset
    movdqu \reg, state+\at+\offset(%rip)
    .endm
    .macro fetch_vector reg, at, offset
    movdqu state+\at+\offset(%rip), \reg
    .endm

    .macro watch name, win64
    .globl \name
    .type \name, @function
\name:
    pushfq
    pop state+FLAGS(%rip)
    pop state+BACK(%rip)
    mov %rsp, state+RSP(%rip)
    integers store, SAVED
    integers fetch, PUT
    .if \win64
    more store, store_vector, SAVED
    more fetch, fetch_vector, PUT
    .endif
    call *state+TARGET(%rip)
    mov %rsp, state+RSP+8(%rip)
    mov state+RSP(%rip), %rsp
    integers store, FOUND
    integers fetch, SAVED
    .if \win64
    more store, store_vector, FOUND
    more fetch, fetch_vector, SAVED
    .endif
    pushfq
    pop state+FLAGS+8(%rip)
    cld
    push state+BACK(%rip)
    ret
    .endm

    .text
    watch watch_c, 0
    watch watch_win64, 1

    .macro call_it
    pop state+SPOILER(%rip)
    mov %rsp, state+SPOILER+8(%rip)
    pushfq
    pop state+SPOILER+16(%rip)
    mov %rax, state+SPOILER+24(%rip)
    call *%r11
    .endm

    .macro overwrite registers:vararg
    .irp reg, \registers
    mov $0x5b01bad5, \reg
    .endr
    .endm
    .macro overwrite_vectors registers:vararg
    .irp reg, \registers
    pcmpeqd \reg, \reg
    .endr
    .endm

    .globl spoil_c
    .hidden spoil_c
spoil_c:
    call_it
    overwrite %rcx, %rsi, %rdi, %r8, %r9, %r10, %r11
    overwrite_vectors %xmm2, %xmm3, %xmm4, %xmm5, %xmm6, %xmm7, %xmm8, %xmm9
    overwrite_vectors %xmm10, %xmm11, %xmm12, %xmm13, %xmm14, %xmm15
    push state+SPOILER(%rip)
    ret

    .globl spoil_win64
    .hidden spoil_win64
spoil_win64:
    call_it
    overwrite %rcx, %rdx, %r8, %r9, %r10, %r11
    # The callee owns the room for register arguments.
    mov %r10, (%rsp)
    mov %r10, 8(%rsp)
    mov %r10, 16(%rsp)
    mov %r10, 24(%rsp)
    overwrite_vectors %xmm1, %xmm2, %xmm3, %xmm4, %xmm5
    push state+SPOILER(%rip)
    ret

# Gives the float units' state that calls must not change: the x87 control word, then its top of stack and which
# exceptions the SSE unit masks and how it rounds.
    .globl float_state
    .type float_state, @function
float_state:
    push $0
    stmxcsr (%rsp)
    andl $0xffc0, (%rsp)
    fnstcw 4(%rsp)
    fnstsw 6(%rsp)
    andw $0x3800, 6(%rsp)
    pop %rax
    ret

    .section .note.GNU-stack, "", @progbits
