/* Drives a UMAT over a batch of integration points: one call from Python, n calls from here.
 *
 * Row of the state: stress (n_components) | thermal strain at the initial temperature (1) |
 * STATEV (n_statev). All arrays are C-ordered with the point first.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"
#include "umat.h"

enum { NAME_LENGTH = 80 };

/* What stays the same from call to call. */
typedef struct {
    umat_function *umat;
    char name[NAME_LENGTH];
    int32_t n_components;
    int32_t n_statev;
    int32_t n_properties;
    int32_t n_property_temperatures;
    int32_t n_expansion_temperatures;
    int32_t reserved;
    const double *property_temperatures; /* ascending */
    const double *properties;            /* (n_property_temperatures, n_properties) */
    const double *expansion_temperatures;
    const double *expansion;             /* secant coefficients */
    double reference;                    /* where the thermal strain is zero */
} Law;

/* Number k of the interval [k, k + 1] of `grid` that holds x, and the position in it. Outside
 * the grid, or on a grid of one value, the nearest end holds. */
static int locate(int n, const double *grid, double x, double *position)
{
    *position = 0.0;
    if (n == 1 || x <= grid[0]) return 0;
    if (x >= grid[n - 1]) return n - 1;
    int low = 0, high = n - 1;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (grid[middle] <= x) low = middle;
        else high = middle;
    }
    *position = (x - grid[low]) / (grid[low + 1] - grid[low]);
    return low;
}

static double thermal_strain(const Law *law, double temperature)
{
    double s;
    const int k = locate(law->n_expansion_temperatures, law->expansion_temperatures, temperature, &s);
    double coefficient = law->expansion[k];
    if (s > 0.0) coefficient += s * (law->expansion[k + 1] - coefficient);
    return coefficient * (temperature - law->reference);
}

static void properties_at(const Law *law, double temperature, double *properties)
{
    const int n = law->n_properties;
    double s;
    const int k = locate(law->n_property_temperatures, law->property_temperatures, temperature, &s);
    const double *here = law->properties + (size_t)k * n;
    memcpy(properties, here, n * sizeof *properties);
    if (s > 0.0)
        for (int i = 0; i < n; i++) properties[i] += s * (here[n + i] - here[i]);
}

INLINE int all_finite(int n, const double *values)
{
    int bad = 0; /* no early return: the loop is short, and vectorised this way */
    for (int i = 0; i < n; i++) bad |= !isfinite(values[i]);
    return !bad;
}

/* Thermal strain of each temperature, with the same arithmetic as the integration. */
void romnet_thermal_strain(const Law *law, int64_t n_points, const double *temperature,
                           double *strain)
{
    for (int64_t i = 0; i < n_points; i++) strain[i] = thermal_strain(law, temperature[i]);
}

/* What changes from call to call; arrays are C-ordered, the point first. */
typedef struct {
    int64_t n_points;
    const double *strain_old, *strain_new, *temperature_old, *temperature_new;
    double start, length; /* of the increment of time */
    double *stress, *state, *tangent;
    int64_t *failed;
} Batch;

/* Integrate one point, whose row of the new state holds the old one. Returns the step factor that
 * the law proposes: 1 when content, 0.5 when its answer is not finite and it proposes nothing. */
