/* Strains, internal forces and stiffness of cells, from the gradients of their shape functions.
 *
 * With H = grad u, strain in Voigt order 11 22 33 12 (13 23) and engineering shears, component
 * VOIGT(a, k) belongs to the pair of directions (a, k). So
 *     f_ra    = sum_q w_q sum_k  g_rk  sigma_(a,k),
 *     K_pa,rb = sum_q w_q sum_kl g_pk  C_(a,k)(b,l)  g_rl.
 */

#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

enum { MAX_NODES = 27, MAX_DIM = 3, MAX_COMPONENTS = 6 };

static const int VOIGT_2[2][2] = {{0, 3}, {3, 1}};
static const int VOIGT_3[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
#define VOIGT(d, a, k) ((d) == 2 ? VOIGT_2[(a)][(k)] : VOIGT_3[(a)][(k)])
#define COMPONENTS(d) ((d) == 2 ? 4 : 6)

EXPORT void romnet_strain(int64_t n_cells, int64_t n_q, int64_t n, int64_t d,
                          const double *gradients, const int64_t *nodes,
                          const double *displacement, double *strain)
{
    const int64_t n_components = COMPONENTS(d);
    for (int64_t cell = 0; cell < n_cells; cell++, nodes += n) {
        double u[MAX_NODES][MAX_DIM];
        for (int64_t r = 0; r < n; r++)
            for (int64_t a = 0; a < d; a++) u[r][a] = displacement[nodes[r] * d + a];
        for (int64_t q = 0; q < n_q; q++, gradients += n * d, strain += n_components) {
            for (int64_t c = 0; c < n_components; c++) strain[c] = 0.0;
            for (int64_t r = 0; r < n; r++)
                for (int64_t a = 0; a < d; a++)
                    for (int64_t k = 0; k < d; k++)
                        strain[VOIGT(d, a, k)] += gradients[r * d + k] * u[r][a];
        }
    }
}

EXPORT void romnet_internal_force(int64_t n_cells, int64_t n_q, int64_t n, int64_t d,
                                  const double *gradients, const int64_t *nodes,
                                  const double *weights, const double *stress, double *force)
{
    const int64_t n_components = COMPONENTS(d);
    for (int64_t cell = 0; cell < n_cells; cell++, nodes += n) {
        double f[MAX_NODES][MAX_DIM] = {{0.0}};
        for (int64_t q = 0; q < n_q; q++, gradients += n * d, stress += n_components) {
            const double w = *weights++;
            for (int64_t r = 0; r < n; r++)
                for (int64_t a = 0; a < d; a++) {
                    double sum = 0.0;
                    for (int64_t k = 0; k < d; k++)
                        sum += gradients[r * d + k] * stress[VOIGT(d, a, k)];
                    f[r][a] += w * sum;
                }
        }
        for (int64_t r = 0; r < n; r++)
            for (int64_t a = 0; a < d; a++) force[nodes[r] * d + a] += f[r][a];
    }
}

/* One cell. The innermost loops run over the nodes, which compilers turn into vector code. */
INLINE void cell_stiffness(const int64_t n_q, const int64_t n, const int64_t d,
                           const double *gradients, const double *weights, const double *tangent,
                           double k_cell[MAX_NODES][MAX_DIM][MAX_DIM][MAX_NODES])
{
    const int64_t n_components = COMPONENTS(d);
    for (int64_t p = 0; p < n; p++)
        for (int64_t a = 0; a < d; a++)
            for (int64_t b = 0; b < d; b++)
                for (int64_t r = 0; r < n; r++) k_cell[p][a][b][r] = 0.0;
    for (int64_t q = 0; q < n_q; q++) {
        double g[MAX_DIM][MAX_NODES], cb[MAX_COMPONENTS][MAX_DIM][MAX_NODES];
        for (int64_t r = 0; r < n; r++)
            for (int64_t k = 0; k < d; k++) g[k][r] = gradients[r * d + k];
        for (int64_t c = 0; c < n_components; c++)
            for (int64_t b = 0; b < d; b++) {
                const double *row = tangent + c * n_components;
                for (int64_t r = 0; r < n; r++) cb[c][b][r] = 0.0;
                for (int64_t l = 0; l < d; l++) {
                    const double stiffness = weights[q] * row[VOIGT(d, b, l)];
                    for (int64_t r = 0; r < n; r++) cb[c][b][r] += stiffness * g[l][r];
                }
            }
        for (int64_t p = 0; p < n; p++)
            for (int64_t a = 0; a < d; a++)
                for (int64_t b = 0; b < d; b++)
                    for (int64_t k = 0; k < d; k++) {
                        const double gradient = g[k][p];
                        const double *force = cb[VOIGT(d, a, k)][b];
                        for (int64_t r = 0; r < n; r++) k_cell[p][a][b][r] += gradient * force[r];
                    }
        gradients += n * d;
        tangent += n_components * n_components;
    }
}

/* places[cell][p][r]: position in values of the first of the d x d entries that couple the nodes
 * p and r; strides[cell][p]: from there to the next row of node p. */
EXPORT void romnet_stiffness(int64_t n_cells, int64_t n_q, int64_t n, int64_t d,
                             const double *gradients, const double *weights,
                             const double *tangent, const int64_t *places,
                             const int64_t *strides, double *values)
{
    const int64_t n_components = COMPONENTS(d);
    double k_cell[MAX_NODES][MAX_DIM][MAX_DIM][MAX_NODES];
    for (int64_t cell = 0; cell < n_cells; cell++) {
        if (d == 3 && n == 8)
            cell_stiffness(n_q, 8, 3, gradients, weights, tangent, k_cell);
        else if (d == 3 && n == 10)
            cell_stiffness(n_q, 10, 3, gradients, weights, tangent, k_cell);
        else if (d == 3 && n == 20)
            cell_stiffness(n_q, 20, 3, gradients, weights, tangent, k_cell);
        else
            cell_stiffness(n_q, n, d, gradients, weights, tangent, k_cell);
        for (int64_t p = 0; p < n; p++)
            for (int64_t r = 0; r < n; r++)
                for (int64_t a = 0; a < d; a++)
                    for (int64_t b = 0; b < d; b++)
                        values[places[p * n + r] + a * strides[p] + b] += k_cell[p][a][b][r];
        gradients += n_q * n * d;
        weights += n_q;
        tangent += n_q * n_components * n_components;
        places += n * n;
        strides += n;
    }
}
