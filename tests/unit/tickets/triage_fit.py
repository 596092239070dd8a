"""Fits the weights of ``triage_words.yaml`` to the texts in ``texts/fit_*.txt`` and prints them:
``python -m tests.unit.tickets.triage_fit [FILE.jsonl]``.

The weights that stand in the file are where it begins and what it is pulled back to, so that a group that few texts
show keeps the weight that was set by hand. Practice texts of another style, one JSON object a line with ``text`` and
``label``, may count with a small share.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np

from hotline.tickets.triage import features
from hotline.tickets.triage_lexicon import lexicon
from hotline.tickets.triage_text import read

TEXTS = Path(__file__).parent / "texts"
KINDS = {"q": "consultation", "c": "complaint", "s": "service_request"}
ORDER = ("consultation", "complaint", "service_request")
#: How hard a weight is pulled back to what was set by hand, and what all practice texts together count.
PULL, PRACTICE = 1.5, 60.0


def texts(name: str) -> list[tuple[str, str]]:
    """(kind, text) of one file."""
    lines = (TEXTS / name).read_text("utf-8").splitlines()
    return [(KINDS[line[0]], line[2:]) for line in lines if line and not line.startswith("#")]


def fit(rows: list[tuple[str, str, float]]) -> dict[str, list[float]]:
    words = lexicon()
    names = ["bias", *words.weights]
    start = np.array(
        [[0.0, words.bias["complaint"], words.bias["service_request"]]]
        + [[0.0, weights["complaint"], weights["service_request"]] for weights in words.weights.values()]
    )
    x = np.zeros((len(rows), len(names)))
    x[:, 0] = 1
    y = np.zeros((len(rows), 3))
    share = np.array([row[2] for row in rows])
    for at, (kind, text, _) in enumerate(rows):
        y[at, ORDER.index(kind)] = 1
        for name, found in features(read(text), words).items():
            if name in words.weights:
                x[at, names.index(name)] = sum(0.5**position for position in range(len(found)))
    w = start.copy()
    for _ in range(4000):
        scores = x @ w
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        slope = x.T @ ((chances - y) * share[:, None]) + PULL * (w - start)
        slope[:, 0] = 0
        w -= 0.01 * slope
    return {name: [round(float(w[i, 1]), 2), round(float(w[i, 2]), 2)] for i, name in enumerate(names)}


def main() -> None:
    rows = [(kind, text, 1.0) for name in ("fit_english.txt", "fit_chinese.txt") for kind, text in texts(name)]
    if sys.argv[1:]:
        told = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
        names = {"complaint": "complaint", "problem": "complaint", "consultation": "consultation"}
        random.Random(1).shuffle(told)
        rows += [(names[each["label"]], each["text"], PRACTICE / len(told)) for each in told]
    for name, pair in fit(rows).items():
        print(f"  {name}: [{pair[0]}, {pair[1]}]")


if __name__ == "__main__":
    main()
