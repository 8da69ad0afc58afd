"""What are the customers of each cluster like? A table against everybody, and names from what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from custval._core.doors import public
from custval._core.results import Result, frozen
from custval._core.typing import FloatArray, IntArray
from custval._segments.mixed import Coding, MixedRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("ClusterProfile", "cluster_profile")

CLEAR = 0.5
"""Least difference from everybody, in standard deviations, that a name mentions."""


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class ClusterProfile(Result):
    """Means and shares of each cluster beside those of everybody; K clusters, p features.

    Attributes
    ----------
    name : tuple of K str
        Short names; ``noise`` for customers of no cluster.
    customers, share : ndarray of shape (K,)
        Heads (their weight, with weights) and their share.
    feature : tuple of p str
        Numbers, and ``column=level`` for each level of a category.
    mean : ndarray of shape (K, p)
        Mean of each number, share of each level.
    everybody : ndarray of shape (p,)
        The same of all customers.
    difference : ndarray of shape (K, p)
        Difference from everybody in standard deviations of everybody.

    Examples
    --------
    >>> from custval.segments import BehaviourClusters
    >>> usage = {"data_mb": [900.0, 950.0, 20.0, 10.0], "minutes": [10.0, 30.0, 300.0, 280.0]}
    >>> model = BehaviourClusters(n_clusters=2, random_state=0).fit(usage)
    >>> sorted(model.profile(usage).name)
    ['high data_mb, low minutes', 'high minutes, low data_mb']
    """

    name: tuple[str, ...]
    customers: FloatArray
    share: FloatArray
    feature: tuple[str, ...]
    mean: FloatArray
    everybody: FloatArray
    difference: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each cluster with the mean of each feature.

        Returns
        -------
        pandas.DataFrame
            ``cluster``, ``customers``, ``share`` and the features.
        """
        import pandas as pd

        table: dict[str, Any] = {"cluster": self.name, "customers": self.customers, "share": self.share}
        return pd.DataFrame(table | {name: self.mean[:, j] for j, name in enumerate(self.feature)})


def cluster_profile(rows: MixedRows, coding: Coding, codes: IntArray, weight: FloatArray, count: int) -> ClusterProfile:
    """Return the profile of clusters 0 to count - 1, and of noise (-1) where there is any."""
    features, columns = list(coding["numbers"]), list(rows.numbers.T)
    for j, name in enumerate(coding["categories"]):
        for level, label in enumerate(coding["levels"][name]):
            features.append(f"{name}={label}")
            columns.append((rows.categories[:, j] == level).astype(np.float64))
    values = np.column_stack(columns)
    share = weight / weight.sum()
    everybody = share @ values
    spread = np.sqrt(share @ (values - everybody) ** 2)
    shown = [*range(count), -1] if (codes < 0).any() else list(range(count))
    place = np.where(codes < 0, count, codes)
    heads = np.bincount(place, weights=weight, minlength=len(shown)).astype(np.float64)
    safe = np.where(heads > 0, heads, 1.0)
    sums = np.array([np.bincount(place, weights=weight * column, minlength=len(shown)) for column in values.T]).T
    mean = np.where(heads[:, None] > 0, sums / safe[:, None], everybody)
    difference = (mean - everybody) / np.where(spread > 0, spread, 1.0)
    names = _names(difference, mean, features, len(coding["numbers"]))
    return ClusterProfile(
        name=tuple("noise" if k < 0 else name for k, name in zip(shown, names, strict=True)),
        customers=frozen(heads),
        share=frozen(heads / heads.sum()),
        feature=tuple(features),
        mean=frozen(mean),
        everybody=frozen(everybody),
        difference=frozen(difference),
    )


def _names(difference: FloatArray, mean: FloatArray, features: list[str], numbers: int) -> list[str]:
    """Return names of the two clearest differences; a level is named where more of the cluster hold it than do not."""
    names: list[str] = []
    for row, middle in zip(difference, mean, strict=True):
        words: list[str] = []
        for j in np.argsort(-np.abs(row), kind="stable"):
            if abs(row[j]) < CLEAR or len(words) == 2:
                break
            if j < numbers:
                words.append(f"{'high' if row[j] > 0 else 'low'} {features[j]}")
            elif row[j] > 0 and middle[j] > 0.5:
                words.append(features[j].replace("=", ": "))
        words.sort(key=lambda word: not word.startswith("high"))
        name = ", ".join(words) or "average"
        again = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return names
