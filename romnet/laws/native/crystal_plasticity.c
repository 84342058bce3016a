/* Small-strain viscoplasticity of a face-centred cubic crystal as a UMAT.
 *
 *   stress       sigma = C(T) : (strain - sum_s gamma_s m_s),    m_s = sym(direction x normal)
 *   resolved     tau_s = m_s : sigma,    x_s = c alpha_s,    nu_s = integral of |d gamma_s|
 *   flow         d gamma_s/dt = <(|tau_s - x_s| - r_s) / K>^n sign(tau_s - x_s)
 *   hardening    r_s = r0 + Q sum_t h_st (1 - exp(-b nu_t))
 *                d alpha_s = d gamma_s - d alpha_s d nu_s
 *
 * PROPS   c11, c12, c44, r0, Q, b, K, n, c, d, six h (in the order of octahedral.h), axes (axes.h)
 * STATEV  sum of nu_s | gamma (12) | nu (12) | alpha (12)
 *
 * The state is strain-like, so that every property may change with temperature.
 *
 * Backward Euler leaves twelve equations, tau_s - x_s = driving stress. Neither the increments of
 * slip are good unknowns (the driving stress has an infinite slope where slip sets in) nor the
 * driving stresses (slip grows with their n-th power). Each system has one unknown u instead, that
 * runs along the graph of both:
 *
 *   |u| <= 1          no slip, driving stress r_s u
 *   1 < |u| <= 1 + e  driving stress r_s + r0 (|u| - 1), slip by the flow rule
 *   beyond            slip grows by r0 / (m:C:m) per unit of u, driving stress by the flow rule
 *
 * where e is so that the slip is smooth in u. Newton with a line search on these; where it fails
 * the load is approached in parts, from the same state at the start, so that the answer and its
 * tangent are those of one step whatever the way to it.
 */
#include <string.h>

#include "anisotropic.h"
#include "dense.h"
#include "octahedral.h"

enum {
    C11, C12, C44, R0, Q, B_RATE, K_NORTON, N_NORTON, MODULUS, RECALL, INTERACTION,
    AXES = INTERACTION + N_KINDS, N_PROPERTIES = AXES + N_AXES
};
enum { SLIP = 1, CUMULATED = SLIP + N_SYSTEMS, KINEMATIC = CUMULATED + N_SYSTEMS,
       N_STATEV = KINEMATIC + N_SYSTEMS };
enum { MAX_ITERATIONS = 50, MAX_HALVINGS = 10, MAX_PARTS = 200 };

typedef double Systems[N_SYSTEMS];

/* What stays the same during the search. */
typedef struct {
    const double *props, *statev;
    double dt;
    double coupling[N_SYSTEMS][N_SYSTEMS]; /* m_s : C : m_t */
    double weight[N_SYSTEMS][N_SYSTEMS];   /* Q h_st */
    double decay[N_SYSTEMS];               /* exp(-b nu_s) at the start */
    double slip_switch, stress_switch;     /* slip and overstress where u changes its meaning */
} Crystal;

/* One system at one u: slip of the increment; the driving stress is share r_s + over. Derivatives
 * with respect to u. */
typedef struct {
    double slip, slip_u, share, over, over_u;
} Branch;

/* All systems: residual of the equations and, in rows, its derivative with respect to u. */
typedef struct {
    Systems slip, slip_u, residual;
    double jacobian[N_SYSTEMS * N_SYSTEMS];
    double size; /* sum of squares of the residual */
} Balance;

/* The overstress and slip at which a unit of u is as much elastic stress as overstress. */
static void place_switch(Crystal *crystal)
{
    const double k = crystal->props[K_NORTON], n = crystal->props[N_NORTON];
    const double power = log(n * crystal->coupling[0][0] * crystal->dt) - n * log(k);
    /* For n = 1 everywhere or nowhere. */
    crystal->stress_switch = exp(fmax(-100.0, fmin(100.0, -power / (n - 1.0))));
    crystal->slip_switch = crystal->dt * pow(crystal->stress_switch / k, n);
}

