"""From frames, targets and labels to the checked rows that a Cox model is fitted to, and strata known again later."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from custval._core.encoding import DesignEncoder, DesignMatrix
from custval._core.errors import InputError
from custval._core.frames import column, is_frame, to_columns
from custval._core.typing import AnyFrame, ArrayLike, FloatArray, IntArray
from custval._core.validation import check_length, check_rows, float_array, sample_weight_array
from custval._survival.cox_fit import CoxData
from custval._survival.groups import cluster_codes, group_codes
from custval._survival.target import Target, read_target

__all__ = (
    "NO_STRATA",
    "check_reach",
    "checked_data",
    "known_strata",
    "learn_design",
    "split_strata",
    "stayed_array",
    "strata_labels",
)

NO_STRATA: tuple[Hashable, ...] = ("",)


def split_strata(X: AnyFrame, strata: Any) -> tuple[AnyFrame, Any, tuple[str, ...] | None]:
    """Return X without the columns that `strata` names, the labels, and these names (None where labels were given)."""
    names = (strata,) if isinstance(strata, str) else strata
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names) or not is_frame(X):
        if isinstance(strata, str):
            raise InputError(f"strata names a column {strata!r}, but X is not a frame; give one label for each row")
        return X, strata, None
    if len(names) == len(column(X, names[0])) and names[0] not in to_columns(X):
        return X, strata, None  # a list of labels that happen to be text
    labels = {name: column(X, name) for name in names}
    rest = {name: values for name, values in to_columns(X).items() if name not in labels}
    return rest, labels, tuple(names)


def learn_design(X: AnyFrame, *, missing: str, unseen: str = "error") -> tuple[DesignEncoder, AnyFrame]:
    """Return the coding of X and what to transform: a plain array of finite floats is taken as it is, not copied."""
    encoder = DesignEncoder(missing=missing, unseen=unseen)
    if type(X) is np.ndarray and X.dtype == np.float64 and X.ndim == 2 and X.size and _finite(X):
        return encoder.fit(X[:1]), X.view(DesignMatrix)
    return encoder.fit(X), X


def _finite(X: FloatArray) -> bool:
    """Say whether all numbers are finite: a finite sum says so in one look, without a table of answers."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()) or np.isfinite(X).all())


def checked_data(
    X: AnyFrame,
    y: Any,
    encoder: DesignEncoder,
    *,
    sample_weight: ArrayLike | None,
    strata: Any,
    cluster: Any,
    group: Any = None,
    owner: str = "CoxPH",
) -> tuple[CoxData, Target, tuple[Hashable, ...]]:
    """Return the rows with weight, their target, and the labels of the strata; groups take the place of clusters."""
    matrix = encoder.transform(X, owner=owner)
    target = read_target(y)
    n = len(matrix)
    check_length(target.duration, n, name="y")
    if n == 0:
        raise InputError("X has no rows; a hazard needs at least 2 customers to compare")
    if n == 1:
        raise InputError("Found array with 1 sample (one customer); a hazard needs at least 2 to compare")
    if len(target.causes) > 1:
        raise InputError(
            f"y holds {len(target.causes)} causes ({', '.join(target.causes)}) but a Cox model is for one; fit one "
            "for each cause with the others as censored, for instance survival_target(duration, event == 1)"
        )
    weight = sample_weight_array(sample_weight, n)
    labels, codes = (NO_STRATA, None) if strata is None else group_codes(strata, n, name="strata")
    groups = group_codes(group, n, name="group")[1] if group is not None else cluster_codes(cluster, n)
    data = CoxData(
        X=np.asarray(matrix),
        entry=target.entry if target.has_entry else None,
        duration=target.duration,
        event=target.event > 0,
        weight=weight,
        stratum=None if len(labels) == 1 else codes,
        cluster=groups,
        features=tuple(encoder.feature_names),
        strata=tuple(str(label) for label in labels),
    )
    if weight.min(initial=1.0) > 0:
        return data, target, labels
    return data.rows(weight > 0), target.rows(weight > 0), labels


def known_strata(strata: Any, labels: Sequence[Hashable], n: int) -> IntArray | None:
    """Return the code of each of n customers' stratum, or None where one baseline serves all."""
    if tuple(labels) == NO_STRATA:
        if strata is not None:
            raise InputError("this model was fitted without strata; leave strata out")
        return None
    if strata is None:
        raise InputError(
            f"this model was fitted with {len(labels)} strata, so each customer's is needed: pass strata, or fit with "
            "strata naming columns of X, which predictions then find by themselves"
        )
    found, codes = group_codes(strata, n, name="strata")
    place = {label: code for code, label in enumerate(labels)}
    known = np.array([place.get(label, -1) for label in found], dtype=np.int64)[codes]
    shown = np.array([str(label) for label in found], dtype=object)[codes]
    check_rows(known >= 0, shown, name="strata", rule="be known from fitting", fix=f"known are {list(labels)[:8]}")
    return None if len(labels) == 1 else known


def strata_labels(X: AnyFrame, strata: Any, names: Sequence[str] | None) -> Any:
    """Return the labels to use in a prediction: those given, or the columns of X that the fit named."""
    if strata is not None or names is None:
        return strata
    if not is_frame(X):
        raise InputError(f"the strata are the columns {', '.join(names)} of X, so X must be a frame that holds them")
    return {name: column(X, name) for name in names}


def stayed_array(given: ArrayLike | None, n: int) -> FloatArray:
    """Return the time already stayed, (n,) or (1,)."""
    stayed = float_array(np.atleast_1d(np.asarray(0.0 if given is None else given)), "given", low=0.0)
    if np.ndim(0.0 if given is None else given):
        check_length(stayed, n, name="given")
    return stayed


def check_reach(stayed: FloatArray, reach: float, last: FloatArray, *, owner: str = "CoxPH") -> None:
    """Refuse to look further than `last` (n,) or (1,): the last observed time of each customer's stratum."""
    short = np.atleast_1d(stayed + reach - last)
    # a hair of slack: 0.1 + 0.2 reaches 0.3
    if (short <= 1e-9 * np.maximum(last, 1.0)).all():
        return
    row = int(np.argmax(short > 0))
    to, end = (float(np.broadcast_to(time, short.shape)[row]) for time in (stayed + reach, last))
    raise InputError(
        f"this reaches time {to:g} of a customer's stay (first: row {row}), but the last observed time is {end:g}; "
        f"ask for less, or hold the level of the last quarter with {owner}(tail='hold')"
    )
