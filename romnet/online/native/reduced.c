/* Strain, law, internal force and tangent of a hyper-reduced equilibrium, case after case.
 *
 *     strain_k = lift_k + E_k a,    f = sum_k w_k E_k^T stress_k,    K = sum_k w_k E_k^T C_k E_k
 *
 * Rows of E, one for each point and component, are padded with zeros to whole vectors; so are
 * forces and both directions of tangents.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

/* One binary for processors of any age: the widest vectors there are, chosen when it is loaded. */
#if defined(__x86_64__) && defined(__gnu_linux__) && __GNUC__ >= 12
#define FOR_EVERY_PROCESSOR \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

enum { LANES = 8, ROWS = 4, FORCE_VECTORS = 2, MAX_COMPONENTS = 6, MAX_VECTORS = 64 };
typedef double Vector __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));

/* `romnet_integrate` of the compiled laws, with their handle first. */
typedef int64_t integrate_function(const void *law, int64_t first, int64_t last,
                                   const double *strain_old, const double *strain_new,
                                   const double *state_old, const double *temperature_old,
                                   const double *temperature_new, const double *fields_old,
                                   const double *fields_new, double start, double length,
                                   int number, double *stress, double *state, double *tangent,
                                   int64_t *failed, double *step_factor);

/* What stays the same from call to call. */
typedef struct {
    int64_t n_points, n_quadrature, n_components, n_modes, n_vectors; /* vectors in a row of modes */
    const double *modes;                                              /* (n_points * n_components) rows */
    const double *weights;                                            /* (n_quadrature,) */
    integrate_function *integrate; /* null if the law is not compiled */
    const void *law;
} Model;

/* One increment of one case: what is given, then what is answered. */
typedef struct {
    const double *strain_old, *state_old, *temperature_old, *temperature_new, *lift, *external;
    double start, length;
    int64_t number;
    double *strain, *state, *stress, *tangent, *internal;
    int64_t *failed;
    int64_t n_failed; /* negative without memory */
    double step_factor, seconds; /* spent in the law */
    double residual, scale; /* norm of external less internal forces; the larger of their norms */
    double floor;           /* scale of what was borne before */
    int64_t corrections;    /* that led to the last coefficients */
    int64_t balanced;       /* whether forces balance there */
} Increment;

INLINE double sum_of(const Vector *v)
{
    return (((*v)[0] + (*v)[4]) + ((*v)[1] + (*v)[5])) + (((*v)[2] + (*v)[6]) + ((*v)[3] + (*v)[7]));
}

/* Strain at every point; `coefficients` are padded. */
EXPORT FOR_EVERY_PROCESSOR void romnet_reduced_strain(const Model *model,
                                                      const double *coefficients,
                                                      const double *lift, double *strain)
{
    const int64_t n_rows = model->n_points * model->n_components, n = model->n_vectors;
    const Vector *row = (const Vector *)model->modes, *a = (const Vector *)coefficients;
    for (int64_t r = 0; r < n_rows; r++, row += n) {
        Vector sum = row[0] * a[0];
        for (int64_t j = 1; j < n; j++) sum += row[j] * a[j];
        strain[r] = lift[r] + sum_of(&sum);
    }
}

/* `n_wide` vectors of the internal force of the quadrature points. */
INLINE void sum_force(const int n_wide, const Model *model, const double *stress,
                      const Vector *column, Vector *force)
{
    const int64_t n_components = model->n_components;
    Vector sums[FORCE_VECTORS];
    for (int v = 0; v < n_wide; v++) sums[v] = (Vector){0};
    for (int64_t point = 0; point < model->n_quadrature; point++)
        for (int64_t c = 0; c < n_components; c++, column += model->n_vectors) {
            const double part = model->weights[point] * *stress++;
            for (int v = 0; v < n_wide; v++) sums[v] += part * column[v];
        }
    for (int v = 0; v < n_wide; v++) force[v] = sums[v];
}