INLINE Branch branch(const Crystal *crystal, double u)
{
    const double k = crystal->props[K_NORTON], n = crystal->props[N_NORTON];
    const double unit = crystal->props[R0], sign = u < 0.0 ? -1.0 : 1.0;
    const double over = unit * (fabs(u) - 1.0);
    Branch out = {0.0, 0.0, u, 0.0, 0.0};
    if (over <= 0.0) return out;
    out.share = sign;
    if (over <= crystal->stress_switch) {
        const double rate = crystal->dt * pow(over / k, n - 1.0) / k; /* slip / overstress */
        out.slip = sign * rate * over;
        out.slip_u = n * rate * unit;
        out.over = sign * over;
        out.over_u = unit;
    } else {
        const double stiffness = crystal->coupling[0][0];
        const double slip = crystal->slip_switch + (over - crystal->stress_switch) / stiffness;
        const double stress = k * pow(slip / crystal->dt, 1.0 / n);
        out.slip = sign * slip;
        out.slip_u = unit / stiffness;
        out.over = sign * stress;
        out.over_u = stress / (n * slip) * out.slip_u;
    }
    return out;
}

/* Slip does not depend on the resistance: it comes first, then what it does to the resistances. */
static void balance(const Crystal *crystal, const Systems trial, const Systems u, Balance *out)
{
    const double *props = crystal->props, *alpha = crystal->statev + KINEMATIC;
    Systems saturated, saturated_u; /* 1 - exp(-b nu) and its derivative */
    Branch at[N_SYSTEMS];
    for (int t = 0; t < N_SYSTEMS; t++) {
        at[t] = branch(crystal, u[t]);
        out->slip[t] = at[t].slip;
        out->slip_u[t] = at[t].slip_u;
        const double decay = crystal->decay[t] * exp(-props[B_RATE] * fabs(at[t].slip));
        saturated[t] = 1.0 - decay;
        saturated_u[t] = props[B_RATE] * decay * (at[t].slip < 0.0 ? -1.0 : 1.0) * at[t].slip_u;
    }
    out->size = 0.0;
    for (int s = 0; s < N_SYSTEMS; s++) {
        const double slip = out->slip[s], sign = slip < 0.0 ? -1.0 : 1.0;
        const double w = 1.0 / (1.0 + props[RECALL] * fabs(slip));
        const double back = props[MODULUS] * w * (alpha[s] + slip);
        const double back_slip = w * (props[MODULUS] - sign * props[RECALL] * back);
        double resistance = props[R0], resolved = trial[s];
        double *row = out->jacobian + s * N_SYSTEMS;
        for (int t = 0; t < N_SYSTEMS; t++) {
            resistance += crystal->weight[s][t] * saturated[t];
            resolved -= crystal->coupling[s][t] * out->slip[t];
            row[t] = crystal->weight[s][t] * saturated_u[t];
        }
        out->residual[s] = resolved - back - at[s].share * resistance - at[s].over;
        for (int t = 0; t < N_SYSTEMS; t++)
            row[t] = -crystal->coupling[s][t] * out->slip_u[t] - at[s].share * row[t];
        row[s] -= back_slip * out->slip_u[s] + (fabs(u[s]) <= 1.0 ? resistance : at[s].over_u);
        out->size += out->residual[s] * out->residual[s];
        if (!(resistance > 0.0)) out->size = NAN; /* the crystal has softened away */
    }
}

/* Newton from u; on success `state` is the balance there, with its jacobian factorised. */
static int newton(const Crystal *crystal, const Systems trial, double *u, Balance *state,
                  int *exchange)
{
    double scale = crystal->props[R0];
    for (int s = 0; s < N_SYSTEMS; s++) scale = fmax(scale, fabs(trial[s]));
    const double accepted = N_SYSTEMS * 1e-18 * scale * scale; /* once more after this */
    balance(crystal, trial, u, state);
    for (int k = 0; k < MAX_ITERATIONS; k++) {
        const double size = state->size;
        if (!isfinite(size) || !factorise(N_SYSTEMS, state->jacobian, exchange)) return 0;
        Systems step, tried;
        memcpy(step, state->residual, sizeof step);
        substitute(N_SYSTEMS, state->jacobian, exchange, 1, step);
        double length = 1.0;
        for (int halving = 0;; halving++) {
            for (int s = 0; s < N_SYSTEMS; s++) tried[s] = u[s] - length * step[s];
            balance(crystal, trial, tried, state);
            if (size <= accepted || state->size <= (1.0 - 0.2 * length) * size) break;
            if (halving == MAX_HALVINGS) return 0;
            length *= 0.5;
        }
        memcpy(u, tried, sizeof tried);
        if (size <= accepted) return factorise(N_SYSTEMS, state->jacobian, exchange);
    }
    return 0;
}

