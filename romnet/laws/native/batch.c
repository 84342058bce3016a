/* Drives a UMAT over a batch of integration points: one call from Python, n calls from here.
 *
 * Row of the state: stress (n_components) | thermal strain at the initial temperature (1) |
 * STATEV (n_statev). All arrays are C-ordered with the point first.
 */
#include <fenv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensors.h"
#include "umat.h"

enum { NAME_LENGTH = 80, LEAST_FIELDS = 2, BLOCK = 32 };

/* What stays the same from call to call. Points are told by their place in the batch where
 * `numbers` is null, and are all at the origin where `coordinates` is null. */
typedef struct {
    umat_function *umat;
    sdvini_function *sdvini; /* or null */
    char name[NAME_LENGTH];
    int32_t n_components;
    int32_t n_statev;
    int32_t n_properties;
    int32_t n_fields;
    int32_t n_property_temperatures;
    int32_t n_expansion_temperatures;
    const double *property_temperatures; /* ascending */
    const double *properties;            /* (n_property_temperatures, n_properties) */
    const double *expansion_temperatures;
    const double *expansion;             /* secant coefficients */
    double reference;                    /* where the thermal strain is zero */
    const double *coordinates;           /* (n_points, 3) */
    const int32_t *numbers;              /* (n_points, 2): NOEL, NPT */
} Law;

/* What changes from call to call. */
typedef struct {
    int64_t first, last; /* points to integrate */
    const double *strain_old, *strain_new, *state_old, *temperature_old, *temperature_new;
    const double *fields_old, *fields_new; /* (n_points, n_fields), null without fields */
    double start, length;                  /* of the increment of time */
    int number;                            /* of the increment */
    double *stress, *state, *tangent;
    int64_t *failed;
} Batch;

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

/* Thermal strain of each temperature, with the same arithmetic as the integration. */
void romnet_thermal_strain(const Law *law, int64_t n_points, const double *temperature,
                           double *strain)
{
    for (int64_t i = 0; i < n_points; i++) strain[i] = thermal_strain(law, temperature[i]);
}

/* Let SDVINI, if there is one, fill STATEV row by row of the state. */
void romnet_initialise(const Law *law, int64_t n_points, double *state)
{
    if (!law->sdvini) return;
    for (int64_t point = 0; point < n_points; point++) {
        double coordinates[3] = {0};
        int n_statev = law->n_statev, n_coordinates = 3, one = 1;
        int element = law->numbers ? law->numbers[2 * point] : (int)point + 1;
        int number = law->numbers ? law->numbers[2 * point + 1] : 1;
        if (law->coordinates) memcpy(coordinates, law->coordinates + 3 * point, sizeof coordinates);
        law->sdvini(state + point * (law->n_components + 1 + n_statev) + law->n_components + 1,
                    coordinates, &n_statev, &n_coordinates, &element, &number, &one, &one);
    }
}

/* What depends on temperature, at that of the point before: neighbours often share theirs. */
typedef struct {
    double old, new;                 /* temperatures */
    double thermal_old, thermal_new; /* thermal strains since the reference temperature */
    double *properties;              /* those of law */
} Warmth;

INLINE void warm_up(const Law *law, double old, double new, Warmth *warmth)
{
    if (new != warmth->new) {
        properties_at(law, new, warmth->properties);
        warmth->thermal_new = thermal_strain(law, new);
        warmth->new = new;
    }
    if (old != warmth->old) {
        warmth->thermal_old = old == new ? warmth->thermal_new : thermal_strain(law, old);
        warmth->old = old;
    }
}

/* Arguments that a law has no reason to write but might: each point gets fresh ones. */
typedef struct {
    double identity[9], coordinates[3], ddsddt[MAX_COMPONENTS], drplde[MAX_COMPONENTS];
    double sse, spd, scd, rpl, drpldt, size, times[2], length;
    int step[4], increment_number, layer, section;
} Surroundings;

/* Room for arguments of unknown size. */
typedef struct {
    double *properties, *fields, *field_increments;
} Scratch;

