"""Four ways to find clusters in mixed data, each frozen as something that plain NumPy can assign by.

prototypes   k-prototypes: a mean for numbers, a mode for categories (Huang 1998)
gower        k-medoids on Gower's coefficient: typical customers (Gower 1971; Kaufman and Rousseeuw 1990)
mixture      Gaussian mixture with diagonal covariance, by scikit-learn
hdbscan      density clusters with noise (Campello and others 2013), by scikit-learn; kept as exemplars
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from custval._core.typing import FloatArray, IntArray
from custval._segments.mixed import MixedRows

__all__ = ("Scale", "assign", "fit_clusters", "learn_scale")

Model = dict[str, Any]
_BLOCK = 1 << 14


class Scale(NamedTuple):
    """Centre and unit of each number, the levels of each category, and what a different category counts."""

    centre: FloatArray
    unit: FloatArray
    levels: tuple[int, ...]
    category_weight: float

    def numbers(self, rows: MixedRows) -> FloatArray:
        """Return the numbers in units from the centre."""
        return np.asarray((rows.numbers - self.centre) / self.unit, dtype=np.float64)

    def design(self, rows: MixedRows) -> FloatArray:
        """Return numbers and indicators whose squared distance counts a different category as its weight."""
        parts = [self.numbers(rows)]
        for j, count in enumerate(self.levels):
            parts.append((rows.categories[:, j, None] == np.arange(count)) * np.sqrt(self.category_weight / 2.0))
        return np.column_stack(parts)


def learn_scale(rows: MixedRows, levels: list[int], weight: FloatArray, category_weight: float, method: str) -> Scale:
    """Return standard deviations as units, or for Gower ranges; a constant column has the unit 1 and does not count."""
    share = weight / weight.sum()
    centre = share @ rows.numbers
    if method == "gower":
        unit = np.ptp(rows.numbers[weight > 0], axis=0)
    else:
        unit = np.sqrt(share @ (rows.numbers - centre) ** 2)
    unit = np.where(unit > 1e-12 * np.maximum(np.abs(centre), 1e-300), unit, 1.0)
    return Scale(np.asarray(centre), np.asarray(unit), tuple(levels), category_weight)


def fit_clusters(
    rows: MixedRows, weight: FloatArray, scale: Scale, *, method: str, count: int, starts: int, rng: np.random.Generator
) -> Model:
    """Return a fitted model of `count` clusters (for hdbscan: of clusters of at least `count` customers)."""
    if method == "prototypes":
        return min((_prototypes(rows, weight, scale, count, rng) for _ in range(starts)), key=_cost)
    if method == "gower":
        return _medoids(rows, weight, scale, count)
    if method == "mixture":
        return _mixture(rows, scale, count, starts, rng)
    return _exemplars(rows, scale, count, rng)


def assign(rows: MixedRows, model: Model, scale: Scale) -> tuple[IntArray, FloatArray]:
    """Return the cluster of each customer (-1: noise) and the distance to it."""
    codes, distance = np.empty(len(rows.numbers), dtype=np.int64), np.empty(len(rows.numbers))
    for start in range(0, len(codes), _BLOCK):
        part = slice(start, start + _BLOCK)
        table = _table(rows.take(part), model, scale)
        near = table.argmin(axis=1)
        distance[part] = table[np.arange(len(table)), near]
        codes[part] = near if "label" not in model else model["label"][near]
    if "reach" in model:
        codes[distance > model["reach"]] = -1
    return codes, distance


def _cost(model: Model) -> float:
    return float(model["cost"])


def _table(rows: MixedRows, model: Model, scale: Scale) -> FloatArray:
    """Return the distance of each row to each centre, (m, K)."""
    if model["method"] == "gower":
        return _gower(rows, model, scale)
    if model["method"] == "prototypes":
        return _mixed_distance(scale.numbers(rows), rows.categories, model, scale.category_weight)
    design = scale.design(rows)
    if model["method"] == "mixture":
        variance = model["variance"]
        spread = ((design[:, None, :] - model["mean"]) ** 2 / variance).sum(axis=2)
        depth = spread + np.log(variance).sum(axis=1) - 2.0 * np.log(model["weight"])
        return np.asarray(depth, dtype=np.float64)
    return _euclid(design, model["point"])


def _mixed_distance(numbers: FloatArray, categories: IntArray, model: Model, category_weight: float) -> FloatArray:
    found = _euclid(numbers, model["mean"])
    for j in range(categories.shape[1]):
        found += category_weight * (categories[:, j, None] != model["mode"][:, j])
    return found


def _euclid(one: FloatArray, two: FloatArray) -> FloatArray:
    """Return squared distances."""
    squares = (one**2).sum(axis=1)[:, None] - 2.0 * one @ two.T + (two**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0.0), dtype=np.float64)


def _prototypes(rows: MixedRows, weight: FloatArray, scale: Scale, count: int, rng: np.random.Generator) -> Model:
    numbers, categories = scale.numbers(rows), rows.categories
    first = _spread_seeds(MixedRows(numbers, categories), weight, scale.category_weight, count, rng)
    model: Model = {"method": "prototypes", "mean": numbers[first], "mode": categories[first], "cost": np.inf}
    for _ in range(100):
        table = _mixed_distance(numbers, categories, model, scale.category_weight)
        codes = table.argmin(axis=1)
        cost = float(weight @ table[np.arange(len(table)), codes])
        if cost >= model["cost"] * (1 - 1e-9):
            break
        model = {**_centres(MixedRows(numbers, categories), weight, codes, scale.levels, model), "cost": cost}
    return model


def _centres(rows: MixedRows, weight: FloatArray, codes: IntArray, levels_of: tuple[int, ...], old: Model) -> Model:
    """Return means and modes of the clusters; an empty one stays where it was."""
    numbers, categories, count = rows.numbers, rows.categories, len(old["mean"])
    heads = np.bincount(codes, weights=weight, minlength=count)
    kept, mean, mode = heads > 0, old["mean"].copy(), old["mode"].copy()
    for j in range(numbers.shape[1]):
        sums = np.bincount(codes, weights=weight * numbers[:, j], minlength=count)
        mean[kept, j] = sums[kept] / heads[kept]
    for j, levels in enumerate(levels_of):
        table = np.bincount(codes * levels + categories[:, j], weights=weight, minlength=count * levels)
        mode[kept, j] = table.reshape(count, levels).argmax(axis=1)[kept]
    return {"method": "prototypes", "mean": mean, "mode": mode}


def _spread_seeds(
    rows: MixedRows, weight: FloatArray, category_weight: float, count: int, rng: np.random.Generator
) -> IntArray:
    """Return rows far from each other, each drawn in proportion to its squared distance (k-means++)."""
    numbers, categories = rows
    chosen = [int(rng.choice(len(weight), p=weight / weight.sum()))]
    nearest = np.full(len(weight), np.inf)
    for _ in range(count - 1):
        seed = {"mean": numbers[chosen[-1:]], "mode": categories[chosen[-1:]]}
        nearest = np.minimum(nearest, _mixed_distance(numbers, categories, seed, category_weight)[:, 0])
        chance = weight * nearest
        total = float(chance.sum())
        chosen.append(int(rng.choice(len(weight), p=chance / total if total > 0 else weight / weight.sum())))
    return np.array(chosen, dtype=np.int64)


def _gower(rows: MixedRows, model: Model, scale: Scale) -> FloatArray:
    """Return Gower's distance to each medoid: the mean over columns of range-scaled differences and disagreements."""
    numbers, centres = scale.numbers(rows), model["mean"]
    total = np.zeros((len(numbers), len(centres)))
    for j in range(numbers.shape[1]):
        total += np.abs(numbers[:, j, None] - centres[:, j])
    for j in range(rows.categories.shape[1]):
        total += scale.category_weight * (rows.categories[:, j, None] != model["mode"][:, j])
    columns = numbers.shape[1] + scale.category_weight * rows.categories.shape[1]
    return np.asarray(total / columns, dtype=np.float64)


