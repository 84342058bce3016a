/* Orthotropic linear elasticity as a UMAT.
 *
 * PROPS   E1, E2, E3, nu12, nu13, nu23, G12, G13, G23, material axes (6, see axes.h)
 *         nu_ij is minus the strain along j per strain along i under a stress along i
 * STATEV  none
 */
#include "anisotropic.h"

enum { E1, NU12 = 3, NU13, NU23, SHEAR, AXES = 9, N_PROPERTIES = AXES + N_AXES };

/* Stiffness from engineering constants; false when they are not those of a stable material. */
static int orthotropic_stiffness(const double *props, double stiffness[FULL][FULL])
{
    const double *e = props + E1;
    const double s[3][3] = {{1.0 / e[0], -props[NU12] / e[0], -props[NU13] / e[0]},
                            {-props[NU12] / e[0], 1.0 / e[1], -props[NU23] / e[1]},
                            {-props[NU13] / e[0], -props[NU23] / e[1], 1.0 / e[2]}};
    double cofactor[3][3], determinant = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int k = (i + 1) % 3, l = (i + 2) % 3, p = (j + 1) % 3, q = (j + 2) % 3;
            cofactor[i][j] = s[k][p] * s[l][q] - s[k][q] * s[l][p];
        }
    for (int j = 0; j < 3; j++) determinant += s[0][j] * cofactor[0][j];
    if (!(s[0][0] > 0.0 && cofactor[2][2] > 0.0 && determinant > 0.0)) return 0;
    for (int i = 0; i < FULL; i++)
        for (int j = 0; j < FULL; j++) {
            stiffness[i][j] = 0.0;
            if (i < N_NORMAL && j < N_NORMAL) stiffness[i][j] = cofactor[i][j] / determinant;
            else if (i == j) stiffness[i][j] = props[SHEAR + i - N_NORMAL];
        }
    return 1;
}

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    int done = 0;
    double stiffness[FULL][FULL];
    if (*NPROPS == N_PROPERTIES && layout_is_known(*NDI, *NSHR, *NTENS) &&
        orthotropic_stiffness(PROPS, stiffness))
        done = linear_elastic(*NTENS, stiffness, PROPS + AXES, STRAN, DSTRAN, STRESS, DDSDDE);
    if (!done) *PNEWDT = 0.5;
}