/* Internal force of the quadrature points, padded. */
EXPORT FOR_EVERY_PROCESSOR void romnet_reduced_force(const Model *model, const double *stress,
                                                     double *force)
{
    const Vector *modes = (const Vector *)model->modes;
    int64_t j = 0;
    for (; j + FORCE_VECTORS <= model->n_vectors; j += FORCE_VECTORS)
        sum_force(FORCE_VECTORS, model, stress, modes + j, (Vector *)force + j);
    for (; j < model->n_vectors; j++)
        sum_force(1, model, stress, modes + j, (Vector *)force + j);
}

/* Images w C E of one point, C being n x n. */
INLINE void add_images(const int n, int64_t n_vectors, const Vector *row, const double *tangent,
                       double weight, Vector *images)
{
    double scaled[MAX_COMPONENTS * MAX_COMPONENTS];
    for (int k = 0; k < n * n; k++) scaled[k] = weight * tangent[k];
    for (int64_t j = 0; j < n_vectors; j++)
        for (int c = 0; c < n; c++) {
            Vector sum = scaled[n * c] * row[j];
            for (int d = 1; d < n; d++) sum += scaled[n * c + d] * row[d * n_vectors + j];
            images[c * n_vectors + j] = sum;
        }
}

/* Add the products of ROWS columns of the modes and `n_wide` vectors of the images, over rows. */
INLINE void add_tile(const int n_wide, int64_t n_rows, int64_t n_vectors, const double *left,
                     const Vector *images, Vector *out)
{
    Vector sums[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < n_wide; v++) sums[r][v] = out[r * n_vectors + v];
    for (int64_t k = 0; k < n_rows; k++)
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < n_wide; v++)
                sums[r][v] += left[k * n_vectors * LANES + r] * images[k * n_vectors + v];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < n_wide; v++) out[r * n_vectors + v] = sums[r][v];
}

/* Add w E^T C E of as many points as have room in `images`, at a time. */
INLINE void add_points(const int n, const Model *model, const double *tangent, double *total)
{
    const int64_t n_vectors = model->n_vectors, block = MAX_VECTORS / n_vectors;
    const Vector *row = (const Vector *)model->modes;
    _Alignas(64) Vector images[MAX_COMPONENTS * MAX_VECTORS];
    for (int64_t first = 0; first < model->n_quadrature; first += block) {
        const int64_t left = model->n_quadrature - first, count = left < block ? left : block;
        for (int64_t k = 0; k < count; k++)
            add_images(n, n_vectors, row + k * n * n_vectors, tangent + k * n * n,
                       model->weights[first + k], images + k * n * n_vectors);
        for (int64_t i = 0; i < model->n_modes; i += ROWS) {
            const double *modes = (const double *)row + i;
            Vector *out = (Vector *)total + i * n_vectors;
            int64_t j = 0;
            for (; j + 2 <= n_vectors; j += 2)
                add_tile(2, count * n, n_vectors, modes, images + j, out + j);
            if (j < n_vectors) add_tile(1, count * n, n_vectors, modes, images + j, out + j);
        }
        row += count * n * n_vectors;
        tangent += count * n * n;
    }
}

/* Tangent of the quadrature points; returns -1 when there are too many modes. */
EXPORT FOR_EVERY_PROCESSOR int romnet_reduced_tangent(const Model *model, const double *tangent,
                                                      double *total)
{
    const int64_t n_vectors = model->n_vectors;
    if (n_vectors > MAX_VECTORS) return -1;
    for (int64_t k = 0; k < LANES * n_vectors * n_vectors; k++) ((Vector *)total)[k] = (Vector){0};
    if (model->n_components == 6) add_points(6, model, tangent, total);
    else add_points(4, model, tangent, total);
    return 0;
}

static double norm(int64_t n, const double *values)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += values[i] * values[i];
    return sqrt(sum);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Integrate some points of one case; adds to what is told of it. */
