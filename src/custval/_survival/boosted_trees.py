"""Boosted trees as arrays, asked with NumPy alone: the same numbers as the booster's, without the booster.

Column 0 of a tree is the month, the others describe the customer. A leaf holds for the customers who pass its splits on
columns and for the months between its splits on the month, so a tree adds its value at the first of these months and
takes it away after the last: the log odds of all months come from one walk through each tree, however many they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from custval._core.typing import FloatArray, IntArray

__all__ = ("column_gain", "from_lightgbm", "from_sklearn", "from_xgboost", "log_odds", "path_parts", "staged")

Trees = dict[str, Any]
_LEAF = -1


def log_odds(trees: Trees, X: FloatArray, months: int) -> FloatArray:
    """Return the log odds of months 1..`months`, (n, months), for customers X (n, p)."""
    steps = np.zeros((months + 1, len(X)))
    for tree in range(len(trees["root"])):
        _add_tree(trees, tree, X, steps)
    return np.asarray(trees["base"] + np.cumsum(steps[:months], axis=0).T)


def staged(trees: Trees, X: FloatArray, months: int, stops: Sequence[int]) -> Iterator[FloatArray]:
    """Yield the log odds after so many trees each, for growing `stops`."""
    steps = np.zeros((months + 1, len(X)))
    done = 0
    for stop in stops:
        for tree in range(done, min(stop, len(trees["root"]))):
            _add_tree(trees, tree, X, steps)
        done = stop
        yield np.asarray(trees["base"] + np.cumsum(steps[:months], axis=0).T)


def _add_tree(trees: Trees, tree: int, X: FloatArray, steps: FloatArray) -> None:
    """Add a tree's leaves where their months begin and take them away after these end."""
    months = len(steps) - 1
    feature, threshold, value = trees["feature"], trees["threshold"], trees["value"]
    left, right = trees["left"], trees["right"]
    # a node, who reaches it (None: everybody), and its months: after `low`, up to and including `high`
    stack: list[tuple[int, Any, int, int]] = [(int(trees["root"][tree]), None, 0, months)]
    while stack:
        node, who, low, high = stack.pop()
        column = int(feature[node])
        if column == _LEAF:
            added = float(value[node]) if who is None else value[node] * who
            steps[low] += added
            steps[high] -= added
        elif column == 0:
            cut = int(np.clip(np.floor(threshold[node]), low, high))
            if cut > low:
                stack.append((int(left[node]), who, low, cut))
            if cut < high:
                stack.append((int(right[node]), who, cut, high))
        else:
            below = X[:, column - 1] <= threshold[node]
            stack.append((int(left[node]), below if who is None else below & who, low, high))
            stack.append((int(right[node]), ~below if who is None else who & ~below, low, high))


def path_parts(trees: Trees, X: FloatArray, month: float) -> FloatArray:
    """Return what each column of X adds to the log odds of a month, (n, p), along each customer's path.

    Each split moves the mean of the customers in the node to that of those who go on: that move is its column's part.
    """
    made = np.zeros((len(X), X.shape[1] + 1))
    rows = np.arange(len(X))
    full = np.column_stack([np.full(len(X), month), X])
    for root in trees["root"].tolist():
        node = np.full(len(X), root)
        going = rows
        while going.size:
            here = node[going]
            going, here = going[trees["feature"][here] != _LEAF], here[trees["feature"][here] != _LEAF]
            column = trees["feature"][here]
            below = full[going, column] <= trees["threshold"][here]
            after = np.where(below, trees["left"][here], trees["right"][here])
            made[going, column] += trees["mean"][after] - trees["mean"][here]
            node[going] = after
    return made[:, 1:]


def column_gain(trees: Trees, columns: int) -> FloatArray:
    """Return for each column (the month first) the sum over its splits of the variance of values they explain."""
    inner = np.flatnonzero(trees["feature"] != _LEAF)
    left, right = trees["left"][inner], trees["right"][inner]
    size, mean = trees["count"], trees["mean"]
    gain = size[left] * (mean[left] - mean[inner]) ** 2 + size[right] * (mean[right] - mean[inner]) ** 2
    return np.asarray(np.bincount(trees["feature"][inner], weights=gain, minlength=columns), dtype=np.float64)


