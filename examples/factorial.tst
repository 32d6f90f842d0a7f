/* The factorial of 20, by recursion. */
.data 64
fmt: .c "%d! = %ld\n"
.code
    jmpi main

factorial:
    prolog
    arg $n
    getarg %v0 $n
    bgti more %v0 1
    reti 1
more:
    subi %r0 %v0 1
    prepare
        pushargr %r0
    finishi factorial
    retval %r1
    mulr %r0 %r1 %v0
    retr %r0
    epilog

main:
    prolog
    prepare
        pushargi 20
    finishi factorial
    retval %v1
    prepare
        pushargi fmt
    ellipsis
        pushargi 20
        pushargr %v1
    finishi @printf
    ret
    epilog
