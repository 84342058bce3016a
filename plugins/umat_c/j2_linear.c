/* Von Mises plasticity with linear isotropic hardening: a UMAT in C.
 *
 * PROPS   young, poisson, yield_stress, hardening
 * STATEV  p, the cumulated plastic strain
 *
 * Six components, or four in plane strain: 11, 22, 33, 12, 13, 23 with engineering shear. DDSDDE
 * is stored by columns. The same function serves Abaqus on Linux and romnet.
 */
#include <math.h>
#include <stddef.h>

void umat_(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
           double *rpl, double *ddsddt, double *drplde, double *drpldt, const double *stran,
           const double *dstran, const double *time, const double *dtime, const double *temp,
           const double *dtemp, const double *predef, const double *dpred, const char *cmname,
           const int *ndi, const int *nshr, const int *ntens, const int *nstatv,
           const double *props, const int *nprops, const double *coords, const double *drot,
           double *pnewdt, const double *celent, const double *dfgrd0, const double *dfgrd1,
           const int *noel, const int *npt, const int *layer, const int *kspt, const int *kstep,
           const int *kinc, size_t cmname_length)
{
    const int n = *ntens;
    const double shear = props[0] / (2.0 * (1.0 + props[1]));
    const double lame = props[0] / (3.0 * (1.0 - 2.0 * props[1])) - 2.0 / 3.0 * shear;
    const double yield = props[2], hardening = props[3];

    (void)sse, (void)spd, (void)scd, (void)rpl, (void)ddsddt, (void)drplde, (void)drpldt;
    (void)stran, (void)time, (void)dtime, (void)temp, (void)dtemp, (void)predef, (void)dpred;
    (void)cmname, (void)nshr, (void)nstatv, (void)coords, (void)drot, (void)celent;
    (void)dfgrd0, (void)dfgrd1, (void)noel, (void)npt, (void)layer, (void)kspt, (void)kstep;
    (void)kinc, (void)cmname_length;
    if (*ndi != 3 || *nprops != 4) {
        *pnewdt = 0.5;
        return;
    }

    /* Elastic stiffness and trial stress. */
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double stiffness = i < 3 && j < 3 ? lame : 0.0;
            if (i == j) stiffness += i < 3 ? 2.0 * shear : shear;
            ddsdde[i + n * j] = stiffness;
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) stress[i] += ddsdde[i + n * j] * dstran[j];

    /* Yield. */
    const double pressure = (stress[0] + stress[1] + stress[2]) / 3.0;
    double deviator[6], square = 0.0;
    for (int i = 0; i < n; i++) {
        deviator[i] = stress[i] - (i < 3 ? pressure : 0.0);
        square += (i < 3 ? 1.5 : 3.0) * deviator[i] * deviator[i];
    }
    const double mises = sqrt(square);
    const double excess = mises - yield - hardening * statev[0];
    if (isnan(excess)) {
        *pnewdt = 0.5;
        return;
    }
    if (excess <= 0.0) return;

    /* Radial return, which is exact, and its consistent tangent. */
    const double dp = excess / (3.0 * shear + hardening);
    const double scale = 1.0 - 3.0 * shear * dp / mises;
    const double turning = 6.0 * shear * shear * dp / mises;
    const double growth = 4.0 * shear * shear * (1.0 / (3.0 * shear + hardening) - dp / mises);
    statev[0] += dp;
    for (int i = 0; i < n; i++) stress[i] = scale * deviator[i] + (i < 3 ? pressure : 0.0);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double projector = i == j ? (i < 3 ? 1.0 : 0.5) : 0.0;
            if (i < 3 && j < 3) projector -= 1.0 / 3.0;
            const double dyad = 2.25 * deviator[i] * deviator[j] / square;
            ddsdde[i + n * j] -= turning * projector + growth * dyad;
        }
}
