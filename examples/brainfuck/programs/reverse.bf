Prints its input backwards: up to the length of the tape

>,[>,]          the zero at the end stays behind the last byte
<[.<]           and the zero before the first one ends this loop
