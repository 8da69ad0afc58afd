"""The base of every estimator: parameters, repr, scikit-learn's tags and routing, and JSON state.

It does what ``sklearn.base.BaseEstimator`` promises without importing scikit-learn, so that a saved model can be
loaded and asked where only NumPy is installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from custval._core.errors import InputError, not_fitted
from custval._core.validation import nearest

__all__ = ("Estimator",)


class Requests(dict[str, bool | str | None]):
    """What an estimator asks of metadata routing, which scikit-learn clones with the estimator."""

    def __sklearn_clone__(self) -> Requests:
        """Return a copy."""
        return Requests(self)


class Estimator:
    """Keyword-only parameters that the constructor only stores; fitted names end in an underscore."""

    _estimator_type: ClassVar[str] = "regressor"
    _positive_only: ClassVar[bool] = True
    _poor_score: ClassVar[bool] = False
    _fit_metadata: ClassVar[tuple[str, ...]] = ("sample_weight",)

    @classmethod
    def _parameter_names(cls) -> list[str]:
        signature = inspect.signature(cls.__init__)
        return sorted(name for name, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters; with `deep`, those of nested estimators too."""
        params: dict[str, Any] = {}
        for name in self._parameter_names():
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                params.update((f"{name}__{key}", item) for key, item in value.get_params().items())
            params[name] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters (nested ones as ``part__name``) and return self."""
        names = self._parameter_names()
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in names:
                kind = type(self).__name__
                raise InputError(f"Invalid parameter {name!r} for {kind}{nearest(name, names)}; it has {names}")
            if rest:
                getattr(self, name).set_params(**{rest: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Return the call that makes this estimator, with the parameters that differ from their defaults."""
        defaults = inspect.signature(type(self).__init__).parameters
        given = [(name, getattr(self, name)) for name in self._parameter_names()]
        shown = [f"{name}={value!r}" for name, value in given if repr(value) != repr(defaults[name].default)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether ``fit`` has been called."""
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; scikit-learn is imported here and nowhere else in this class."""
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        regressor = RegressorTags(poor_score=self._poor_score) if self._estimator_type == "regressor" else None
        return Tags(
            estimator_type=self._estimator_type if regressor else None,
            target_tags=TargetTags(required=regressor is not None, positive_only=self._positive_only),
            regressor_tags=regressor,
            input_tags=InputTags(categorical=False, string=False, allow_nan=False),
        )

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Ask scikit-learn's metadata routing to hand `sample_weight`, `strata` or `cluster` to ``fit``."""
        unknown = set(requests) - set(self._fit_metadata)
        if unknown:
            raise TypeError(f"Unexpected args: {unknown}; fit takes {set(self._fit_metadata)}")
        self._metadata_request = Requests({**getattr(self, "_metadata_request", {}), **requests})
        return self

    def get_metadata_routing(self) -> Any:
        """Return what ``fit`` asks of scikit-learn's metadata routing."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=type(self).__name__)
        asked = getattr(self, "_metadata_request", {})
        for name in self._fit_metadata:
            request.fit.add_request(param=name, alias=asked.get(name))
        return request

    def _remember_columns(self, names: Sequence[str], *, named: bool) -> None:
        """Keep how many columns X had, and their names where it was a frame, as scikit-learn wants it."""
        self.n_features_in_ = len(names)
        if named:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def get_state(self) -> dict[str, Any]:
        """Return parameters and fitted values; training data are never among them."""
        fitted = {k: v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("_")}
        return {"params": self.get_params(deep=False), "fitted": fitted}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the estimator that :meth:`get_state` described."""
        model = cls(**state["params"])
        strange = [name for name in state["fitted"] if not name.endswith("_") or name.startswith("_")]
        if strange:
            raise InputError(f"{strange[0]!r} is not a fitted value of {cls.__name__}; its state is damaged")
        vars(model).update(state["fitted"])
        return model
