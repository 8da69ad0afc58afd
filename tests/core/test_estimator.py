"""The estimator base keeps scikit-learn's promises without being scikit-learn's."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar, Self

import numpy as np
import pytest

from custval._core.errors import InputError, NotFittedError
from custval._core.estimator import Estimator


class Mean(Estimator):
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight", "strata")

    def __init__(self, *, shrink: float = 0.0, inner: Any = None) -> None:
        self.shrink = shrink
        self.inner = inner

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> Self:
        self.mean_ = float(np.average(y, weights=sample_weight)) * (1.0 - self.shrink)
        return self

    def predict(self, X: Any) -> Any:
        self._check_fitted()
        return np.full(len(X), self.mean_)


def test_parameters_are_those_of_the_constructor() -> None:
    assert Mean(shrink=0.5).get_params() == {"shrink": 0.5, "inner": None}
    nested = Mean(inner=Mean(shrink=0.2))
    assert nested.get_params()["inner__shrink"] == 0.2
    assert "inner__shrink" not in nested.get_params(deep=False)


def test_set_params_sets_nested_ones_and_suggests_the_nearest_name() -> None:
    model = Mean(inner=Mean())
    assert model.set_params(shrink=0.1, inner__shrink=0.3) is model
    assert (model.shrink, model.inner.shrink) == (0.1, 0.3)
    with pytest.raises(InputError, match=r"Invalid parameter 'shrnk' for Mean \(did you mean 'shrink'\?\)"):
        model.set_params(shrnk=1)


def test_repr_shows_what_differs_from_the_defaults() -> None:
    assert repr(Mean()) == "Mean()"
    assert repr(Mean(shrink=0.5, inner=Mean())) == "Mean(inner=Mean(), shrink=0.5)"


def test_before_fit_a_question_is_answered_with_the_way_out() -> None:
    with pytest.raises(NotFittedError, match="this Mean is not fitted yet"):
        Mean().predict([1])


def test_scikit_learn_can_clone_tag_and_search() -> None:
    from sklearn.base import clone, is_regressor
    from sklearn.model_selection import GridSearchCV

    model = Mean(shrink=0.5)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert is_regressor(model)
    assert model.__sklearn_tags__().target_tags.positive_only
    X, y = np.zeros((20, 1)), np.arange(1.0, 21.0)
    search = GridSearchCV(Mean(), {"shrink": [0.0, 0.9]}, scoring="neg_mean_squared_error", cv=2).fit(X, y)
    assert search.best_params_ == {"shrink": 0.0}


def test_metadata_routing_asks_for_what_fit_takes() -> None:
    from sklearn.base import clone

    model = clone(Mean().set_fit_request(sample_weight=True))
    assert model.get_metadata_routing().fit.requests == {"sample_weight": True, "strata": None}
    with pytest.raises(TypeError, match="Unexpected args"):
        model.set_fit_request(weights=True)


def test_state_holds_parameters_and_fitted_values_only() -> None:
    model = Mean(shrink=0.5).fit([[0]], [2.0])
    model._scratch = [1, 2, 3]
    state = model.get_state()
    assert state == {"params": {"shrink": 0.5, "inner": None}, "fitted": {"mean_": 1.0}}
    assert Mean.from_state(state).predict([[0], [1]]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["predict", "__class__", "_private_", "shrink"])
def test_state_cannot_replace_what_is_not_a_fitted_value(name: str) -> None:
    with pytest.raises(InputError, match="is not a fitted value of Mean"):
        Mean.from_state({"params": {}, "fitted": {name: 1}})


def test_the_base_does_not_import_scikit_learn() -> None:
    code = "import sys; from custval._core.estimator import Estimator; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
