#!/usr/bin/env python3
"""Makes src/engine/answer_weights.inc from the development questions.

usage: bench/answer_fit.py BUILD_DIR [FOLDER] > src/engine/answer_weights.inc

FOLDER is the one in which bench/questions.py kept its documents and what was heard. Two models, each for typed and
for heard questions: a softmax over a question's sentences, which chooses one, and a logistic one that tells whether
to say it. What is printed on stderr is cross-validated: a question is judged by weights that never saw it, in any
voice; `perfect` is a voice of which every word is heard. The bias is set where, cross-validated, the share LIMIT of the unanswerable questions is answered.
Needs python3-numpy.
"""
import pathlib, random, re, subprocess, sys, tempfile
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TABLES = HERE / 'dev_questions'
SETS, VOICES = ('examples', 'faq', 'debian'), ('perfect', 'slt', 'slt-hts', 'kdlpc')
EVIDENCE = 'COVERED PASSAGE SHAPED SHAPELESS NO_RAREST NO_KEY BEGINS PLACE DEFINES'.split()
CHOOSE = 'COVERED PASSAGE SHAPED SHAPELESS NO_RAREST BEGINS PLACE'.split()
BELIEVE = 'COVERED PASSAGE SHAPED SHAPELESS NO_RAREST NO_KEY DEFINES'.split()
LIMIT = {'TYPED': 0.10, 'HEARD': 0.13}
FOLDS = 8


def hear_perfectly(name, to):
    rows = [l.split('\t') for l in (TABLES / f'{name}.tsv').read_text().splitlines()[1:]]
    rows += [[i, q] for i, s, q in (l.split('\t') for l in (TABLES / 'unanswerable.tsv').read_text().splitlines()[1:])
             if s == name]
    to.write_text(''.join(f"{r[0]}\t{re.sub('[^a-z0-9 -]', '', r[1].lower())}\n" for r in rows))


def column(rows, names):
    return rows[:, [2 + EVIDENCE.index(n) for n in names]]


def read(build, folder, manner):
    """[(set, id, rows)]: a row is right place, right words, then the evidence."""
    out = []
    for name in SETS:
        for voice in VOICES if manner == 'HEARD' else [None]:
            if voice == 'perfect':
                hear_perfectly(name, folder / f'{name}-{voice}.heard')
            heard = ['--heard', folder / f'{name}-{voice}.heard'] if voice else []
            if voice and not heard[1].exists():
                print(f'not heard yet: {name} by {voice}', file=sys.stderr)
                continue
            text = subprocess.run([build / 'src/engine/bench_questions', '--evidence', *heard, folder / name, name,
                                   TABLES / f'{name}.tsv', TABLES / 'unanswerable.tsv'],
                                  check=True, capture_output=True, text=True).stdout
            by_id = {}
            for i, *numbers in (l.split('\t') for l in text.splitlines()):
                by_id.setdefault(i, []).append([float(x) for x in numbers])
            out += [(name, i, np.array(rows)) for i, rows in by_id.items()]
    return out


def descend(gradient, n, steps=250):
    """Adam, from zero."""
    w, m, v = np.zeros(n), np.zeros(n), np.zeros(n)
    for t in range(1, steps + 1):
        g = gradient(w)
        m, v = .9 * m + .1 * g, .99 * v + .01 * g * g
        w = w - .05 * (m / (1 - .9 ** t)) / (np.sqrt(v / (1 - .99 ** t)) + 1e-8)
    return w


def fit_choice(asked):
    sets = [(column(r, CHOOSE), 0.3 * r[:, 0] + 0.7 * r[:, 0] * r[:, 1]) for _, _, r in asked if r[:, 0].any()]
    scale = np.concatenate([x for x, _ in sets]).std(0) + 1e-6
    sets = [(x / scale, y / y.sum()) for x, y in sets]

    def gradient(w):
        g = 0.003 * w
        for x, y in sets:
            p = np.exp(x @ w - (x @ w).max())
            g = g + x.T @ (p / p.sum() - y) / len(sets)
        return g
    return descend(gradient, len(CHOOSE)) / scale


def chosen(rows, w):
    return rows[int((column(rows, CHOOSE) @ w).argmax())]


def fit_belief(asked, w):
    best = np.array([chosen(r, w) for _, _, r in asked])
    x, y = column(best, BELIEVE), best[:, 0]
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z = np.hstack([(x - mean) / scale, np.ones((len(x), 1))])

    def gradient(b):
        return z.T @ (1 / (1 + np.exp(-z @ b)) - y) / len(y) + 0.02 * np.r_[b[:-1], 0]
    b = descend(gradient, len(BELIEVE) + 1)
    return b[:-1] / scale, b[-1] - (b[:-1] * mean / scale).sum()


def validate(asked):
    """[(set, id, right place, right words, belief)], each by weights that never saw the question."""
    ids = sorted({i for _, i, _ in asked})
    random.Random(1).shuffle(ids)
    fold = {i: k % FOLDS for k, i in enumerate(ids)}
    out = []
    for k in range(FOLDS):
        train = [a for a in asked if fold[a[1]] != k]
        w = fit_choice(train)
        b, bias = fit_belief(train, w)
        for name, i, rows in asked:
            if fold[i] == k:
                best = chosen(rows, w)
                out.append((name, i, best[0], best[1], float(column(best[None], BELIEVE)[0] @ b + bias)))
    return out


def report(manner, judged, least):
    for name in SETS:
        own = [j for j in judged if j[0] == name]
        says = [j for j in own if j[4] > least]
        n_foreign = sum(j[1].startswith('du') for j in own)
        print(f'{manner.lower()} {name:9} right place {sum(j[2] for j in says):.0f}, right words '
              f'{sum(j[2] * j[3] for j in says):.0f}, wrong {sum(not j[2] and not j[1].startswith("du") for j in says)} of '
              f'{len(own) - n_foreign}; unanswerable answered {sum(j[1].startswith("du") for j in says)} of {n_foreign}',
              file=sys.stderr)


def main():
    build = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.gettempdir() + '/voiced-bench-questions')
    print('/* answer_weights.inc - made by bench/answer_fit.py from bench/dev_questions; docs/engine.md says how. */\n'
          'static const struct answer_weights {\n\tdouble choose[ANSWER_EVIDENCE], believe[ANSWER_EVIDENCE], bias;\n'
          '} weights[] = {')
    for manner in ('TYPED', 'HEARD'):
        asked = read(build, folder, manner)
        judged = validate(asked)
        foreign = sorted((j[4] for j in judged if j[1].startswith('du')), reverse=True)
        least = foreign[int(LIMIT[manner] * len(foreign))]
        report(manner, judged, least)
        w = fit_choice(asked)
        b, bias = fit_belief(asked, w)
        for i, name in ((0, 'choose'), (1, 'believe')):
            pairs = zip((CHOOSE, BELIEVE)[i], (w, b)[i])
            print(f'\t[ANSWER_{manner}] = {{' if i == 0 else '', end='\n' if i == 0 else '')
            print(f'\t\t.{name} = {{ ' + ',\n\t\t\t'.join(f'[ANSWER_{n}] = {v:.2f}' for n, v in pairs) + ' },')
        print(f'\t\t.bias = {bias - least:.2f},\n\t}},')
    print('};')


main()
