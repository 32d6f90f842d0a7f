Draws the triangle of Sierpinski: Pascal's triangle with a star wherever the number is odd

Cells: 0 the lines left    1 a space    2 and 3 scratch
from 4 on 32 pairs: a mark that is 1 and a bit

++++++++[>++++>++++<<-]>>               32 in 1 and 2
[>>+<<-]>>                              move it from 2 to 4
[[->>+<<]+>>-]                          lay a mark and carry one less to the next pair
<<[<<]>>>+<<<                           the first line has the first bit only
<[<+>>>+<<-]>>[<<+>>-]<<                32 lines; 3 helps to copy and is zero again
<
[-
    [->.>+<<]>>[-<<+>>]                 a space for each line that is left
    >>
    [
        Print a space and a star or another space: make the mark 32 and print it
        +++++++++++++++++++++++++++++++.
        >[<++++++++++>-]<.              ten more for a star
        --------------------------------
        [>+<----------]+                the bit is back and the mark is 1
        >>
    ]
    ++++++++++.[-]                      end of line

    From right to left: the exclusive or with the bit before
    <<
    [
        <[->+<]>-                       fetch it to the mark
        [-<+>+>[-<->]<[->+<]]+          put it back and flip this bit
        <<
    ]
    <<
]
