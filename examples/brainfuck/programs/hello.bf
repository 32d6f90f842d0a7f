Says hello to the world

Eight rounds make 72 (an H) and 104 and 32 (a space)
++++++++[>+++++++++>+++++++++++++>++++<<<-]

>.                                  H
>---.                               e
+++++++..                           l l
+++.                                o
>++++++++++++.                      the comma is twelve above the space
------------.                       space
<++++++++.--------.+++.------.--------.     w o r l d
>+.                                 exclamation mark
-----------------------.            end of line
