Copies its input until it ends or holds a zero byte

,[.,]
