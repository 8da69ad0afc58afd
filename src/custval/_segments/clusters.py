"""Which customers behave alike? Clusters of mixed data, as many as are stable, frozen and watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from custval._core.doors import public
from custval._core.errors import InputError, warn
from custval._core.estimator import Estimator
from custval._core.randomness import generator
from custval._core.results import Result, frozen
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray, RandomState, TextArray
from custval._core.validation import check_choice, check_scalar, check_whole, sample_weight_array
from custval._segments.cluster_fits import Scale, assign, fit_clusters, learn_scale
from custval._segments.cluster_profile import ClusterProfile, cluster_profile
from custval._segments.mixed import MixedRows, adjusted_rand, learn_coding, mixed_rows
from custval._segments.stability import Stability, stability

__all__ = ("BehaviourClusters", "ClusterDrift")

METHODS = ("prototypes", "gower", "mixture", "hdbscan")
_CLASSES = 10
_SLACK = 0.002


@public("segments")
@dataclass(frozen=True, slots=True, eq=False)
class ClusterDrift(Result):
    """Do the clusters still fit the customers of today?

    Attributes
    ----------
    shares : Stability
        Shares of the clusters, in ``fit`` and now.
    distance : Stability
        Distances of the customers to their clusters, in tenths of those in ``fit``: grows where behaviour appears that
        no cluster describes, even while shares stay.
    verdict : str
        The worse of both: ``stable``, ``watch`` or ``alarm``.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import BehaviourClusters
    >>> usage = np.random.default_rng(0).normal(size=(400, 2))
    >>> BehaviourClusters(n_clusters=3, random_state=0).fit(usage).drift(usage).verdict
    'stable'
    """

    shares: Stability
    distance: Stability
    verdict: str


class BehaviourClusters(Estimator):
    """Find groups of customers who behave alike, in numbers and categories, and keep them for next month.

    Parameters
    ----------
    n_clusters : int, optional
        Number of clusters >= 1. None takes the number among `choices` whose clusters come back most surely in bootstrap
        samples (adjusted Rand index); the largest of those within 0.002 of the best. Not used
        by ``"hdbscan"``, which finds it.
    method : {"prototypes", "gower", "mixture", "hdbscan"}
        Means and modes (k-prototypes); typical customers by Gower's coefficient (k-medoids); a Gaussian mixture;
        density clusters with noise. The last two use scikit-learn in ``fit``.
    choices : sequence of int, default (2, 3, 4, 5, 6, 7, 8)
        Numbers of clusters to choose from.
    bootstraps : int, default 20
        Samples for that choice, >= 2.
    category_weight : float, default 1.0
        What a different category counts: in squared standard deviations, or for Gower in ranges; >= 0.
    n_init : int, default 5
        Random starts of ``"prototypes"`` and ``"mixture"``, of which the best is kept.
    min_cluster_size : int, default 50
        Fewest customers of a cluster of ``"hdbscan"``, >= 2.
    max_rows : int, default 20000
        Most customers to fit on; more are sampled (2000 for ``"gower"`` and for the choice of the number). All are
        assigned.
    random_state : int or Generator, optional
        Seed.

    Attributes
    ----------
    n_clusters_ : int
        Number of clusters.
    names_ : tuple of str
        Short names from the most distinguishing columns.
    choices_ : ndarray of int, or None
        Numbers tried, where the number was chosen.
    agreement_, agreement_std_error_ : ndarray, or None
        Mean adjusted Rand index between the clusters of the sample and those of its bootstrap samples, and its error.
    counts_ : ndarray
        Customers of each cluster in ``fit``.
    distance_cuts_, distance_counts_ : ndarray
        Tenths of the distances in ``fit``, for ``drift``.
    coding_, model_, scale_ : dict
        What is needed to assign customers.
    n_features_in_ : int
        Columns of the X of ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X was a frame.

    References
    ----------
    Huang, Z. (1998), Extensions to the k-means algorithm for clustering large data sets with categorical values, Data
    Mining and Knowledge Discovery 2. Gower, J. C. (1971), A general coefficient of similarity, Biometrics 27. Choice of
    the number: Hennig, C. (2007), Cluster-wise assessment of cluster stability, Computational Statistics and Data
    Analysis 52; Hubert, L. and Arabie, P. (1985), Comparing partitions, J. of Classification 2.

    Examples
    --------
    >>> import numpy as np
    >>> from custval.segments import BehaviourClusters
    >>> rng = np.random.default_rng(0)
    >>> usage = {
    ...     "data_mb": np.r_[rng.normal(900, 90, 150), rng.normal(100, 30, 250)],
    ...     "contract": np.repeat(["two years", "monthly"], [150, 250]),
    ... }
    >>> model = BehaviourClusters(random_state=0).fit(usage)
    >>> model.n_clusters_, model.counts_.tolist()
    (2, [250.0, 150.0])
    """

    __module__ = "custval.segments"
    _estimator_type = "segmenter"
    _positive_only = False
    expected_failed_checks: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "starts are drawn from rows, so copies draw others",
    }

    def __init__(
        self,
        *,
        n_clusters: int | None = None,
        method: str = "prototypes",
        choices: Sequence[int] = (2, 3, 4, 5, 6, 7, 8),
        bootstraps: int = 20,
        category_weight: float = 1.0,
        n_init: int = 5,
        min_cluster_size: int = 50,
        max_rows: int = 20_000,
        random_state: RandomState = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.choices = choices
        self.bootstraps = bootstraps
        self.category_weight = category_weight
        self.n_init = n_init
        self.min_cluster_size = min_cluster_size
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(self, X: AnyFrame, y: object = None, *, sample_weight: ArrayLike | None = None) -> Self:
        """Find the clusters.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Behaviour: numbers and, in a frame, text columns as categories; complete.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Case weights >= 0; for ``"mixture"`` and ``"hdbscan"`` rows are drawn in proportion to them.

        Returns
        -------
        BehaviourClusters
            Self.

        Raises
        ------
        InputError
            If a parameter is illegal, a value is missing, or there are fewer customers than clusters.

        Warns
        -----
        DataWarning
            If there are fewer distinct customers than clusters, so that some are empty; or no dense cluster at all.
        """
        del y  # scikit-learn's place for a target: clusters have none
        self._check_parameters()
        rng = generator(self.random_state)
        coding = learn_coding(X)
        rows = mixed_rows(X, coding, type(self).__name__)
        weight = sample_weight_array(sample_weight, len(rows.numbers))
        levels = [len(coding["levels"][name]) for name in coding["categories"]]
        scale = learn_scale(rows, levels, weight, float(self.category_weight), self.method)
        count = self._choose(rows, weight, scale, rng)
        most = 2000 if self.method == "gower" else int(self.max_rows)
        part, heavy = self._sample(rows, weight, most, rng)
        model = self._fit_once(part, heavy, scale, count, rng)
        codes, distance = assign(rows, model, scale)
        self.n_clusters_ = _in_order(model, codes, weight)
        codes, distance = assign(rows, model, scale)
        self._warn_of_empty(codes)
        self.coding_, self.model_, self.scale_ = coding, model, scale._asdict()
        profile = cluster_profile(rows, coding, codes, weight, self.n_clusters_)
        self.names_ = profile.name
        self.counts_ = np.asarray(profile.customers)
        self.distance_cuts_, self.distance_counts_ = _tenths(distance, weight)
        self.n_features_in_ = len(coding["numbers"]) + len(coding["categories"])
        if coding["named"]:
            self.feature_names_in_ = np.array([*coding["numbers"], *coding["categories"]], dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def predict(self, X: AnyFrame) -> IntArray:
        """Return the cluster of each customer by the frozen clusters.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``; a category not seen in ``fit`` agrees with no cluster.

        Returns
        -------
        ndarray of int64 of shape (n,)
            0 for the cluster that was largest in ``fit``; -1 for noise.

        Raises
        ------
        InputError
            If a column is missing, or a value is missing or infinite.
        """
        return self._assigned(X)[0]

    def cluster(self, X: AnyFrame) -> TextArray:
        """Return the name of each customer's cluster.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.

        Returns
        -------
        ndarray of str objects of shape (n,)
            One of ``names_``, or ``noise``.
        """
        codes = self.predict(X)
        names: TextArray = np.array([*self.names_[: self.n_clusters_], "noise"], dtype=object)
        found: TextArray = names[codes]
        return found

    def profile(self, X: AnyFrame, *, sample_weight: ArrayLike | None = None) -> ClusterProfile:
        """Return what the customers of each cluster are like, beside everybody.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            Columns as in ``fit``.
        sample_weight : array of shape (n,), optional
            Case weights >= 0.

        Returns
        -------
        ClusterProfile
            Heads, means, differences and short names.
        """
        codes, _, rows = self._assigned(X)
        weight = sample_weight_array(sample_weight, len(codes))
        return cluster_profile(rows, self.coding_, codes, weight, self.n_clusters_)

    def drift(self, X: AnyFrame, *, sample_weight: ArrayLike | None = None) -> ClusterDrift:
        """Return whether the clusters still fit: their shares, and the distances of customers to them.

        Parameters
        ----------
        X : frame or array of shape (n, p)
            The customers of today, columns as in ``fit``.
        sample_weight : array of shape (n,), optional
            Case weights >= 0.

        Returns
        -------
        ClusterDrift
            Population stability indices and a verdict.

        Warns
        -----
        DataWarning
            At an alarm.
        """
        codes, distance, _ = self._assigned(X)
        weight = sample_weight_array(sample_weight, len(codes))
        size = self.n_clusters_ + 1
        before = np.zeros(size)
        before[: len(self.counts_)] = self.counts_
        names = np.array([*self.names_[: self.n_clusters_], "noise"], dtype=object)
        now = np.bincount(np.where(codes < 0, size - 1, codes), weights=weight, minlength=size)
        used = (before > 0) | (now > 0)
        shares = stability(names[used], names[used], weight_before=before[used], weight_now=now[used])
        place = np.searchsorted(self.distance_cuts_, distance, side="right")
        near = np.bincount(place, weights=weight, minlength=len(self.distance_counts_))
        tenth = np.array([f"tenth {k + 1:02d}" for k in range(len(near))], dtype=object)
        far = stability(tenth, tenth, weight_before=self.distance_counts_, weight_now=near)
        order = ("stable", "watch", "alarm")
        return ClusterDrift(shares, far, max(shares.verdict, far.verdict, key=order.index))

    def _check_parameters(self) -> None:
        check_choice(self.method, "method", METHODS)
        if self.n_clusters is not None:
            check_whole(self.n_clusters, "n_clusters", low=1)
        for one in self.choices:
            check_whole(one, "choices", low=2)
        check_whole(self.bootstraps, "bootstraps", low=2)
        check_whole(self.n_init, "n_init", low=1)
        check_whole(self.min_cluster_size, "min_cluster_size", low=2)
        check_whole(self.max_rows, "max_rows", low=10)
        check_scalar(self.category_weight, "category_weight", low=0.0, high=1e6)

    def _choose(self, rows: MixedRows, weight: FloatArray, scale: Scale, rng: np.random.Generator) -> int:
        """Return the number of clusters; if it is not given, that whose clusters come back most surely."""
        self.choices_, self.agreement_, self.agreement_std_error_ = None, None, None
        n = len(rows.numbers)
        if self.method == "hdbscan":
            if n < 2:
                raise InputError(f"density needs neighbours, but X has n_samples={n}")
            return int(self.min_cluster_size)
        if self.n_clusters is not None:
            if self.n_clusters > n:
                raise InputError(f"n_clusters is {self.n_clusters} but X has n_samples={n}; ask for fewer")
            return int(self.n_clusters)
        tried = [int(one) for one in self.choices if one < n]
        if not tried:
            return 1
        part, heavy = self._sample(rows, weight, 2000, rng)
        found = np.array([self._agreements(part, heavy, scale, count, rng) for count in tried])
        self.choices_ = np.array(tried)
        self.agreement_ = found.mean(axis=1)
        self.agreement_std_error_ = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
        sure = self.agreement_ >= self.agreement_.max() - _SLACK
        return tried[int(np.flatnonzero(sure)[-1])]  # equally sure: more clusters say more

    def _agreements(
        self, rows: MixedRows, weight: FloatArray, scale: Scale, count: int, rng: np.random.Generator
    ) -> list[float]:
        whole = assign(rows, self._fit_once(rows, weight, scale, count, rng), scale)[0]
        n, found = len(weight), []
        for _ in range(int(self.bootstraps)):
            again = rng.choice(n, n, p=weight / weight.sum())
            model = self._fit_once(rows.take(again), np.ones(n), scale, count, rng)
            found.append(adjusted_rand(whole, assign(rows, model, scale)[0]))
        return found

    def _fit_once(
        self, rows: MixedRows, weight: FloatArray, scale: Scale, count: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        if self.method == "hdbscan":
            count = min(count, len(weight))
        return fit_clusters(rows, weight, scale, method=self.method, count=count, starts=int(self.n_init), rng=rng)

    def _sample(
        self, rows: MixedRows, weight: FloatArray, most: int, rng: np.random.Generator
    ) -> tuple[MixedRows, FloatArray]:
        """Return rows to fit on: all with their weights, or a sample drawn by weight."""
        n = len(weight)
        unequal = self.method in ("mixture", "hdbscan") and bool((weight != weight[0]).any())
        if n <= most and not unequal:
            return rows, weight
        drawn = rng.choice(n, min(n, most), p=weight / weight.sum(), replace=unequal)
        return rows.take(drawn), np.ones(len(drawn))

    def _assigned(self, X: AnyFrame) -> tuple[IntArray, FloatArray, MixedRows]:
        self._check_fitted()
        rows = mixed_rows(X, self.coding_, type(self).__name__)
        codes, distance = assign(rows, self.model_, Scale(**self.scale_))
        return codes, distance, rows

    def _warn_of_empty(self, codes: IntArray) -> None:
        if self.method == "hdbscan":
            if self.n_clusters_ == 0:
                warn("no cluster is dense enough, so everybody is noise; lower min_cluster_size")
            return
        seen = len(np.unique(codes))
        if seen < self.n_clusters_:
            warn(
                f"{self.n_clusters_} clusters were asked for, but only {seen} have customers: there are no more "
                "distinct ones; ask for fewer"
            )


def _in_order(model: dict[str, Any], codes: IntArray, weight: FloatArray) -> int:
    """Sort the clusters of a model by size, the largest first, and return how many there are."""
    if "label" in model:
        count = int(model["label"].max()) + 1
        heads = np.bincount(codes[codes >= 0], weights=weight[codes >= 0], minlength=count)
        rank = np.empty(count, dtype=np.int64)
        rank[np.argsort(-heads, kind="stable")] = np.arange(count)
        model["label"] = np.where(model["label"] >= 0, rank[model["label"]] if count else -1, -1)
        return count
    count = len(model["mean"])
    order = np.argsort(-np.bincount(codes, weights=weight, minlength=count), kind="stable")
    for name in ("mean", "mode", "variance", "weight"):
        if name in model:
            model[name] = model[name][order]
    return count


def _tenths(distance: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return cuts between tenths of the distances, and how many customers are in each."""
    cuts = np.unique(np.quantile(distance, np.arange(1, _CLASSES) / _CLASSES, method="inverted_cdf"))
    counts = np.bincount(np.searchsorted(cuts, distance, side="right"), weights=weight, minlength=len(cuts) + 1)
    return cuts, frozen(counts.astype(np.float64))