INLINE void set_fields(const Law *law, const Batch *batch, int64_t point, const Scratch *scratch)
{
    for (int i = 0; i < LEAST_FIELDS; i++) scratch->fields[i] = scratch->field_increments[i] = 0.0;
    for (int i = 0; i < law->n_fields; i++) {
        const int64_t at = point * law->n_fields + i;
        scratch->fields[i] = batch->fields_old[at];
        scratch->field_increments[i] = batch->fields_new[at] - batch->fields_old[at];
    }
}

/* Member by member, as compilers copy a large struct with an instruction that is slow to start. */
INLINE void refresh(Surroundings *around, const Batch *batch)
{
    static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    memcpy(around->identity, identity, sizeof identity);
    memset(around->coordinates, 0, sizeof around->coordinates);
    memset(around->ddsddt, 0, sizeof around->ddsddt);
    memset(around->drplde, 0, sizeof around->drplde);
    around->sse = around->spd = around->scd = around->rpl = around->drpldt = 0.0;
    around->size = 1.0;
    around->times[0] = around->times[1] = batch->start;
    around->length = batch->length;
    around->step[0] = around->step[1] = 1;
    around->step[2] = around->step[3] = 0;
    around->increment_number = batch->number;
    around->layer = around->section = 1;
}

INLINE void transpose(const int n, double *matrix)
{
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            const double entry = matrix[i * n + j];
            matrix[i * n + j] = matrix[j * n + i];
            matrix[j * n + i] = entry;
        }
}

/* Whether the sum of some numbers is finite; then all of them are. */
INLINE int sum_is_finite(int64_t n, const double *values)
{
    double sums[8] = {0}, sum = 0.0; /* independent, so that they are added at the same time */
    int64_t k = 0;
    for (; k + 8 <= n; k += 8)
        for (int i = 0; i < 8; i++) sums[i] += values[k + i];
    for (; k < n; k++) sum += values[k];
    for (int i = 0; i < 8; i++) sum += sums[i];
    return isfinite(sum);
}

static int all_finite(int n, const double *values)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

/* Integrate one point. Returns the step factor that the law proposes: 1 when content, 0.5 when its
 * factor is no factor. */
INLINE double integrate_point(const int n, const Law *law, const Batch *batch, int64_t point,
                              const Warmth *warmth, const Scratch *scratch)
{
    Surroundings around;
    refresh(&around, batch);
    if (law->coordinates)
        memcpy(around.coordinates, law->coordinates + 3 * point, sizeof around.coordinates);
    int element = law->numbers ? law->numbers[2 * point] : (int)point + 1;
    int number = law->numbers ? law->numbers[2 * point + 1] : 1;
    int n_tensor = n, n_direct = N_NORMAL, n_shear = n - N_NORMAL;
    int n_statev = law->n_statev, n_properties = law->n_properties;
    double temperature = warmth->old, warming = warmth->new - warmth->old;
    set_fields(law, batch, point, scratch);
    for (int i = 0; i < n_properties; i++) scratch->properties[i] = warmth->properties[i];

    const size_t n_state = (size_t)n + 1 + n_statev;
    double *stress = batch->state + point * n_state, *statev = stress + n + 1;
    for (size_t i = 0; i < n_state; i++) stress[i] = batch->state_old[point * n_state + i];

    const double initial = stress[n];
    const double *total_old = batch->strain_old + point * n;
    const double *total_new = batch->strain_new + point * n;
    double strain[MAX_COMPONENTS], increment[MAX_COMPONENTS], nothing = 0.0;
    for (int i = 0; i < n; i++) {
        strain[i] = total_old[i] - (i < N_NORMAL) * (warmth->thermal_old - initial);
        increment[i] = total_new[i] - (i < N_NORMAL) * (warmth->thermal_new - initial) - strain[i];
    }

    double *tangent = batch->tangent + point * n * n, factor = 1.0;
    for (int j = 0; j < n; j++) memset(tangent + n * j, 0, n * sizeof *tangent);
    law->umat(stress, n_statev ? statev : &nothing, tangent, &around.sse, &around.spd, &around.scd,
              &around.rpl, around.ddsddt, around.drplde, &around.drpldt, strain, increment,
              around.times, &around.length, &temperature, &warming, scratch->fields,
              scratch->field_increments, law->name, &n_direct, &n_shear, &n_tensor, &n_statev,
              scratch->properties, &n_properties, around.coordinates, around.identity, &factor,
              &around.size, around.identity, around.identity, &element, &number, &around.layer,
              &around.section, around.step, &around.increment_number, NAME_LENGTH);

    transpose(n, tangent); /* from Fortran's columns to rows */
    for (int i = 0; i < n; i++) batch->stress[point * n + i] = stress[i];
    if (factor >= 1.0) return 1.0;
    return factor > 0.0 ? factor : 0.5;
}

