"""Errors and warnings: their kin, their words, and where a warning points."""

from __future__ import annotations

import builtins
import sys
import warnings

import pytest

import custval
from custval._core.errors import (
    ConvergenceWarning,
    CustvalError,
    DataWarning,
    InputError,
    MissingExtraError,
    NotFittedError,
    import_extra,
    not_fitted,
    warn,
)


def test_every_error_is_of_the_family_and_of_a_builtin_kind() -> None:
    assert issubclass(InputError, CustvalError)
    assert issubclass(InputError, ValueError)
    assert issubclass(NotFittedError, AttributeError)
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(DataWarning, UserWarning)
    assert issubclass(ConvergenceWarning, UserWarning)


def test_the_package_shows_the_errors_under_the_name_they_print() -> None:
    assert custval.InputError is InputError
    assert f"{InputError.__module__}.{InputError.__name__}" == "custval.InputError"
    assert "InputError" in dir(custval)


def test_an_unknown_attribute_of_the_package_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'custval' has no attribute 'surviva'"):
        _ = custval.surviva


class Model:
    pass


def test_not_fitted_names_the_model_and_the_way_out() -> None:
    assert str(not_fitted(Model())) == "this Model is not fitted yet; call fit(X, y) first"


def test_not_fitted_is_scikit_learns_error_too_where_that_is_loaded() -> None:
    from sklearn.exceptions import NotFittedError as Theirs

    error = not_fitted(Model())
    assert isinstance(error, Theirs)
    assert isinstance(error, NotFittedError)


def test_not_fitted_works_where_scikit_learn_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sklearn.exceptions", raising=False)
    assert type(not_fitted(Model())) is NotFittedError


def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_engine is needed here.*pip install 'custval\[cdr\]'"):
        import_extra("no_such_engine", "cdr")
    assert import_extra("builtins", "cdr") is builtins


def test_a_warning_points_at_the_line_of_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("something was repaired")
    (one,) = caught
    assert one.category is DataWarning
    assert one.filename == __file__


def test_a_warning_from_inside_the_library_points_outside_it() -> None:
    inside = {"__name__": "custval._clv.somewhere", "warn": warn}
    exec("def deep():\n    warn('odd')\ndef shallow():\n    deep()", inside)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside["shallow"]()
    assert caught[0].filename == __file__
