/* What calling a UMAT point by point costs without romnet: the denominator of batch_over_bare. */
#include <stddef.h>
#include <string.h>

typedef void umat_function(double *, double *, double *, double *, double *, double *, double *,
                           double *, double *, double *, const double *, const double *,
                           const double *, const double *, const double *, const double *,
                           const double *, const double *, const char *, const int *, const int *,
                           const int *, const int *, const double *, const int *, const double *,
                           const double *, double *, const double *, const double *,
                           const double *, const int *, const int *, const int *, const int *,
                           const int *, const int *, size_t);

/* Six components. Strains, stresses and STATEV are contiguous; tangents are stored by rows. */
void bare_loop(umat_function *umat, long n_points, int n_statev, int n_properties,
               const double *properties, const double *strain_old, const double *strain_new,
               const double *statev_old, double temperature, double dt, double *stress,
               double *statev, double *tangent)
{
    const double unit[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, origin[3] = {0}, field[1] = {0};
    const double times[2] = {0}, size = 1.0, warming = 0.0;
    const int n = 6, three = 3, one = 1, step[4] = {1, 1, 0, 0};
    double sse = 0, spd = 0, scd = 0, rpl = 0, drpldt = 0, ddsddt[6] = {0}, drplde[6] = {0};
    char name[81];
    memset(name, ' ', sizeof name);
    for (long point = 0; point < n_points; point++) {
        double *sigma = stress + 6 * point, *memory = statev + (size_t)n_statev * point;
        double columns[36], increment[6], factor = 1.0;
        const double *old = strain_old + 6 * point;
        const int number = (int)point + 1;
        for (int i = 0; i < 6; i++) {
            sigma[i] = 0.0;
            increment[i] = strain_new[6 * point + i] - old[i];
        }
        for (int i = 0; i < n_statev; i++) memory[i] = statev_old[(size_t)n_statev * point + i];
        umat(sigma, memory, columns, &sse, &spd, &scd, &rpl, ddsddt, drplde, &drpldt, old,
             increment, times, &dt, &temperature, &warming, field, field, name, &three, &three, &n,
             &n_statev, properties, &n_properties, origin, unit, &factor, &size, unit, unit,
             &number, &one, &one, &one, step, &one, 80);
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) tangent[36 * point + 6 * i + j] = columns[i + 6 * j];
    }
}
