/* Iterations over an n x n picture of the Mandelbrot set: float arithmetic in registers, a loop with two exits. */
#include <stdint.h>

int64_t kernel(int64_t n, unsigned char *memory) {
    (void)memory;
    int64_t total = 0;
    for (int64_t y = 0; y < n; y++) {
        double ci = 2.0 * (double)y / (double)n - 1.0;
        for (int64_t x = 0; x < n; x++) {
            double cr = 2.0 * (double)x / (double)n - 1.5;
            double zr = 0.0, zi = 0.0;
            int64_t i = 0;
            while (i < 50) {
                double rr = zr * zr;
                double ii = zi * zi;
                if (rr + ii > 4.0)
                    break;
                zi = 2.0 * zr * zi + ci;
                zr = rr - ii + cr;
                i++;
            }
            total += i;
        }
    }
    return total;
}
