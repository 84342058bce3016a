/* Small-strain von Mises viscoplasticity as a UMAT.
 *
 *   stress       sigma = C(T) : (strain - strain_v)
 *   back-stress  X = (2/3) sum_i C_i alpha_i          d alpha_i = d strain_v - D_i alpha_i dp
 *   hardening    R(p) = R0 + H p + Q (1 - exp(-b p))
 *   flow         f = J2(dev sigma - X) - R(p)          dp/dt = <f / K>^n    (K = 0: f <= 0, dp >= 0)
 *                d strain_v = (3/2) dp (dev sigma - X) / J2(dev sigma - X)
 *
 * PROPS   young, poisson, R0, H, Q, b, K, n, then one pair (C_i, D_i) for each back-stress
 * STATEV  p | strain_v (NTENS) | alpha_1 (NTENS) | alpha_2 (NTENS) ...
 *         strain_v and alpha_i are strains, with engineering shear
 *
 * The state is strain-like, so that every property may change with temperature.
 *
 * Backward Euler. With w_i = 1 / (1 + D_i dp) and B(dp) = s_trial - (2/3) sum_i C_i w_i alpha_i,n
 * the direction of flow is that of B and one scalar equation is left,
 *
 *   g(dp) - K (dp / dt)^(1/n) = 0,   g(dp) = J2(B) - 3 mu dp - sum_i C_i w_i dp - R(p_n + dp),
 *
 * whose second term has an infinite slope at dp = 0. It is solved for a variable t in (0, 1] with
 * dp = dp_max t^m, m = n (m = 1 if K = 0): then the viscous term is linear in t, the equation is
 * smooth and concave, and Newton converges monotonically from the right; a bracket guards it.
 */
#include "tensors.h"
#include "umat.h"

enum { YOUNG, POISSON, R0, H, Q, B_RATE, K_NORTON, N_NORTON, FIRST_PAIR };
enum { MAX_ITERATIONS = 100, MAX_DOUBLINGS = 60 };

typedef struct {
    int n_back;           /* back-stresses */
    const double *props;
    const double *back;   /* alpha_i at the start, engineering shear */
    const double *trial;  /* deviator of the trial stress */
    double p;             /* cumulated viscoplastic strain at the start */
    double shear;         /* shear modulus */
} Point;

/* What the scalar equation is made of at one value of dp. */
typedef struct {
    double flow[MAX_COMPONENTS];  /* B */
    double slope[MAX_COMPONENTS]; /* dB / d(dp) */
    double equivalent;            /* J2(B) */
    double g, dg;                 /* g and its derivative */
} Balance;

INLINE double hardening(const double *props, double p, double *slope)
{
    const double decay = props[Q] != 0.0 ? exp(-props[B_RATE] * p) : 0.0;
    *slope = props[H] + props[Q] * props[B_RATE] * decay;
    return props[R0] + props[H] * p + props[Q] * (1.0 - decay);
}

INLINE void balance(int n, const Point *point, double dp, Balance *out)
{
    double kinematic = 3.0 * point->shear * dp, kinematic_slope = 3.0 * point->shear;
    for (int j = 0; j < n; j++) {
        out->flow[j] = point->trial[j];
        out->slope[j] = 0.0;
    }
    for (int i = 0; i < point->n_back; i++) {
        const double modulus = point->props[FIRST_PAIR + 2 * i];
        const double recall = point->props[FIRST_PAIR + 2 * i + 1];
        const double w = 1.0 / (1.0 + recall * dp);
        const double stress = 2.0 / 3.0 * modulus * w, slope = stress * recall * w;
        const double *alpha = point->back + n * i;
        for (int j = 0; j < N_NORMAL; j++) {
            out->flow[j] -= stress * alpha[j];
            out->slope[j] += slope * alpha[j];
        }
        for (int j = N_NORMAL; j < n; j++) {
            out->flow[j] -= 0.5 * stress * alpha[j];
            out->slope[j] += 0.5 * slope * alpha[j];
        }
        kinematic += modulus * w * dp;
        kinematic_slope += modulus * w * w;
    }
    double slope;
    const double threshold = hardening(point->props, point->p + dp, &slope);
    out->equivalent = j2(n, out->flow);
    out->g = out->equivalent - kinematic - threshold;
    out->dg = -kinematic_slope - slope;
    if (out->equivalent > 0.0)
        out->dg += 1.5 * contract(n, out->flow, out->slope) / out->equivalent;
}

/* Solve for dp > 0 from its balance at zero, which must have g > 0; false when that fails.
 * On return `state` is the balance at dp and `stiffness` minus the derivative of the equation. */
