/* Anisotropic linear elasticity: stiffness matrices in material axes, and the law made of one. */
#ifndef ROMNET_ANISOTROPIC_H
#define ROMNET_ANISOTROPIC_H

#include "axes.h"
#include "umat.h"

/* Stiffness of a cubic crystal along its cube edges. */
INLINE void cubic_stiffness(double c11, double c12, double c44, double stiffness[FULL][FULL])
{
    for (int i = 0; i < FULL; i++)
        for (int j = 0; j < FULL; j++) {
            const int normal = i < N_NORMAL && j < N_NORMAL;
            stiffness[i][j] = i == j ? (normal ? c11 : c44) : (normal ? c12 : 0.0);
        }
}

/* Stress and tangent of a strain; false, with nothing written, when that cannot be done. */
INLINE int linear_elastic(int n, double stiffness[FULL][FULL], const double *vectors,
                          const double *strain_old, const double *increment, double *stress,
                          double *tangent)
{
    Axes axes;
    double strain[MAX_COMPONENTS], inside[FULL], response[FULL], size = 0.0;
    if (!read_axes(vectors, &axes)) return 0;
    for (int i = 0; i < n; i++) strain[i] = strain_old[i] + increment[i];
    to_material(n, &axes, strain, inside);
    for (int i = 0; i < FULL; i++) {
        response[i] = 0.0;
        for (int j = 0; j < FULL; j++) response[i] += stiffness[i][j] * inside[j];
        size += fabs(response[i]);
    }
    if (!isfinite(size)) return 0;
    stress_to_space(n, &axes, response, stress);
    tangent_to_space(n, &axes, stiffness, tangent);
    return 1;
}

#endif
