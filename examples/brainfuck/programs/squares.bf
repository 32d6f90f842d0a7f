Prints the squares of 0 to 15

Cells: 0 how many are left    1 the square    2 the next odd number    3 scratch
4 the number to print    5 to 9 first division    7 to 12 second division

++++++++++++++++                        sixteen squares
>>+<<                                   the first odd number
[
    >[>>+>+<<<-]>>[<<+>>-]              copy the square from 1 to 4 by way of 3

    Divide the cell by 10: beside it the countdown from 10 and the rest and the quotient
    and a flag and a copy of the countdown which tells whether that has come to zero
    >>++++++++++<
    [
        ->->+>>+<<<                     one off; countdown; rest; flag
        [>>>>+<[-]<<<-]                 countdown not zero: no flag
        >>>>[<<<<+>>>>-]                and put it back
        <[-<+<[-]<++++++++++>>>]        flag: one more in the quotient; start anew
        <<<<
    ]

    The same with the quotient
    >>>>++++++++++<
    [
        ->->+>>+<<<
        [>>>>+<[-]<<<-]
        >>>>[<<<<+>>>>-]
        <[-<+<[-]<++++++++++>>>]
        <<<<
    ]

    The digits are in 10 and 9 and 6
    >>>[>++++++[<++++++++>-]<.[-]>+<]                   hundreds if any; noted in 11
    <[>+>+<<-]>>[[-]<<++++++[>++++++++<-]>.[-]>]        tens if any or after hundreds
    <[-]<<[-]                                           clean up 10 and 8
    <<>++++++[<++++++++>-]<.[-]                         units
    <[-]++++++++++.[-]                                  end of line

    <<<[<+>>+<-]>[<+>-]<++              add the odd number to the square; make the next one
    <<-
]