static void integrate_points(const Model *model, Increment *c, int64_t first, int64_t last)
{
    double factor = 1.0;
    const double began = now();
    const int64_t n_failed = model->integrate(
        model->law, first, last, c->strain_old, c->strain, c->state_old, c->temperature_old,
        c->temperature_new, NULL, NULL, c->start, c->length, (int)c->number, c->stress, c->state,
        c->tangent, c->failed, &factor);
    c->seconds += now() - began;
    c->n_failed = n_failed < 0 || c->n_failed < 0 ? -1 : c->n_failed + n_failed;
    if (factor < c->step_factor) c->step_factor = factor;
}

/* Evaluate the equilibrium of one case at padded coefficients, the law at the points before `last`. */
static void evaluate(const Model *model, Increment *c, const double *coefficients, int64_t last)
{
    const int64_t n = model->n_modes;
    romnet_reduced_strain(model, coefficients, c->lift, c->strain);
    c->n_failed = 0;
    c->step_factor = 1.0;
    integrate_points(model, c, 0, last);
    romnet_reduced_force(model, c->stress, c->internal);
    double rest = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double r = c->external[i] - c->internal[i];
        rest += r * r;
    }
    c->residual = sqrt(rest);
    c->scale = fmax(norm(n, c->external), norm(n, c->internal));
}

/* The same from outside; `last` includes the points of the quadrature. */
EXPORT void romnet_reduced_evaluate(const Model *model, Increment *c, const double *coefficients,
                                    int64_t last)
{
    c->seconds = 0.0;
    evaluate(model, c, coefficients, last);
}

/* Overwrite n equations by their solution, by elimination with row pivoting; rows of the matrix are
 * whole vectors, whose entries left of the diagonal end as anything. Returns 0, with anything left
 * behind, when the matrix has no inverse. */
INLINE int solve_one(int64_t n, int64_t width, double *matrix, double *right)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(matrix[i * width + k]) > fabs(matrix[best * width + k])) best = i;
        const double pivot = matrix[best * width + k];
        if (!(fabs(pivot) > 0.0) || !isfinite(pivot)) return 0;
        const int64_t first = k / LANES, n_vectors = (n + LANES - 1) / LANES;
        Vector *upper = (Vector *)(matrix + k * width);
        if (best != k) {
            Vector *chosen = (Vector *)(matrix + best * width);
            for (int64_t j = first; j < n_vectors; j++) {
                const Vector entries = upper[j];
                upper[j] = chosen[j];
                chosen[j] = entries;
            }
            const double entry = right[k];
            right[k] = right[best];
            right[best] = entry;
        }
        const double inverse = 1.0 / pivot;
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = matrix[i * width + k] * inverse;
            Vector *lower = (Vector *)(matrix + i * width);
            for (int64_t j = first; j < n_vectors; j++) lower[j] -= factor * upper[j];
            right[i] -= factor * right[k];
        }
    }
    for (int64_t k = n - 1; k >= 0; k--) {
        for (int64_t j = k + 1; j < n; j++) right[k] -= matrix[k * width + j] * right[j];
        right[k] /= matrix[k * width + k];
    }
    return 1;
}

/* Solve the systems `which`, padded as above, in place; tells which of them had a solution. */
EXPORT FOR_EVERY_PROCESSOR void romnet_reduced_solve(const Model *model, int64_t n_systems,
                                                     const int64_t *which, double *tangents,
                                                     double *residuals, int8_t *solved)
{
    const int64_t width = LANES * model->n_vectors;
    for (int64_t k = 0; k < n_systems; k++)
        solved[k] = (int8_t)solve_one(model->n_modes, width, tangents + which[k] * width * width,
                                      residuals + which[k] * width);
}

/* Solve for the correction of one case from its tangents, in place of `right` (padded); `total` is
 * room for the matrix. Returns 0 when that has no inverse. */
EXPORT FOR_EVERY_PROCESSOR int romnet_reduced_correct(const Model *model, const Increment *c,
                                                      double *total, double *right)
{
    for (int64_t i = 0; i < model->n_modes; i++) right[i] = c->external[i] - c->internal[i];
    romnet_reduced_tangent(model, c->tangent, total);
    return solve_one(model->n_modes, LANES * model->n_vectors, total, right);
}

