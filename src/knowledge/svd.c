#include "knowledge/svd.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

enum { OVERSAMPLE = 12, POWER = 3, SWEEPS = 24 };

/* xorshift64*: the same numbers on every machine. */
static float random_sign(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 2685821657736338717u) >> 63 ? 1.0f : -1.0f;
}

/* Rows are kept in blocks of a fixed size, filled up with zeros: the compiler makes vector
 * instructions of loops over one. */
enum { BLOCK = 16 };

static void add_scaled(float *to, const float *from, float w, size_t l)
{
	for (size_t c = 0; c < l; c += BLOCK)
		for (size_t i = 0; i < BLOCK; i++)
			to[c + i] += w * from[c + i];
}

/* y[n_rows][l] = A x[n_cols][l] */
static void multiply(const struct sparse *a, const float *x, size_t l, float *y)
{
	memset(y, 0, a->n_rows * l * sizeof(*y));
	for (size_t i = 0; i < a->n_rows; i++)
		for (size_t e = a->first[i]; e < a->first[i + 1]; e++)
			add_scaled(y + i * l, x + a->col[e] * l, a->value[e], l);
}

/* x[n_cols][l] = A' y[n_rows][l] */
static void multiply_turned(const struct sparse *a, const float *y, size_t l, float *x)
{
	memset(x, 0, a->n_cols * l * sizeof(*x));
	for (size_t i = 0; i < a->n_rows; i++)
		for (size_t e = a->first[i]; e < a->first[i + 1]; e++)
			add_scaled(x + a->col[e] * l, y + i * l, a->value[e], l);
}

/* g = m' m, the upper triangle (and some of what is below it); m is [n][l] */
static void gram(const float *m, size_t n, size_t l, double *g)
{
	memset(g, 0, l * l * sizeof(*g));
	for (size_t i = 0; i < n; i++) {
		const float *r = m + i * l;

		for (size_t a = 0; a < l; a++) {
			double ra = (double)r[a], *to = g + a * l;

			for (size_t b = a / BLOCK * BLOCK; ra != 0 && b < l; b += BLOCK)
				for (size_t k = 0; k < BLOCK; k++)
					to[b + k] += ra * (double)r[b + k];
		}
	}
}

/* g becomes R, upper triangle, by Cholesky: g = R' R. Rows that vanish are zero. */
static void factor(double *g, size_t l)
{
	for (size_t a = 0; a < l; a++) {
		double before = g[a * l + a];

		for (size_t k = 0; k < a; k++)
			g[a * l + a] -= g[k * l + a] * g[k * l + a];
		double d = g[a * l + a] > 1e-10 * (before + 1e-30) ? sqrt(g[a * l + a]) : 0;
		g[a * l + a] = d;
		for (size_t b = a + 1; b < l; b++) {
			for (size_t k = 0; k < a; k++)
				g[a * l + b] -= g[k * l + a] * g[k * l + b];
			g[a * l + b] = d > 0 ? g[a * l + b] / d : 0;
		}
	}
}

/* m's columns made orthonormal by the factor of g = m' m: m = m R^-1 (Cholesky QR; twice is as
 * good as Householder). Columns that vanish become zero. small: R in single precision. */
static void orthonormalise_once(float *m, size_t n, size_t l, double *g, float *small)
{
	gram(m, n, l, g);
	factor(g, l);
	for (size_t a = 0; a < l; a++)
		for (size_t b = 0; b < l; b++)
			small[a * l + b] = b > a ? (float)g[a * l + b] : 0;
	for (size_t i = 0; i < n; i++) {
		float *r = m + i * l;

		for (size_t a = 0; a < l; a++) {
			const double d = g[a * l + a];
			size_t from = a / BLOCK * BLOCK; /* zeros up to a */

			r[a] = d > 0 ? (float)((double)r[a] / d) : 0;
			if (r[a] != 0)
				add_scaled(r + from, small + a * l + from, -r[a], l - from);
		}
	}
}

static void orthonormalise(float *m, size_t n, size_t l, double *g, float *small)
{
	orthonormalise_once(m, n, l, g, small);
	orthonormalise_once(m, n, l, g, small);
}

/* Eigenvectors of the symmetric g[l][l] into the columns of u, values on g's diagonal:
 * cyclic Jacobi. */
static void rotate(double *g, double *u, size_t l, size_t p, size_t q)
{
	double apq = g[p * l + q];

	if (fabs(apq) < 1e-14 * (fabs(g[p * l + p]) + fabs(g[q * l + q])) || apq == 0)
		return;
	double theta = (g[q * l + q] - g[p * l + p]) / (2 * apq);
	double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
	double c = 1 / sqrt(t * t + 1), s = t * c;
	for (size_t k = 0; k < l; k++) {
		double x = g[k * l + p], y = g[k * l + q];
		g[k * l + p] = c * x - s * y;
		g[k * l + q] = s * x + c * y;
	}
	for (size_t k = 0; k < l; k++) {
		double x = g[p * l + k], y = g[q * l + k];
		g[p * l + k] = c * x - s * y;
		g[q * l + k] = s * x + c * y;
	}
	for (size_t k = 0; k < l; k++) {
		double x = u[k * l + p], y = u[k * l + q];
		u[k * l + p] = c * x - s * y;
		u[k * l + q] = s * x + c * y;
	}
}

