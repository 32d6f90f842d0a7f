/* n steps of the sun and four planets pulling at each other: float arithmetic on memory, square roots. */
#include <math.h>
#include <stdint.h>

struct body {
    double x, y, z, vx, vy, vz, mass;
};

enum { BODIES = 5 };

static const struct body start[BODIES] = {
    {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47841760435743},
    {4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
     0.606326392995832, 2.81198684491626016, -0.0252183616598876288, 0.03769367487038949},
    {8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
     -1.01077434617879236, 1.82566237123041186, 0.00841576137658415351, 0.0112863261319687671},
    {12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
     1.08279100644153536, 0.868713018169608219, -0.0108326374013636358, 0.00172372405705971060},
    {15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
     0.979090732243897976, 0.594698998647676060, -0.0347559555038857999, 0.00203368686992463042},
};

int64_t kernel(int64_t n, unsigned char *memory) {
    struct body *bodies = (struct body *)memory;
    for (int64_t i = 0; i < BODIES; i++)
        bodies[i] = start[i];
    for (int64_t step = 0; step < n; step++) {
        for (int64_t i = 0; i < BODIES; i++) {
            struct body *a = &bodies[i];
            for (int64_t j = i + 1; j < BODIES; j++) {
                struct body *b = &bodies[j];
                double dx = a->x - b->x;
                double dy = a->y - b->y;
                double dz = a->z - b->z;
                double square = dx * dx + dy * dy + dz * dz;
                double pull = 0.01 / (square * sqrt(square));
                a->vx -= dx * b->mass * pull;
                a->vy -= dy * b->mass * pull;
                a->vz -= dz * b->mass * pull;
                b->vx += dx * a->mass * pull;
                b->vy += dy * a->mass * pull;
                b->vz += dz * a->mass * pull;
            }
        }
        for (int64_t i = 0; i < BODIES; i++) {
            struct body *a = &bodies[i];
            a->x += 0.01 * a->vx;
            a->y += 0.01 * a->vy;
            a->z += 0.01 * a->vz;
        }
    }
    double energy = 0.0;
    for (int64_t i = 0; i < BODIES; i++) {
        struct body *a = &bodies[i];
        energy += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (int64_t j = i + 1; j < BODIES; j++) {
            struct body *b = &bodies[j];
            double dx = a->x - b->x;
            double dy = a->y - b->y;
            double dz = a->z - b->z;
            energy -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return (int64_t)(energy * 1e9);
}
