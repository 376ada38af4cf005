#!/usr/bin/env python3
# Fits src/media/vad_weights.h: logistic regression on the frames that `bench/vad DIR --dump`
# prints. Needs python3-numpy. usage: bench/vad DIR --dump | bench/vad_fit.py
import sys
import numpy as np

d = np.loadtxt(sys.stdin)
y, x = d[:, 0], np.hstack([d[:, 1:], np.ones((len(d), 1))])
s = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))  # both kinds count alike
w = np.zeros(x.shape[1])
for step in range(30):
    p = 1 / (1 + np.exp(-x @ w))
    g = x.T @ (s * (p - y)) + 20 * w
    h = (x * (s * p * (1 - p))[:, None]).T @ x + 20 * np.eye(len(w))
    w -= np.linalg.solve(h, g)
p = 1 / (1 + np.exp(-x @ w))
print(f'frames {len(y)}, speech {y.mean():.2f}, hit {(p[y > 0] > .5).mean():.3f}, '
      f'false {(p[y == 0] > .5).mean():.3f}', file=sys.stderr)
names = 'snr_mean snr_top snr_low harmonic voiced voiced_lately level change'.split()
for n, a, m1, m0 in zip(names, w, x[y > 0].mean(0), x[y == 0].mean(0)):
    print(f'{n:14} {a:7.2f}  speech {m1:.2f}  other {m0:.2f}', file=sys.stderr)
print('static const float weights[VAD_FEATURES] = { ' + ', '.join(f'{a:.2f}f' for a in w[:-1]) + ' };')
print(f'static const float bias = {w[-1]:.2f}f;')