/* Newton's iterations of one case with whole corrections, for as long as each lowers the residual.
 * `coefficients` (padded) end as the last that did; when forces balance there, to `tolerance` times
 * the larger of scale and floor, the points without weight are integrated as well. The first
 * scale lifts the floor. `relative` gets the residual of each evaluation. */
INLINE void settle_one(const Model *model, Increment *c, double tolerance, int64_t most,
                       double *coefficients, double *total, double *move, double *relative)
{
    double last = INFINITY;
    for (c->corrections = 0;; c->corrections++) {
        evaluate(model, c, coefficients, model->n_quadrature);
        if (c->corrections == 0) c->floor = fmax(c->floor, c->scale);
        const double reached = fmax(c->floor, c->scale);
        relative[c->corrections] = reached > 0.0 ? c->residual / reached : c->residual;
        if (!c->n_failed && relative[c->corrections] <= tolerance) {
            integrate_points(model, c, model->n_quadrature, model->n_points);
            if (c->n_failed) return;
            c->balanced = 1;
            c->floor = reached;
            return;
        }
        if (c->n_failed || !(c->residual < last)) break;
        last = c->residual;
        if (c->corrections == most || !romnet_reduced_correct(model, c, total, move)) return;
        for (int64_t i = 0; i < model->n_modes; i++) coefficients[i] += move[i];
    }
    if (c->corrections == 0) return;
    for (int64_t i = 0; i < model->n_modes; i++) coefficients[i] -= move[i];
    c->corrections--;
}

/* A walk of one case through instants, from the first, which is committed. */
typedef struct {
    int64_t n_steps, n_state, most;
    double tolerance;
    const double *times;                      /* (n_steps + 1,) */
    const double *force, *temperature, *lift; /* a row for each instant */
    int64_t lift_stride;                      /* from row to row; 0 for one that stays */
    const double *changes;                    /* first guesses, a row for each step; perhaps null */
    double *strain, *state;                   /* a row for each instant */
    double *coefficients;                     /* padded, likewise */
    double *rate;                             /* padded: by time, up to the first instant */
    double *floors, *seconds;                 /* (n_steps,) */
    int64_t *corrections;                     /* (n_steps,) */
    double *total, *move, *relative;          /* room: matrix, padded vector, (most + 1,) */
} Walk;

/* Walk for as long as plain iterations settle; returns the number of steps. The increment tells
 * the number of the first step and the floor. */
EXPORT int64_t romnet_reduced_march(const Model *model, Increment *c, const Walk *walk)
{
    const int64_t n_points = model->n_points, width = LANES * model->n_vectors;
    const int64_t n_strain = n_points * model->n_components, n_state = n_points * walk->n_state;
    for (int64_t k = 0; k < walk->n_steps; k++, c->number++) {
        c->start = walk->times[k];
        c->length = walk->times[k + 1] - c->start;
        c->temperature_old = walk->temperature + k * n_points;
        c->temperature_new = c->temperature_old + n_points;
        c->lift = walk->lift + (k + 1) * walk->lift_stride;
        c->external = walk->force + (k + 1) * model->n_modes;
        c->strain_old = walk->strain + k * n_strain;
        c->state_old = walk->state + k * n_state;
        c->strain = walk->strain + (k + 1) * n_strain;
        c->state = walk->state + (k + 1) * n_state;
        const double *before = walk->coefficients + k * width;
        double *here = walk->coefficients + (k + 1) * width;
        const double *change = walk->changes ? walk->changes + k * model->n_modes : NULL;
        for (int64_t i = 0; i < model->n_modes; i++)
            here[i] = before[i] + (change ? change[i] : c->length * walk->rate[i]);
        c->seconds = 0.0;
        c->balanced = 0;
        settle_one(model, c, walk->tolerance, walk->most, here, walk->total, walk->move,
                   walk->relative);
        if (!c->balanced) return k;
        for (int64_t i = 0; i < width; i++) walk->rate[i] = (here[i] - before[i]) / c->length;
        walk->floors[k] = c->floor;
        walk->seconds[k] = c->seconds;
        walk->corrections[k] = c->corrections;
    }
    return walk->n_steps;
}
