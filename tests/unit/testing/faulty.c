/* A sound UMAT with one fault, chosen by -DFAULT=name: what the conformity suite must name. */
#include <stddef.h>
#include <stdlib.h>

#define umat_ sound
#include "j2_linear.c"
#undef umat_

enum fault {
    NONE, SEGFAULT, ENDS, NAN_TANGENT, TANGENT, INPUT, STRAY, OUTSIDE, MEMORY, FIRST, HANG, THREADS
};

void umat_(double *stress, double *statev, double *ddsdde, double *sse, double *spd, double *scd,
           double *rpl, double *ddsddt, double *drplde, double *drpldt, double *stran,
           double *dstran, double *time, double *dtime, double *temp, double *dtemp,
           double *predef, double *dpred, char *cmname, int *ndi, int *nshr, int *ntens,
           int *nstatv, double *props, int *nprops, double *coords, double *drot, double *pnewdt,
           double *celent, double *dfgrd0, double *dfgrd1, int *noel, int *npt, int *layer,
           int *kspt, int *kstep, int *kinc, size_t length)
{
    static volatile double calls, first, work[6];
    const int n = *ntens;
    const double before = statev[0];
    sound(stress, statev, ddsdde, sse, spd, scd, rpl, ddsddt, drplde, drpldt, stran, dstran, time,
          dtime, temp, dtemp, predef, dpred, cmname, ndi, nshr, ntens, nstatv, props, nprops,
          coords, drot, pnewdt, celent, dfgrd0, dfgrd1, noel, npt, layer, kspt, kstep, kinc,
          length);
    const int yields = statev[0] > before;
    double scale = 1.0;
    switch ((enum fault)FAULT) {
    case NONE: break;
    case SEGFAULT:
        *(volatile double *)NULL = 1.0;
        break;
    case ENDS: exit(0);
    case NAN_TANGENT:
        if (yields) ddsdde[0] = 0.0 / calls;
        break;
    case TANGENT:
        if (yields) ddsdde[0] *= 1.0 + 1e-4;
        break;
    case INPUT:
        dstran[0] = 0.0;
        break;
    case STRAY:
        statev[*nstatv] = 1.0;
        break;
    case OUTSIDE: scale = 1.0 + 1e-9 * statev[*nstatv]; break;
    case MEMORY: scale = 1.0 + 1e-9 * (calls += 1.0); break;
    case FIRST:
        if (first == 0.0) first = dstran[0];
        scale = 1.0 + 1e-6 * first;
        break;
    case HANG:
        while (yields) calls += 1.0;
        break;
    case THREADS:
        for (int i = 0; i < n; i++) work[i] = stress[i];
        for (int wait = 0; wait < 200; wait++) work[0] = work[0];
        for (int i = 0; i < n; i++) stress[i] = work[i];
        break;
    }
    for (int i = 0; i < n; i++) stress[i] *= scale;
    for (int i = 0; i < n * n; i++) ddsdde[i] *= scale;
}
