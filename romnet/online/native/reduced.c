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

enum { LANES = 8, ROWS = 4, MAX_COMPONENTS = 6, MAX_VECTORS = 64 };
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

/* Internal force of the quadrature points, padded. */
EXPORT FOR_EVERY_PROCESSOR void romnet_reduced_force(const Model *model, const double *stress,
                                                     double *force)
{
    const int64_t n = model->n_vectors, n_components = model->n_components;
    const Vector *row = (const Vector *)model->modes;
    Vector *f = (Vector *)force;
    for (int64_t j = 0; j < n; j++) f[j] = (Vector){0};
    for (int64_t point = 0; point < model->n_quadrature; point++)
        for (int64_t c = 0; c < n_components; c++, row += n) {
            const double part = model->weights[point] * *stress++;
            for (int64_t j = 0; j < n; j++) f[j] += part * row[j];
        }
}

/* Add w E^T C E of one point, C being n x n; `images` holds w C E. */
INLINE void add_point(const int n, int64_t n_modes, int64_t n_vectors, const Vector *row,
                      const double *tangent, double weight, Vector *images, double *total)
{
    for (int c = 0; c < n; c++)
        for (int64_t j = 0; j < n_vectors; j++) {
            Vector sum = (weight * tangent[n * c]) * row[j];
            for (int d = 1; d < n; d++)
                sum += (weight * tangent[n * c + d]) * row[d * n_vectors + j];
            images[c * n_vectors + j] = sum;
        }
    const double *left = (const double *)row;
    for (int64_t i = 0; i < n_modes; i += ROWS)
        for (int64_t j = 0; j < n_vectors; j++) {
            Vector *out = (Vector *)total + i * n_vectors + j;
            Vector sums[ROWS];
            for (int r = 0; r < ROWS; r++) sums[r] = out[r * n_vectors];
            for (int c = 0; c < n; c++)
                for (int r = 0; r < ROWS; r++)
                    sums[r] += left[c * n_vectors * LANES + i + r] * images[c * n_vectors + j];
            for (int r = 0; r < ROWS; r++) out[r * n_vectors] = sums[r];
        }
}

/* Tangent of the quadrature points; returns -1 when there are too many modes. */
EXPORT FOR_EVERY_PROCESSOR int romnet_reduced_tangent(const Model *model, const double *tangent,
                                                      double *total)
{
    const int64_t n_vectors = model->n_vectors, n_modes = model->n_modes, n = model->n_components;
    const Vector *row = (const Vector *)model->modes;
    _Alignas(64) Vector images[MAX_COMPONENTS * MAX_VECTORS];
    if (n_vectors > MAX_VECTORS) return -1;
    for (int64_t k = 0; k < LANES * n_vectors * n_vectors; k++) ((Vector *)total)[k] = (Vector){0};
    for (int64_t point = 0; point < model->n_quadrature; point++) {
        const double weight = model->weights[point];
        if (n == 6) add_point(6, n_modes, n_vectors, row, tangent, weight, images, total);
        else add_point(4, n_modes, n_vectors, row, tangent, weight, images, total);
        row += n * n_vectors;
        tangent += n * n;
    }
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

/* Evaluate the equilibrium of one case at padded coefficients; the law is integrated at the points
 * before `last`, which includes those of the quadrature. */
EXPORT void romnet_reduced_evaluate(const Model *model, Increment *c, const double *coefficients,
                                    int64_t last)
{
    const int64_t n = model->n_modes;
    romnet_reduced_strain(model, coefficients, c->lift, c->strain);
    c->n_failed = 0;
    c->step_factor = 1.0;
    c->seconds = 0.0;
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

/* Evaluate the cases `which`, a row of coefficients for each. Where forces balance to `tolerance`
 * times the larger of `scale` and `floor`, the points without weight are integrated as well; else
 * row k of `tangents` and `residuals` (padded) becomes the system for the correction. */
EXPORT void romnet_reduced_iterate(const Model *model, int64_t n_cases, const int64_t *which,
                                   Increment *cases, const double *coefficients, double tolerance,
                                   double *tangents, double *residuals)
{
    const int64_t width = LANES * model->n_vectors;
    for (int64_t k = 0; k < n_cases; k++) {
        Increment *c = cases + which[k];
        romnet_reduced_evaluate(model, c, coefficients + k * width, model->n_quadrature);
        if (c->n_failed) continue;
        if (c->residual <= tolerance * fmax(c->floor, c->scale)) {
            integrate_points(model, c, model->n_quadrature, model->n_points);
            continue;
        }
        romnet_reduced_tangent(model, c->tangent, tangents + k * width * width);
        for (int64_t i = 0; i < model->n_modes; i++)
            residuals[k * width + i] = c->external[i] - c->internal[i];
    }
}

/* Overwrite n equations by their solution, by elimination with row pivoting; rows of the matrix are
 * `width` long. Returns 0, with anything left behind, when the matrix has no inverse. */
INLINE int solve_one(int64_t n, int64_t width, double *matrix, double *right)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(matrix[i * width + k]) > fabs(matrix[best * width + k])) best = i;
        const double pivot = matrix[best * width + k];
        if (!(fabs(pivot) > 0.0) || !isfinite(pivot)) return 0;
        if (best != k) {
            for (int64_t j = k; j < n; j++) {
                const double entry = matrix[k * width + j];
                matrix[k * width + j] = matrix[best * width + j];
                matrix[best * width + j] = entry;
            }
            const double entry = right[k];
            right[k] = right[best];
            right[best] = entry;
        }
        for (int64_t i = k + 1; i < n; i++) {
            const double factor = matrix[i * width + k] / pivot;
            for (int64_t j = k + 1; j < n; j++)
                matrix[i * width + j] -= factor * matrix[k * width + j];
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