def from_sklearn(model: Any) -> Trees:
    """Return the trees of a binary HistGradientBoostingClassifier."""
    parts = []
    for (one,) in model._predictors:
        nodes = one.nodes
        leaf = nodes["is_leaf"].astype(bool)
        parts.append(
            {
                "feature": np.where(leaf, _LEAF, nodes["feature_idx"].astype(np.int64)),
                "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                "left": nodes["left"].astype(np.int64),
                "right": nodes["right"].astype(np.int64),
                "value": np.where(leaf, nodes["value"], 0.0),
                "count": nodes["count"].astype(np.float64),
            }
        )
    return _joined(parts, float(np.ravel(model._baseline_prediction)[0]))


def from_lightgbm(booster: Any) -> Trees:
    """Return the trees of a binary LightGBM booster."""
    parts = []
    for info in booster.dump_model()["tree_info"]:
        rows: list[list[float]] = []
        _flatten(info["tree_structure"], rows)
        parts.append(_columns(rows))
    return _joined(parts, 0.0)


def _flatten(node: Mapping[str, Any], rows: list[list[float]]) -> int:
    """Append a nested node and what is below it; return its place."""
    place = len(rows)
    if "leaf_value" in node:
        rows.append([_LEAF, 0.0, 0, 0, node["leaf_value"], node.get("leaf_count", 1)])
        return place
    rows.append([node["split_feature"], node["threshold"], 0, 0, 0.0, node["internal_count"]])
    rows[place][2] = _flatten(node["left_child"], rows)
    rows[place][3] = _flatten(node["right_child"], rows)
    return place


def from_xgboost(booster: Any) -> Trees:
    """Return the trees of a binary XGBoost booster, which compares in single precision: ``x < c`` as ``x <= c-``."""
    told = json.loads(booster.save_raw("json"))["learner"]
    chance = float(str(told["learner_model_param"]["base_score"]).strip("[]"))
    parts = []
    for tree in told["gradient_booster"]["model"]["trees"]:
        left = np.array(tree["left_children"], dtype=np.int64)
        cut = np.array(tree["split_conditions"], dtype=np.float32)
        leaf = left < 0
        below = np.nextafter(cut, np.float32(-np.inf)).astype(np.float64)
        parts.append(
            {
                "feature": np.where(leaf, _LEAF, np.array(tree["split_indices"], dtype=np.int64)),
                "threshold": np.where(leaf, 0.0, below),
                "left": np.maximum(left, 0),
                "right": np.maximum(np.array(tree["right_children"], dtype=np.int64), 0),
                "value": np.where(leaf, cut.astype(np.float64), 0.0),
                "count": np.array(tree["sum_hessian"], dtype=np.float64),
            }
        )
    return _joined(parts, float(np.log(chance / (1 - chance))))


def _columns(rows: list[list[float]]) -> dict[str, Any]:
    table = np.array(rows, dtype=np.float64).T
    feature, left, right = (table[j].astype(np.int64) for j in (0, 2, 3))
    return {
        "feature": feature,
        "threshold": table[1],
        "left": left,
        "right": right,
        "value": table[4],
        "count": np.maximum(table[5], 1e-9),
    }


def _joined(parts: list[dict[str, Any]], base: float) -> Trees:
    """Return the nodes of all trees in one row of arrays, with the mean value below each node."""
    sizes = np.array([len(part["feature"]) for part in parts], dtype=np.int64)
    root = np.cumsum(sizes) - sizes
    made: Trees = {"base": base, "root": root}
    for name in ("feature", "threshold", "value", "count"):
        made[name] = np.concatenate([part[name] for part in parts]) if parts else np.zeros(0)
    for name in ("left", "right"):
        moved = [part[name] + start for part, start in zip(parts, root, strict=True)]
        made[name] = np.concatenate(moved) if moved else np.zeros(0, dtype=np.int64)
    made["mean"] = _means(made)
    return made


def _means(trees: Trees) -> FloatArray:
    """Return the mean value of the leaves below each node, by their counts."""
    mean = trees["value"].copy()
    inner: IntArray = np.flatnonzero(trees["feature"] != _LEAF)
    for node in inner[::-1].tolist():  # children stand after their parents
        a, b = trees["left"][node], trees["right"][node]
        size = trees["count"][a] + trees["count"][b]
        mean[node] = (trees["count"][a] * mean[a] + trees["count"][b] * mean[b]) / size
    return np.asarray(mean)