/* Integrate points [first, last), at most BLOCK of them, and list those that fail. */
INLINE int64_t integrate_block(const int n, const Law *law, const Batch *batch, int64_t first,
                               int64_t last, Warmth *warmth, const Scratch *scratch,
                               int64_t *failed, double *step_factor)
{
    const double *stress = batch->stress + first * n, *tangent = batch->tangent + first * n * n;
    const int64_t count = last - first;
    double factors[BLOCK];
    int content = 1;
    for (int64_t k = 0; k < count; k++) {
        const int64_t point = first + k;
        warm_up(law, batch->temperature_old[point], batch->temperature_new[point], warmth);
        factors[k] = integrate_point(n, law, batch, point, warmth, scratch);
        content &= factors[k] == 1.0;
    }
    if (content && sum_is_finite(count * n, stress) && sum_is_finite(count * n * n, tangent))
        return 0;
    int64_t n_failed = 0;
    for (int64_t k = 0; k < count; k++) {
        if (factors[k] == 1.0 && all_finite(n, stress + k * n) &&
            all_finite(n * n, tangent + k * n * n))
            continue;
        const double factor = factors[k] < 1.0 ? factors[k] : 0.5;
        if (factor < *step_factor) *step_factor = factor;
        failed[n_failed++] = first + k;
    }
    return n_failed;
}

INLINE int64_t integrate_points(const int n, const Law *law, const Batch *batch, Warmth *warmth,
                                const Scratch *scratch, double *step_factor)
{
    int64_t *failed = batch->failed + batch->first, n_failed = 0;
    for (int64_t first = batch->first; first < batch->last; first += BLOCK) {
        const int64_t last = first + BLOCK < batch->last ? first + BLOCK : batch->last;
        n_failed += integrate_block(n, law, batch, first, last, warmth, scratch, failed + n_failed,
                                    step_factor);
    }
    return n_failed;
}

/* Integrate the points [first, last) of a batch over one increment.
 *
 * Writes the stress, the new state, the row-major tangent, the numbers of the failing points, from
 * `failed[first]` on, and the smallest factor that a point proposes. Returns how many points
 * failed, or -1 without memory. Several threads may work on disjoint ranges of one batch.
 */
int64_t romnet_integrate(const Law *law, int64_t first, int64_t last, const double *strain_old,
                         const double *strain_new, const double *state_old,
                         const double *temperature_old, const double *temperature_new,
                         const double *fields_old, const double *fields_new, double start,
                         double length, int number, double *stress, double *state,
                         double *tangent, int64_t *failed, double *step_factor)
{
    const Batch batch = {first, last, strain_old, strain_new, state_old, temperature_old,
                         temperature_new, fields_old, fields_new, start, length, number,
                         stress, state, tangent, failed};
    const size_t n_properties = (size_t)law->n_properties + 1;
    const size_t n_fields = law->n_fields > LEAST_FIELDS ? (size_t)law->n_fields : LEAST_FIELDS;
    double *room = malloc(2 * (n_properties + n_fields) * sizeof *room);
    if (!room) return -1;
    const Scratch scratch = {room, room + n_properties, room + n_properties + n_fields};
    Warmth warmth = {.old = NAN, .new = NAN, .properties = scratch.field_increments + n_fields};
    *step_factor = 1.0;
    const int64_t n_failed =
        law->n_components == 6 ? integrate_points(6, law, &batch, &warmth, &scratch, step_factor)
                               : integrate_points(4, law, &batch, &warmth, &scratch, step_factor);
    free(room);
    return n_failed;
}

/* Put rounding, traps and the treatment of subnormal numbers back to what C promises. */
int romnet_restore_environment(void) { return fesetenv(FE_DFL_ENV); }