INLINE double integrate_point(const int n, const Law *law, const Batch *batch, int64_t point,
                              double *properties)
{
    /* Local, so that a law which writes where it should only read harms nobody. */
    double rotation[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, gradient_old[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double gradient_new[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, coordinates[3] = {0}, size = 1.0;
    double field[8] = {0}, field_increment[8] = {0}, ddsddt[MAX_COMPONENTS] = {0};
    double drplde[MAX_COMPONENTS] = {0}, sse = 0.0, spd = 0.0, scd = 0.0, rpl = 0.0, drpldt = 0.0;
    double times[2] = {batch->start, batch->start}, length = batch->length;
    int step[4] = {1, 1, 0, 0}, increment_number = 1, one = 1, number = (int)point + 1;
    int n_tensor = n, n_direct = N_NORMAL, n_shear = n - N_NORMAL;
    int n_statev = law->n_statev, n_properties = law->n_properties;

    double *stress = batch->state + point * (n + 1 + n_statev), *statev = stress + n + 1;
    double temperature = batch->temperature_old[point];
    double warming = batch->temperature_new[point] - temperature;
    properties_at(law, batch->temperature_new[point], properties);
    const double initial = stress[n];
    const double thermal_old = thermal_strain(law, temperature) - initial;
    const double thermal_new = thermal_strain(law, batch->temperature_new[point]) - initial;
    const double *total_old = batch->strain_old + point * n;
    const double *total_new = batch->strain_new + point * n;
    double strain[MAX_COMPONENTS], increment[MAX_COMPONENTS], nothing = 0.0;
    for (int i = 0; i < n; i++) {
        strain[i] = total_old[i] - (i < N_NORMAL) * thermal_old;
        increment[i] = total_new[i] - (i < N_NORMAL) * thermal_new - strain[i];
    }

    double column_major[MAX_COMPONENTS * MAX_COMPONENTS] = {0}, factor = 1.0;
    law->umat(stress, n_statev ? statev : &nothing, column_major, &sse, &spd, &scd, &rpl, ddsddt,
              drplde, &drpldt, strain, increment, times, &length, &temperature, &warming, field,
              field_increment, law->name, &n_direct, &n_shear, &n_tensor, &n_statev, properties,
              &n_properties, coordinates, rotation, &factor, &size, gradient_old, gradient_new,
              &number, &one, &one, &one, step, &increment_number, NAME_LENGTH);

    double *tangent = batch->tangent + point * n * n;
    for (int i = 0; i < n; i++) {
        batch->stress[point * n + i] = stress[i];
        for (int j = 0; j < n; j++) tangent[i * n + j] = column_major[i + n * j];
    }
    if (factor < 1.0) return factor > 0.0 ? factor : 0.5;
    return factor >= 1.0 && all_finite(n, stress) && all_finite(n * n, column_major) ? 1.0 : 0.5;
}

INLINE int64_t integrate_points(const int n, const Law *law, const Batch *batch, double *properties,
                                double *step_factor)
{
    int64_t n_failed = 0;
    for (int64_t point = 0; point < batch->n_points; point++) {
        const double factor = integrate_point(n, law, batch, point, properties);
        if (factor < 1.0) {
            batch->failed[n_failed++] = point;
            if (factor < *step_factor) *step_factor = factor;
        }
    }
    return n_failed;
}

/* Integrate n points over one increment.
 *
 * Writes the stress, the new state, the row-major tangent, the numbers of the failing points and
 * the smallest factor that a point proposes. Returns how many points failed, or -1 without memory.
 */
int64_t romnet_integrate(const Law *law, int64_t n_points, const double *strain_old,
                         const double *strain_new, const double *state_old,
                         const double *temperature_old, const double *temperature_new,
                         double start, double length, double *stress, double *state,
                         double *tangent, int64_t *failed, double *step_factor)
{
    const Batch batch = {n_points, strain_old, strain_new, temperature_old, temperature_new,
                         start, length, stress, state, tangent, failed};
    const size_t n_state = (size_t)law->n_components + 1 + law->n_statev;
    double *properties = malloc((size_t)(law->n_properties + 1) * sizeof *properties);
    if (!properties) return -1;
    memcpy(state, state_old, (size_t)n_points * n_state * sizeof *state);
    *step_factor = 1.0;
    const int64_t n_failed = law->n_components == 6
                                 ? integrate_points(6, law, &batch, properties, step_factor)
                                 : integrate_points(4, law, &batch, properties, step_factor);
    free(properties);
    return n_failed;
}

/* Put rounding, traps and the treatment of subnormal numbers back to what C promises. */
int romnet_restore_environment(void) { return fesetenv(FE_DFL_ENV); }
