"""What a value may be computed from: curves that never rise, causes that add up, money of the right shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._core.errors import InputError, warn
from custval._core.typing import ArrayLike, BoolArray, FloatArray
from custval._core.validation import check_length, check_rows, check_scalar, float_array

__all__ = (
    "check_curve",
    "check_incidence",
    "check_months",
    "each_customer",
    "exit_losses",
    "growth_array",
    "number_array",
    "one_currency",
    "plain",
    "spread",
)

ROUNDING = 1e-9  # what sums of probabilities may be off by
MISMATCH = 1e-6  # what 1 - survival and the sum of the incidences may differ by


def check_curve(survival: ArrayLike) -> FloatArray:
    """Return a survival matrix (n, H): numbers within [0, 1] that never rise from one month to the next."""
    curve = _array(survival, "survival", 2, "one row for each customer, one column for each month ahead")
    if curve.shape[1] == 0:
        raise InputError("survival has no month (shape[1] = 0); the horizon must be at least 1")
    # ends and steps together imply the range, and nan fails every comparison: one pass where all is well
    if (curve[:, 1:] <= curve[:, :-1]).all() and (curve[:, 0] <= 1.0).all() and (curve[:, -1] >= 0.0).all():
        return curve
    _refuse(np.isfinite(curve), curve, "survival", "be finite (no NaN, no infinity)", "fill or drop such rows")
    inside = (curve >= -ROUNDING) & (curve <= 1.0 + ROUNDING)
    _refuse(inside, curve, "survival", "lie within [0, 1]", "give S(t), not percentages or hazards")
    falling = np.diff(curve, axis=1, prepend=1.0 + ROUNDING) <= ROUNDING
    _refuse(falling, curve, "survival", "never rise from one month to the next", "columns must be months in order")
    return curve


def check_incidence(incidence: ArrayLike, curve: FloatArray) -> FloatArray:
    """Return incidences (n, K, H) that never fall and whose sum over the causes is 1 - survival."""
    left = _array(incidence, "incidence", 3, "customers, causes, months")
    if (left.shape[0], left.shape[2]) != curve.shape:
        raise InputError(
            f"incidence has shape {left.shape} but survival has {curve.shape}: they must be (n, K, H) and (n, H)"
        )
    flat = left.reshape(len(left), -1)
    _refuse(np.isfinite(flat), flat, "incidence", "be finite (no NaN, no infinity)", "fill or drop such rows")
    rising = np.diff(left, axis=2, prepend=0.0).reshape(len(left), -1) >= -ROUNDING
    _refuse(rising, flat, "incidence", "start at >= 0 and never fall", "give cumulative incidences, months in order")
    total = left.sum(axis=1)
    fix = "take both from one model; separate fits for each cause need not sum to one"
    _refuse(np.abs(total + curve - 1.0) <= MISMATCH, total, "incidence", "sum over causes to 1 - survival", fix)
    return left


def check_months(horizon: Any) -> int:
    """Return `horizon` as a whole number of months >= 1, or refuse it."""
    months = check_scalar(horizon, "horizon", low=1.0)
    if not months.is_integer():
        raise InputError(f"horizon must be a whole number of months >= 1, not {horizon!r}")
    return int(months)


def spread(money: ArrayLike, n: int, horizon: int, name: str) -> FloatArray:
    """Return money per month in two dimensions, (n|1, 1|H), so that it multiplies an (n, H) matrix."""
    array = _finite_money(money, name)
    if array.ndim == 0:
        return array.reshape(1, 1)
    if array.ndim == 1:
        return _vector(array, n, horizon, name)
    if array.ndim == 2 and array.shape[0] in (1, n) and array.shape[1] in (1, horizon):
        return array
    raise InputError(
        f"{name} has shape {array.shape} but there are {n} customers and {horizon} months; it must be a number, "
        f"({n},), ({horizon},) or ({n}, {horizon})"
    )


def growth_array(monthly_growth: ArrayLike, n: int) -> FloatArray:
    """Return growth rates per month > -1 as an array of length 1 or n."""
    growth = np.atleast_1d(number_array(monthly_growth, "monthly_growth", low=-1.0, low_open=True))
    if growth.ndim != 1 or len(growth) not in (1, n):
        raise InputError(f"monthly_growth has shape {growth.shape} but there are {n} customers; give one, or one each")
    return growth


def each_customer(values: ArrayLike, name: str, n: int, **limits: Any) -> FloatArray:
    """Return a number, or one for each customer, within `limits`, shape (1,) or (n,)."""
    array = np.atleast_1d(number_array(values, name, **limits))
    if array.ndim != 1:
        raise InputError(f"{name} must be a number or have one value for each customer, not shape {array.shape}")
    if np.ndim(values):
        check_length(array, n, name=name)
    return array


def number_array(
    values: ArrayLike, name: str, *, low: float = -np.inf, high: float = np.inf, **rest: Any
) -> FloatArray:
    """Return a number or an array of any shape as float64 of that shape, inside its legal range."""
    shape = np.shape(values)
    return float_array(np.ravel(np.asarray(values)), name, low=low, high=high, **rest).reshape(shape)


def one_currency(currency: Any) -> str | None:
    """Return the name of the money unit, or refuse a column with more than one."""
    if currency is None or isinstance(currency, str):
        return currency
    names = sorted({str(name) for name in np.asarray(currency, dtype=object).ravel()})
    if len(names) != 1:
        shown = ", ".join(names[:4])
        raise InputError(f"money is in {len(names)} currencies ({shown}); convert it to one before it is added up")
    return names[0]


def plain(array: FloatArray) -> FloatArray | float:
    """Return an array without dimensions as a float, any other as it is."""
    return float(array) if np.ndim(array) == 0 else np.asarray(array)


def exit_losses(losses: ArrayLike, n: int, causes: int, horizon: int) -> FloatArray:
    """Return losses at exit as (n|1, K, 1|H) from a number, (K,), (n, K) or (n, K, H)."""
    array = _finite_money(losses, "loss_at_exit")
    shaped = {0: (1, 1, 1), 1: (1, -1, 1), 2: (*array.shape, 1), 3: array.shape}.get(array.ndim, (0,))
    wide = array.reshape(shaped) if len(shaped) == 3 else array
    if wide.ndim != 3 or wide.shape[0] not in (1, n) or wide.shape[2] not in (1, horizon):
        raise _wrong_losses(array, n, causes, horizon)
    if wide.shape[1] != causes and array.ndim:
        raise _wrong_losses(array, n, causes, horizon)
    return np.broadcast_to(wide, (wide.shape[0], causes, wide.shape[2]))


def _wrong_losses(array: FloatArray, n: int, causes: int, horizon: int) -> InputError:
    return InputError(
        f"loss_at_exit has shape {array.shape} but there are {n} customers, {causes} cause(s) and {horizon} months; it "
        f"must be a number, ({causes},), ({n}, {causes}) or ({n}, {causes}, {horizon})"
    )


def _vector(array: FloatArray, n: int, horizon: int, name: str) -> FloatArray:
    if len(array) == n:
        if n == horizon > 1 and np.ptp(array) > 0:
            warn(
                f"{name} has {n} values, and there are {n} customers and {horizon} months: read as one for each "
                f"customer; give shape ({n}, 1) or (1, {horizon}) to leave no doubt"
            )
        return array[:, None]
    if len(array) == horizon:
        return array[None, :]
    raise InputError(
        f"{name} has {len(array)} values but there are {n} customers and {horizon} months; give one number, one for "
        "each customer or one for each month"
    )


def _finite_money(money: Any, name: str) -> FloatArray:
    try:
        array = np.asarray(money, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers") from None
    if not np.isfinite(array).all():
        rows = np.isfinite(array.reshape(array.shape[0], -1)).all(axis=1) if array.ndim else np.zeros(1, dtype=bool)
        shown = array if array.ndim == 1 else np.where(rows, 0.0, np.nan)
        check_rows(rows, shown, name=name, rule="be finite (no NaN, no infinity)", fix="fill or drop such rows")
    return array


def _array(values: ArrayLike, name: str, ndim: int, meaning: str) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers") from None
    if array.ndim != ndim:
        raise InputError(f"{name} must have {ndim} dimensions ({meaning}) but has shape {array.shape}")
    return array


def _refuse(ok: BoolArray, matrix: FloatArray, name: str, rule: str, fix: str) -> None:
    """Refuse the rows of a matrix where a cell is not `ok`, showing the first such cell of the first such row."""
    rows = ok.all(axis=1)
    if not rows.all():
        check_rows(rows, matrix[np.arange(len(matrix)), (~ok).argmax(axis=1)], name=name, rule=rule, fix=fix)
