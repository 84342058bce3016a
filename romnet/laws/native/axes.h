/* Material axes: strains into them, stresses and tangents out of them.
 *
 * Everything follows from one matrix T that takes a strain with engineering shear to the material
 * axes, strain' = T strain. Work does not depend on axes, so stress = T^T stress' and
 * tangent = T^T tangent' T. Plane strain keeps the first four components and no shear across the
 * plane; the material itself is always seen in space.
 */
#ifndef ROMNET_AXES_H
#define ROMNET_AXES_H

#include "tensors.h"

/* PROPS of the axes: a vector along the first, and one that spans the first two with it. */
enum { N_AXES = 6, FULL = 6 };

typedef struct {
    double strain[FULL][FULL]; /* T */
} Axes;

/* Unit vector along v less its part along the unit vector `along` (may be NULL); 0 if none. */
INLINE int normalise(double *v, const double *along)
{
    const double given = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (along) {
        const double part = v[0] * along[0] + v[1] * along[1] + v[2] * along[2];
        for (int i = 0; i < 3; i++) v[i] -= part * along[i];
    }
    const double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (!(length > 1e-8 * given)) return 0;
    for (int i = 0; i < 3; i++) v[i] /= length;
    return 1;
}

/* T from the properties; false when the two vectors span no plane. */
INLINE int read_axes(const double *vectors, Axes *axes)
{
    static const int first[FULL] = {0, 1, 2, 0, 0, 1}, second[FULL] = {0, 1, 2, 1, 2, 2};
    double q[3][3]; /* row i: material axis i */
    for (int i = 0; i < 3; i++) q[0][i] = vectors[i], q[1][i] = vectors[3 + i];
    if (!normalise(q[0], 0) || !normalise(q[1], q[0])) return 0;
    for (int i = 0; i < 3; i++)
        q[2][i] = q[0][(i + 1) % 3] * q[1][(i + 2) % 3] - q[0][(i + 2) % 3] * q[1][(i + 1) % 3];
    for (int row = 0; row < FULL; row++)
        for (int column = 0; column < FULL; column++) {
            const int i = first[row], j = second[row], a = first[column], b = second[column];
            const double both = 0.5 * (q[i][a] * q[j][b] + q[i][b] * q[j][a]);
            axes->strain[row][column] = (row < N_NORMAL ? 1.0 : 2.0) * both;
        }
    return 1;
}

/* Strain of n components to the material axes. */
INLINE void to_material(int n, const Axes *axes, const double *strain, double *material)
{
    for (int i = 0; i < FULL; i++) {
        material[i] = 0.0;
        for (int j = 0; j < n; j++) material[i] += axes->strain[i][j] * strain[j];
    }
}

/* Stress in material axes to its n components in space. */
INLINE void stress_to_space(int n, const Axes *axes, const double *material, double *stress)
{
    for (int i = 0; i < n; i++) {
        stress[i] = 0.0;
        for (int k = 0; k < FULL; k++) stress[i] += axes->strain[k][i] * material[k];
    }
}

/* Tangent in material axes to its n x n components in space, column-major. */
INLINE void tangent_to_space(int n, const Axes *axes, double material[FULL][FULL], double *tangent)
{
    for (int j = 0; j < n; j++) {
        double column[FULL];
        for (int i = 0; i < FULL; i++) {
            column[i] = 0.0;
            for (int k = 0; k < FULL; k++) column[i] += material[i][k] * axes->strain[k][j];
        }
        stress_to_space(n, axes, column, tangent + n * j);
    }
}

#endif