INLINE int solve(int n, const Point *point, double dt, Balance *state, double *dp,
                 double *stiffness)
{
    const double viscosity = point->props[K_NORTON], start = state->g;
    const double scale = state->equivalent + fabs(start);
    const double power = viscosity > 0.0 ? point->props[N_NORTON] : 1.0;

    /* g <= g(0) - 3 mu dp whenever hardening and recall behave; otherwise look further. */
    double dp_max = start / (3.0 * point->shear);
    for (int k = 0;; k++) {
        balance(n, point, dp_max, state);
        if (state->g <= 0.0) break;
        if (k == MAX_DOUBLINGS || !isfinite(state->g)) return 0;
        dp_max *= 2.0;
    }
    const double drag = viscosity > 0.0 ? viscosity * pow(dp_max / dt, 1.0 / power) : 0.0;
    double low = 0.0, high = 1.0, t = drag > start ? start / drag : 1.0;
    for (int k = 0, last = 0; k < MAX_ITERATIONS; k++) {
        const double per_t = power != 1.0 ? dp_max * pow(t, power - 1.0) : dp_max; /* dp / t */
        *dp = per_t * t;
        if (t < 1.0) balance(n, point, *dp, state); /* at t = 1 it is known already */
        if (last) {
            *stiffness = -state->dg + (per_t > 0.0 ? drag / (power * per_t) : 0.0);
            return *stiffness > 0.0;
        }
        const double residual = state->g - drag * t;
        const double slope = state->dg * power * per_t - drag;
        if (!isfinite(residual) || !isfinite(slope)) return 0;
        if (residual > 0.0) low = t;
        else high = t;
        double next = t - residual / slope;
        if (!(next > low && next < high))
            next = fabs(residual) <= 4e-16 * scale ? t : 0.5 * (low + high);
        /* Newton squares the error of dp, which is `power` times that of t. */
        last = power * fabs(next - t) <= 3e-7 * t || high - low <= 4e-16 * high;
        t = next;
    }
    return 0;
}

/* Subtract from the elastic stiffness what flows: 2 mu d(strain_v) / d(strain), exactly. */
INLINE void consistent_tangent(int n, const Point *point, const Balance *state, double dp,
                               double stiffness, double *tangent)
{
    const double mu = point->shear, per_flow = 1.5 / state->equivalent;
    double direction[MAX_COMPONENTS], across[MAX_COMPONENTS];
    for (int i = 0; i < n; i++) direction[i] = per_flow * state->flow[i];
    const double along = contract(n, direction, state->slope);
    /* The part of dB/d(dp) across the direction of flow turns it: the unsymmetric term. */
    for (int i = 0; i < n; i++) across[i] = state->slope[i] - 2.0 / 3.0 * along * direction[i];

    const double turning = per_flow * dp; /* d(strain_v) = turning * dB across the flow */
    const double rotation = 4.0 * mu * mu * turning;
    const double growth = 4.0 * mu * mu / stiffness - 2.0 / 3.0 * rotation;
    const double skew = rotation / stiffness;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            double deviatoric = (i == j) * (i < N_NORMAL ? 1.0 : 0.5);
            if (i < N_NORMAL && j < N_NORMAL) deviatoric -= 1.0 / 3.0;
            tangent[i + n * j] -= rotation * deviatoric + growth * direction[i] * direction[j] +
                                  skew * across[i] * direction[j];
        }
}

INLINE void commit(int n, const Point *point, const Balance *state, double dp, double *statev)
{
    double increment[MAX_COMPONENTS];
    for (int j = 0; j < n; j++)
        increment[j] = (j < N_NORMAL ? 1.5 : 3.0) * dp * state->flow[j] / state->equivalent;
    statev[0] += dp;
    for (int j = 0; j < n; j++) statev[1 + j] += increment[j];
    for (int i = 0; i < point->n_back; i++) {
        const double w = 1.0 / (1.0 + point->props[FIRST_PAIR + 2 * i + 1] * dp);
        double *alpha = statev + 1 + n * (i + 1);
        for (int j = 0; j < n; j++) alpha[j] = w * (alpha[j] + increment[j]);
    }
}

/* One increment at one point; false, with nothing written, when it cannot be done. */
INLINE int integrate(int n, int n_back, const double *props, double dt, const double *strain_old,
                     const double *increment, double *stress, double *statev, double *tangent)
{
    const double bulk = bulk_modulus(props[YOUNG], props[POISSON]);
    const double shear = shear_modulus(props[YOUNG], props[POISSON]);
    double strain[MAX_COMPONENTS], trial[MAX_COMPONENTS];
    for (int i = 0; i < n; i++) strain[i] = strain_old[i] + increment[i] - statev[1 + i];
    const double pressure = bulk * strain_deviator(n, strain, trial);
    for (int i = 0; i < n; i++) trial[i] *= 2.0 * shear;

    const Point point = {n_back, props, statev + 1 + n, trial, statev[0], shear};
    Balance state;
    balance(n, &point, 0.0, &state);
    if (!isfinite(state.g) || !isfinite(pressure)) return 0;
    /* Without time nothing creeps. */
    const int flows = state.g > 0.0 && (props[K_NORTON] <= 0.0 || dt > 0.0);
    double dp = 0.0, stiffness = 0.0;
    if (flows && !solve(n, &point, dt, &state, &dp, &stiffness)) return 0;
    isotropic_stiffness(n, bulk, shear, tangent);
    if (dp > 0.0) {
        const double returned = 3.0 * shear * dp / state.equivalent;
        for (int i = 0; i < n; i++) trial[i] -= returned * state.flow[i];
        consistent_tangent(n, &point, &state, dp, stiffness, tangent);
        commit(n, &point, &state, dp, statev);
    }
    for (int i = 0; i < n; i++) stress[i] = trial[i] + (i < N_NORMAL) * pressure;
    return 1;
}

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    const int n = *NTENS, n_pairs = *NPROPS - FIRST_PAIR, n_back = n_pairs / 2;
    int done = 0;
    if (n_pairs >= 0 && n_pairs % 2 == 0 && layout_is_known(*NDI, *NSHR, n) &&
        *NSTATV >= 1 + n * (1 + n_back)) {
        if (n == 6)
            done = integrate(6, n_back, PROPS, *DTIME, STRAN, DSTRAN, STRESS, STATEV, DDSDDE);
        else
            done = integrate(4, n_back, PROPS, *DTIME, STRAN, DSTRAN, STRESS, STATEV, DDSDDE);
    }
    if (!done) *PNEWDT = 0.5;
}