def _medoids(rows: MixedRows, weight: FloatArray, scale: Scale, count: int) -> Model:
    """Return typical customers: the best first one, the best added ones, then steps until no medoid moves."""
    everyone: Model = {"method": "gower", "mean": scale.numbers(rows), "mode": rows.categories}
    table = _gower(rows, everyone, scale)
    chosen = [int((weight @ table).argmin())]
    nearest = table[:, chosen[0]]
    for _ in range(count - 1):
        gain = weight @ np.maximum(nearest[:, None] - table, 0.0)
        chosen.append(int(gain.argmax()))
        nearest = np.minimum(nearest, table[:, chosen[-1]])
    medoids = np.array(chosen, dtype=np.int64)
    for _ in range(100):
        codes = table[:, medoids].argmin(axis=1)
        moved = medoids.copy()
        for k in range(count):
            mine = np.flatnonzero(codes == k)
            if len(mine):
                moved[k] = mine[int((weight[mine] @ table[np.ix_(mine, mine)]).argmin())]
        if (moved == medoids).all():
            break
        medoids = moved
    cost = float(weight @ table[:, medoids].min(axis=1))
    return {"method": "gower", "mean": everyone["mean"][medoids], "mode": rows.categories[medoids], "cost": cost}


def _mixture(rows: MixedRows, scale: Scale, count: int, starts: int, rng: np.random.Generator) -> Model:
    from sklearn.mixture import GaussianMixture

    seed = int(rng.integers(2**31 - 1))
    fit = GaussianMixture(count, covariance_type="diag", n_init=starts, random_state=seed, reg_covar=1e-3, max_iter=300)
    fit.fit(scale.design(rows))
    return {
        "method": "mixture",
        "mean": np.asarray(fit.means_),
        "variance": np.asarray(fit.covariances_),
        "weight": np.asarray(fit.weights_),
        "cost": float(-fit.lower_bound_),
    }


def _exemplars(rows: MixedRows, scale: Scale, least: int, rng: np.random.Generator, most: int = 2000) -> Model:
    """Return customers of the density clusters, and how near a new one must be to belong to theirs."""
    from sklearn.cluster import HDBSCAN

    design = scale.design(rows)
    settings: dict[str, Any] = {"min_cluster_size": least, "copy": True}
    labels = np.asarray(HDBSCAN(**settings).fit(design).labels_, dtype=np.int64)
    inside = np.flatnonzero(labels >= 0)
    if not len(inside):
        return {"method": "hdbscan", "point": design[:1], "label": np.array([-1]), "reach": 0.0, "cost": 0.0}
    kept = inside if len(inside) <= most else rng.choice(inside, most, replace=False)
    others = _euclid(design[inside[:most]], design[kept])
    others[others <= 1e-12] = np.inf  # a customer is not its own neighbour
    near = others.min(axis=1)
    reach = float(np.quantile(near[np.isfinite(near)], 0.99)) if np.isfinite(near).any() else 0.0
    return {"method": "hdbscan", "point": design[kept], "label": labels[kept], "reach": reach, "cost": 0.0}
