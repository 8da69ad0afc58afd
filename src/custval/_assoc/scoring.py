"""How likely is it that a customer wants an item? Three answers as pure functions, and how far they can be trusted.

*Rules*: the strongest rule whose antecedent the customer holds, its confidence drawn towards the share of all.
*Items*: the mean share of holders of the item among holders of each held item, weighted by likeness (cosine).
*Factors*: the customer's row projected on the leading factors of the weighted holdings (pure singular values).

References: Deshpande & Karypis (2004), Item-based top-N recommendation algorithms; Cremonesi, Koren & Turrin (2010),
Performance of recommender algorithms on top-N recommendation tasks (PureSVD); Ayer et al. (1955), isotonic means.
"""

from __future__ import annotations

import numpy as np

from custval._assoc.bits import MaskArray
from custval._core.typing import BoolArray, FloatArray, IntArray

__all__ = ("calibrated", "factor_scores", "isotonic", "item_scores", "leading_factors", "likeness", "rule_scores")


def rule_scores(
    words: MaskArray, antecedent: MaskArray, consequent: IntArray, strength: FloatArray, share: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return scores (n, m) and the deciding rule (-1: the share of all customers); rules stand by rising strength."""
    scores = np.tile(share, (len(words), 1))
    why = np.full(scores.shape, -1)
    columns = [np.ascontiguousarray(words[:, j]) for j in range(words.shape[1])]
    for rule, (target, value) in enumerate(zip(consequent.tolist(), strength.tolist(), strict=True)):
        hit = (columns[0] & antecedent[rule, 0]) == antecedent[rule, 0]
        for j in range(1, len(columns)):
            hit &= (columns[j] & antecedent[rule, j]) == antecedent[rule, j]
        rows = np.flatnonzero(hit)
        scores[rows, target] = value
        why[rows, target] = rule
    return scores, why


def likeness(held: BoolArray, weight: FloatArray, neighbours: int) -> tuple[FloatArray, FloatArray]:
    """Return the cosine of each pair of items, the `neighbours` closest of each kept, and P(column | row), (m, m)."""
    both = held.T.astype(np.float64) @ (held * weight[:, None])
    single = np.diag(both).copy()
    cosine = both / np.sqrt(np.maximum(np.outer(single, single), 1e-300))
    np.fill_diagonal(cosine, 0.0)
    if neighbours < len(cosine) - 1:
        edge = -np.sort(-cosine, axis=0)[neighbours - 1]
        cosine[cosine < edge] = 0.0
    return cosine, both / np.maximum(single, 1e-300)[:, None]


def item_scores(
    held: BoolArray, cosine: FloatArray, conditional: FloatArray, share: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return the weighted mean of P(item | held item) and the held item that weighs most (-1: none is like it)."""
    rows = held.astype(np.float64)
    total = rows @ cosine
    scores = np.where(total > 0, rows @ (cosine * conditional) / np.maximum(total, 1e-300), share)
    why = np.full(scores.shape, -1)
    for j in range(held.shape[1]):
        part = held * (cosine[:, j] * conditional[:, j])
        best = np.argmax(part, axis=1)
        why[:, j] = np.where(part[np.arange(len(held)), best] > 0, best, -1)
    return scores, why


def leading_factors(held: BoolArray, weight: FloatArray, size: int) -> FloatArray:
    """Return the leading right singular vectors of the weighted holdings, shape (m, size)."""
    rows = held.astype(np.float64)
    _, vectors = np.linalg.eigh(rows.T @ (rows * weight[:, None]))
    return np.ascontiguousarray(vectors[:, ::-1][:, :size])


def factor_scores(held: BoolArray, factors: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the rows as the factors rebuild them, within 0..1, and the held item that adds most."""
    rows = held.astype(np.float64)
    link = factors @ factors.T
    scores = np.clip(rows @ link, 0.0, 1.0)
    why = np.full(scores.shape, -1)
    for j in range(held.shape[1]):
        part = held * link[:, j]
        best = np.argmax(part, axis=1)
        why[:, j] = np.where(part[np.arange(len(held)), best] > 0, best, -1)
    return scores, why


def isotonic(score: FloatArray, taken: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rising (score, rate) points: the means of neighbours pooled until rates rise (pool adjacent violators)."""
    values, place = np.unique(score, return_inverse=True)
    weight = np.bincount(place.ravel()).astype(np.float64)
    total = np.bincount(place.ravel(), taken)
    blocks: list[list[float]] = []  # weight, total, last position
    for position, (w, t) in enumerate(zip(weight.tolist(), total.tolist(), strict=True)):
        blocks.append([w, t, position])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            later = blocks.pop()
            blocks[-1] = [blocks[-1][0] + later[0], blocks[-1][1] + later[1], later[2]]
    last = np.array([int(block[2]) for block in blocks])
    first = np.append(0, last[:-1] + 1)
    rate = np.array([block[1] / block[0] for block in blocks])
    centre = np.add.reduceat(values * weight, first) / np.add.reduceat(weight, first)
    return centre, rate


def calibrated(scores: FloatArray, points: FloatArray | None) -> FloatArray:
    """Return scores as chances of being taken: between the points (2, k) of :func:`isotonic`; as they are without."""
    return scores if points is None else np.interp(scores, points[0], points[1])
