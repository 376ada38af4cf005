#!/usr/bin/env python3
# Makes src/media/vad_weights.inc from the frames that `bench/vad DIR --dump` prints: a network of
# one small hidden layer, trained by Adam from a fixed seed. Needs python3-numpy.
# usage: bench/vad DIR --dump | bench/vad_fit.py > src/media/vad_weights.inc
import sys
import numpy as np

HIDDEN, STEPS, BATCH = 12, 6000, 4096
rng = np.random.default_rng(1)
d = np.loadtxt(sys.stdin)
y, x = d[:, 0], np.hstack([d[:, 1:], np.ones((len(d), 1))])
s = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))  # both kinds count alike
w = [rng.normal(0, 0.7, (x.shape[1], HIDDEN)), rng.normal(0, 0.3, HIDDEN), np.zeros(1)]
m, v = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w]

def forward(x):
    h = np.tanh(x @ w[0])
    return h, 1 / (1 + np.exp(-(h @ w[1] + w[2])))

for t in range(1, STEPS + 1):
    i = rng.integers(0, len(y), BATCH)
    h, p = forward(x[i])
    e = s[i] * (p - y[i]) / BATCH
    back = np.outer(e, w[1]) * (1 - h * h)
    grad = [x[i].T @ back + 1e-5 * w[0], h.T @ e + 1e-5 * w[1], np.array([e.sum()])]
    rate = 0.01 * (1 - t / STEPS) + 1e-5
    for k, g in enumerate(grad):
        m[k] = 0.9 * m[k] + 0.1 * g
        v[k] = 0.999 * v[k] + 0.001 * g * g
        w[k] -= rate * m[k] / (1 - 0.9 ** t) / (np.sqrt(v[k] / (1 - 0.999 ** t)) + 1e-8)
_, p = forward(x)
print(f'frames {len(y)}, speech {y.mean():.2f}, hit {(p[y > 0] > .5).mean():.3f}, '
      f'false {(p[y == 0] > .5).mean():.3f}', file=sys.stderr)

def row(a):
    return ', '.join(f'{b:.3f}f' for b in a)

print(f'''/* vad_weights.inc - made by bench/vad_fit.py; docs/media.md says from what. Columns: enum feature
 * in vad.c, then the bias. */

enum {{ HIDDEN = {HIDDEN} }};

/* clang-format off */
static const float hidden[HIDDEN][VAD_FEATURES + 1] = {{''')
for a in w[0].T:
    print(f'\t{{ {row(a)} }},')
print(f'''}};
static const float out[HIDDEN] = {{ {row(w[1])} }};
static const float out_bias = {w[2][0]:.3f}f;
/* clang-format on */''')
