/* The twelve octahedral slip systems <110>{111} of a face-centred cubic crystal.
 *
 * System 3 a + k slips on plane a, with normal n_a = (1,1,1), (-1,1,1), (1,-1,1) or (1,1,-1), along
 * e_k x n_a, which is perpendicular to cube edge k.
 */
#ifndef ROMNET_OCTAHEDRAL_H
#define ROMNET_OCTAHEDRAL_H

#include "axes.h"

enum { N_SYSTEMS = 12 };

/* Kinds of pairs of systems, in the order of the properties that weigh them. */
enum { SELF, COPLANAR, COLLINEAR, HIRTH, GLISSILE, LOMER, N_KINDS };

/* Strain of unit slip on each system, with engineering shear; its contraction with a stress is the
 * resolved shear stress. */
INLINE void slip_strains(double schmid[N_SYSTEMS][FULL])
{
    static const int first[FULL] = {0, 1, 2, 0, 0, 1}, second[FULL] = {0, 1, 2, 1, 2, 2};
    const double length = sqrt(6.0); /* of normal and direction together */
    for (int a = 0; a < 4; a++)
        for (int k = 0; k < 3; k++) {
            double normal[3], direction[3];
            for (int i = 0; i < 3; i++) normal[i] = i == a - 1 ? -1.0 : 1.0;
            direction[k] = 0.0;
            direction[(k + 1) % 3] = -normal[(k + 2) % 3];
            direction[(k + 2) % 3] = normal[(k + 1) % 3];
            for (int c = 0; c < FULL; c++) {
                const int i = first[c], j = second[c];
                const double both = direction[i] * normal[j] + direction[j] * normal[i];
                schmid[3 * a + k][c] = (c < N_NORMAL ? 0.5 : 1.0) * both / length;
            }
        }
}

/* How two systems hinder each other. Two planes share the direction e_d x n. */
INLINE int pair_kind(int s, int t)
{
    const int a = s / 3, k = s % 3, c = t / 3, l = t % 3;
    if (a == c) return k == l ? SELF : COPLANAR;
    const int d = a == 0 ? c - 1 : c == 0 ? a - 1 : 5 - a - c;
    if (k == l) return k == d ? COLLINEAR : HIRTH;
    return k == d || l == d ? GLISSILE : LOMER;
}

#endif