static double off_diagonal(const double *g, size_t l)
{
	double sum = 0;

	for (size_t p = 0; p < l; p++)
		for (size_t q = p + 1; q < l; q++)
			sum += g[p * l + q] * g[p * l + q];
	return sum;
}

static void eigen(double *g, double *u, size_t l)
{
	double start = off_diagonal(g, l);

	memset(u, 0, l * l * sizeof(*u));
	for (size_t i = 0; i < l; i++)
		u[i * l + i] = 1;
	for (unsigned sweep = 0; sweep < SWEEPS && off_diagonal(g, l) > 1e-18 * start; sweep++)
		for (size_t p = 0; p < l; p++)
			for (size_t q = p + 1; q < l; q++)
				rotate(g, u, l, p, q);
}

/* The order of the diagonal, largest first. */
static void sort_diagonal(const double *g, size_t l, uint32_t *order)
{
	for (size_t i = 0; i < l; i++) {
		size_t j = i;

		for (; j > 0 && g[order[j - 1] * l + order[j - 1]] < g[i * l + i]; j--)
			order[j] = order[j - 1];
		order[j] = (uint32_t)i;
	}
}

struct work {
	float *y, *x;   /* [n_rows][l], [n_cols][l] */
	double *g, *u;  /* [l][l]                   */
	float *small;   /* [l][l]                   */
	uint32_t *order;
};

/* x holds orthonormal columns that span A's row space best: B = A x is small, its
 * singular vectors turn x into A's. */
static void turn(const struct sparse *a, struct work *w, size_t l, size_t k, float *v, float *s)
{
	multiply(a, w->x, l, w->y);
	gram(w->y, a->n_rows, l, w->g);
	for (size_t p = 0; p < l; p++)
		for (size_t q = 0; q < p; q++)
			w->g[p * l + q] = w->g[q * l + p];
	eigen(w->g, w->u, l);
	sort_diagonal(w->g, l, w->order);
	memset(w->small, 0, l * l * sizeof(*w->small));
	for (size_t c = 0; c < k; c++) {
		size_t from = w->order[c];
		double value = w->g[from * l + from];

		s[c] = value > 0 ? (float)sqrt(value) : 0;
		for (size_t p = 0; p < l; p++) /* the chosen columns of u, side by side */
			w->small[p * l + c] = (float)w->u[p * l + from];
	}
	for (size_t j = 0; j < a->n_cols; j++) {
		float *row = w->y; /* no longer needed; n_rows > 0 */

		memset(row, 0, l * sizeof(*row));
		for (size_t p = 0; p < l; p++)
			add_scaled(row, w->small + p * l, w->x[j * l + p], l);
		memcpy(v + j * k, row, k * sizeof(*row));
	}
}

int svd_right(const struct sparse *a, size_t k, float *v, float *s)
{
	size_t used = MIN(k + OVERSAMPLE, MIN(a->n_rows, a->n_cols));
	size_t l = (used + BLOCK - 1) / BLOCK * BLOCK;
	uint64_t seed = 0x9e3779b97f4a7c15u;
	AUTO(mem) float *y = mem_calloc(a->n_rows * l, sizeof(*y));
	AUTO(mem) float *x = mem_calloc(a->n_cols * l, sizeof(*x));
	AUTO(mem) double *g = mem_calloc(l * l, sizeof(*g));
	AUTO(mem) double *u = mem_calloc(l * l, sizeof(*u));
	AUTO(mem) float *small = mem_calloc(l * l, sizeof(*small));
	AUTO(mem) uint32_t *order = mem_calloc(l, sizeof(*order));
	struct work w = { y, x, g, u, small, order };

	if (!y || !x || !g || !u || !small || !order)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_rows; i++)
		for (size_t c = 0; c < used; c++)
			y[i * l + c] = random_sign(&seed);
	multiply_turned(a, y, l, x);
	for (unsigned i = 0; i < POWER; i++) {
		/* Only against the numbers running away: once, on the smaller side. */
		if (a->n_cols < a->n_rows)
			orthonormalise_once(x, a->n_cols, l, g, small);
		multiply(a, x, l, y);
		if (a->n_cols >= a->n_rows)
			orthonormalise_once(y, a->n_rows, l, g, small);
		multiply_turned(a, y, l, x);
	}
	orthonormalise(x, a->n_cols, l, g, small);
	turn(a, &w, l, k, v, s);
	return 0;
}