/* Go from the resolved stresses at the start to those of the increment in as few parts as will do. */
static int solve(const Crystal *crystal, const Systems start, const Systems end, Balance *state,
                 int *exchange)
{
    Systems u = {0}, tried, trial;
    double reached = 0.0, part = 1.0;
    for (int k = 0; k < MAX_PARTS; k++) {
        const double next = fmin(1.0, reached + part);
        for (int s = 0; s < N_SYSTEMS; s++) trial[s] = start[s] + next * (end[s] - start[s]);
        memcpy(tried, u, sizeof u);
        if (newton(crystal, trial, tried, state, exchange)) {
            if (next >= 1.0) return 1;
            memcpy(u, tried, sizeof u);
            reached = next;
            part *= 2.0;
        } else {
            part *= 0.25;
        }
    }
    return 0;
}

static void commit(const Crystal *crystal, const Balance *state, double *statev)
{
    for (int s = 0; s < N_SYSTEMS; s++) {
        const double slip = state->slip[s], size = fabs(slip);
        double *alpha = statev + KINEMATIC + s;
        statev[0] += size;
        statev[SLIP + s] += slip;
        statev[CUMULATED + s] += size;
        *alpha = (*alpha + slip) / (1.0 + crystal->props[RECALL] * size);
    }
}

/* One increment; false, with nothing written, when it cannot be done. */
static int integrate(int n, const double *props, double dt, const double *strain_old,
                     const double *increment, double *stress, double *statev, double *tangent)
{
    Axes axes;
    double schmid[N_SYSTEMS][FULL], pull[N_SYSTEMS][FULL], stiffness[FULL][FULL];
    double inside[FULL], change[FULL], response[FULL] = {0};
    if (!read_axes(props + AXES, &axes)) return 0;
    to_material(n, &axes, strain_old, inside);
    to_material(n, &axes, increment, change);
    slip_strains(schmid);
    cubic_stiffness(props[C11], props[C12], props[C44], stiffness);

    Crystal crystal = {.props = props, .statev = statev, .dt = dt};
    for (int s = 0; s < N_SYSTEMS; s++) {
        crystal.decay[s] = exp(-props[B_RATE] * statev[CUMULATED + s]);
        for (int i = 0; i < FULL; i++) {
            inside[i] -= statev[SLIP + s] * schmid[s][i];
            pull[s][i] = 0.0; /* C : m_s */
            for (int j = 0; j < FULL; j++) pull[s][i] += stiffness[i][j] * schmid[s][j];
        }
    }
    Systems start = {0}, end;
    for (int s = 0; s < N_SYSTEMS; s++) {
        double further = 0.0;
        for (int i = 0; i < FULL; i++) {
            start[s] += pull[s][i] * inside[i];
            further += pull[s][i] * change[i];
        }
        end[s] = start[s] + further;
        for (int t = 0; t < N_SYSTEMS; t++) {
            crystal.weight[s][t] = props[Q] * props[INTERACTION + pair_kind(s, t)];
            crystal.coupling[s][t] = 0.0;
            for (int i = 0; i < FULL; i++) crystal.coupling[s][t] += pull[s][i] * schmid[t][i];
        }
    }
    for (int i = 0; i < FULL; i++)
        for (int j = 0; j < FULL; j++) response[i] += stiffness[i][j] * (inside[j] + change[j]);

    if (dt > 0.0) { /* without time nothing slips */
        Balance state;
        int exchange[N_SYSTEMS];
        double turn[N_SYSTEMS * FULL]; /* d u / d strain */
        place_switch(&crystal);
        if (!solve(&crystal, start, end, &state, exchange)) return 0;
        memcpy(turn, pull, sizeof turn);
        substitute(N_SYSTEMS, state.jacobian, exchange, FULL, turn);
        for (int s = 0; s < N_SYSTEMS; s++)
            for (int i = 0; i < FULL; i++) {
                response[i] -= pull[s][i] * state.slip[s];
                for (int j = 0; j < FULL; j++)
                    stiffness[i][j] += pull[s][i] * state.slip_u[s] * turn[s * FULL + j];
            }
        commit(&crystal, &state, statev);
    }
    for (int i = 0; i < FULL; i++)
        if (!isfinite(response[i])) return 0;
    stress_to_space(n, &axes, response, stress);
    tangent_to_space(n, &axes, stiffness, tangent);
    return 1;
}

void umat_(UMAT_ARGUMENTS)
{
    UMAT_UNUSED;
    int done = 0;
    if (*NPROPS == N_PROPERTIES && *NSTATV >= N_STATEV && layout_is_known(*NDI, *NSHR, *NTENS))
        done = integrate(*NTENS, PROPS, *DTIME, STRAN, DSTRAN, STRESS, STATEV, DDSDDE);
    if (!done) *PNEWDT = 0.5;
}
