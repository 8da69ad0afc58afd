"""One reading of customers as purchases: how many, when the last, how old; checked, and counted where equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from custval._clv.levels import Levels
from custval._core.errors import InputError
from custval._core.frames import column, column_names, is_frame
from custval._core.typing import AnyFrame, BoolArray, FloatArray
from custval._core.validation import check_rows, float_array, nearest

__all__ = (
    "CHECKS_ON_RANDOM_NUMBERS",
    "Counted",
    "Purchases",
    "count_equal",
    "number_matrix",
    "read_purchases",
    "refuse_sparse",
)

COLUMNS = ("frequency", "recency", "age")
GAPS = "log_gaps"
# scikit-learn's checks that fit any table of numbers
CHECKS_ON_RANDOM_NUMBERS = (
    "check_all_zero_sample_weights_error",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
)
ROUNDING = 1e-9  # of an age: what sums of days may be off by


class Purchases(NamedTuple):
    """Customers in the model's unit, each of shape (n,); `log_gaps` only where a rhythm is fitted."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    log_gaps: FloatArray | None = None
    single: bool = False
    known: dict[str, Levels] | None = None  # of a fit, which asks for the same levels in every step


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Different customers with how many there are of each."""

    seen: Purchases
    design: FloatArray | None
    weight: FloatArray
    total_log_gaps: float


def read_purchases(
    X: AnyFrame, *, time_unit: str | None = None, discrete: bool = False, gaps: bool = False
) -> Purchases:
    """Return frequency, recency and age of the customers in `X`, or refuse what no customer can be.

    `X` may be a frame with these columns, an array of shape (n, 3) or (n, 4) in their order with ``log_gaps`` last,
    three numbers for one customer, or a purchase summary, whose unit must then be that of the model.
    """
    unit = getattr(X, "time_unit", None)
    if unit is not None and time_unit is not None and unit != time_unit:
        raise InputError(
            f"X counts time in {unit}s but the model in {time_unit}s; summarise the purchases with "
            f"time_unit={time_unit!r}, or fit the model on {unit}s"
        )
    table = X.table if unit is not None and hasattr(X, "table") else X
    refuse_sparse(table)
    single = not is_frame(table) and np.ndim(table) == 1
    names = (*COLUMNS, GAPS) if gaps else COLUMNS
    parts = _frame_parts(table, names) if is_frame(table) else _array_parts(table, names)
    checked = [float_array(part, name, low=LOW[name]) for part, name in zip(parts, names, strict=True)]
    seen = Purchases(checked[0], checked[1], checked[2], checked[3] if gaps else None)
    _check(seen, discrete=discrete)
    # sums of fractions of days: a recency that is the age up to rounding is the age
    return seen._replace(t_x=np.minimum(seen.t_x, seen.T), single=single)


LOW = {"frequency": 0.0, "recency": 0.0, "age": 0.0, GAPS: -np.inf}


def count_equal(seen: Purchases, weight: FloatArray, design: FloatArray | None) -> Counted:
    """Return the different customers of weight > 0 with their total weight; gaps are only summed."""
    total = 0.0 if seen.log_gaps is None else float(weight @ seen.log_gaps)
    counts = bool((weight > 0).all())
    if not counts:
        keep = weight > 0
        seen, weight = _keep(seen, keep), weight[keep]
        design = None if design is None else design[keep]
    columns = (seen.x, seen.t_x, seen.T) if design is None else (seen.x, seen.t_x, seen.T, *design.T)
    levels = Levels.of(*columns)
    first = levels.first
    small = Purchases(seen.x[first], seen.t_x[first], seen.T[first], known={})
    return Counted(small, None if design is None else design[first], levels.totals(weight), total)


def _keep(seen: Purchases, keep: BoolArray) -> Purchases:
    gaps = None if seen.log_gaps is None else seen.log_gaps[keep]
    return Purchases(seen.x[keep], seen.t_x[keep], seen.T[keep], gaps)


def _frame_parts(table: AnyFrame, names: tuple[str, ...]) -> list[Any]:
    have = column_names(table)
    for name in names:
        if name not in have:
            raise InputError(_missing(name, have))
    return [column(table, name) for name in names]


def _missing(name: str, have: list[str]) -> str:
    text = (
        f"X has no column {name!r}{nearest(name, have)}; it needs frequency (repeat purchases), recency (time of the "
    )
    text += "last one since the first) and age (time since the first)"
    if name == GAPS:
        text += ", and log_gaps (sum of the logarithms of the times between purchases)"
    return text + "; purchase_summary makes them from transactions"


def _array_parts(table: Any, names: tuple[str, ...]) -> list[FloatArray]:
    matrix = number_matrix(table, names)
    if matrix.ndim != 2 or matrix.shape[1] < len(names) or matrix.shape[1] > len(COLUMNS) + 1:
        raise InputError(f"X must have columns {', '.join(names)} in this order, not shape {np.shape(table)}")
    return [np.ascontiguousarray(matrix[:, j]) for j in range(len(names))]


def refuse_sparse(table: Any) -> None:
    """Refuse a sparse matrix; some kinds of it look like a mapping."""
    if hasattr(type(table), "toarray"):
        raise TypeError("Sparse data was passed for X, but dense data is required; use X.toarray()")


def number_matrix(table: Any, names: tuple[str, ...]) -> FloatArray:
    """Return an array of customers in rows, one customer as one row; sparse and complex numbers are refused."""
    try:
        matrix = np.asarray(table)
        if np.iscomplexobj(matrix):
            raise InputError("Complex data not supported; X must hold real numbers")
        matrix = np.asarray(matrix, dtype=np.float64)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(f"X must hold numbers: {', '.join(names)} of each customer") from None
    return matrix[None, :] if matrix.ndim == 1 else matrix


def _check(seen: Purchases, *, discrete: bool) -> None:
    x, t_x, T = seen[:3]
    fix = "count the repeat purchases (all but the first); several in one period are one"
    check_rows(x == np.floor(x), x, name="frequency", rule="be whole", fix=fix)
    check_rows(
        t_x <= T * (1.0 + ROUNDING),
        t_x,
        name="recency",
        rule="be <= age",
        fix="recency is the time of the last purchase since the first one, not the time since the last purchase",
    )
    check_rows(
        (x > 0) | (t_x == 0),
        t_x,
        name="recency",
        rule="be 0 where frequency is 0",
        fix="without a repeat purchase the last purchase is the first",
    )
    if not discrete:
        check_rows(
            (x == 0) | (t_x > 0),
            t_x,
            name="recency",
            rule="be > 0 where frequency is > 0",
            fix="a repeat purchase comes after the first: merge purchases of one period",
        )
        return
    fix = "BG/BB counts whole chances to buy, such as months: age is their number, recency the number of the last used"
    check_rows((t_x == np.floor(t_x)) & (np.floor(T) == T), T, name="age and recency", rule="be whole", fix=fix)
    check_rows((x <= t_x) & ((x > 0) | (t_x == 0)), x, name="frequency", rule="be <= recency", fix=fix)
