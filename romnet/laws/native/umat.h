/* The Abaqus UMAT as seen from C: one integration point, Fortran calling convention.
 *
 * Stress and strain in the order 11, 22, 33, 12, 13, 23 (plane strain: the first four), strains
 * with engineering shear. Every argument is an address; the hidden length of CMNAME comes last.
 * DDSDDE is column-major: DDSDDE[i + ntens * j] = d stress_i / d strain_j.
 *
 * What romnet passes: STRAN and DSTRAN are mechanical (thermal strain removed) unless the material
 * has no expansion; PROPS hold the properties at the temperature of the end of the increment; TEMP
 * and DTEMP the temperature at its start and its change; both entries of TIME the time at its start;
 * PREDEF and DPRED the predefined fields likewise; NOEL, NPT and COORDS of the point where they are
 * known, else its number in the batch, from 1, then 1 and zeros; CMNAME 80 characters padded with
 * blanks; DROT, DFGRD0 and DFGRD1 the identity; CELENT 1; LAYER and KSPT 1; KSTEP four integers
 * (JSTEP of recent Abaqus) that start with 1; KINC 1 in the first increment of a history. A law sets
 * PNEWDT below 1 to ask for a smaller step. DDSDDE comes zeroed.
 */
#ifndef ROMNET_UMAT_H
#define ROMNET_UMAT_H

#include <stddef.h>

typedef void umat_function(
    double *STRESS, double *STATEV, double *DDSDDE, double *SSE, double *SPD, double *SCD,
    double *RPL, double *DDSDDT, double *DRPLDE, double *DRPLDT,
    const double *STRAN, const double *DSTRAN, const double *TIME, const double *DTIME,
    const double *TEMP, const double *DTEMP, const double *PREDEF, const double *DPRED,
    const char *CMNAME, const int *NDI, const int *NSHR, const int *NTENS, const int *NSTATV,
    const double *PROPS, const int *NPROPS, const double *COORDS, const double *DROT,
    double *PNEWDT, const double *CELENT, const double *DFGRD0, const double *DFGRD1,
    const int *NOEL, const int *NPT, const int *LAYER, const int *KSPT, const int *KSTEP,
    const int *KINC, size_t CMNAME_LENGTH);

umat_function umat_;

/* Optional: sets STATEV of a virgin point. */
typedef void sdvini_function(double *STATEV, const double *COORDS, const int *NSTATV,
                             const int *NCRDS, const int *NOEL, const int *NPT, const int *LAYER,
                             const int *KSPT);

/* Head of the definition of a UMAT: `void umat_(UMAT_ARGUMENTS) { UMAT_UNUSED; ... }`. */
#define UMAT_ARGUMENTS                                                                            \
    double *STRESS, double *STATEV, double *DDSDDE, double *SSE, double *SPD, double *SCD,        \
    double *RPL, double *DDSDDT, double *DRPLDE, double *DRPLDT,                                  \
    const double *STRAN, const double *DSTRAN, const double *TIME, const double *DTIME,           \
    const double *TEMP, const double *DTEMP, const double *PREDEF, const double *DPRED,           \
    const char *CMNAME, const int *NDI, const int *NSHR, const int *NTENS, const int *NSTATV,     \
    const double *PROPS, const int *NPROPS, const double *COORDS, const double *DROT,             \
    double *PNEWDT, const double *CELENT, const double *DFGRD0, const double *DFGRD1,             \
    const int *NOEL, const int *NPT, const int *LAYER, const int *KSPT, const int *KSTEP,         \
    const int *KINC, size_t CMNAME_LENGTH

#define UMAT_UNUSED                                                                               \
    (void)STRESS, (void)STATEV, (void)DDSDDE, (void)SSE, (void)SPD, (void)SCD, (void)RPL,         \
    (void)DDSDDT, (void)DRPLDE, (void)DRPLDT, (void)STRAN, (void)DSTRAN, (void)TIME,              \
    (void)DTIME, (void)TEMP, (void)DTEMP, (void)PREDEF, (void)DPRED, (void)CMNAME, (void)NDI,     \
    (void)NSHR, (void)NTENS, (void)NSTATV, (void)PROPS, (void)NPROPS, (void)COORDS,               \
    (void)DROT, (void)PNEWDT, (void)CELENT, (void)DFGRD0, (void)DFGRD1, (void)NOEL, (void)NPT,    \
    (void)LAYER, (void)KSPT, (void)KSTEP, (void)KINC, (void)CMNAME_LENGTH

#endif
