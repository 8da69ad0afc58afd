"""Concordance against lifelines' own, and the published protocol with lifelines' own model."""

from __future__ import annotations

import os

import numpy as np
import pytest

if os.environ.get("CUSTVAL_ORACLE") != "1":
    pytest.skip("the oracle session runs this, with lifelines in an environment of its own", allow_module_level=True)

import pandas as pd
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2, load_lung, load_rossi
from lifelines.utils import concordance_index
from tests.metrics.telco import MONTHS, figures, read_telco

from custval.metrics import concordance

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]

DATA = {
    "rossi": lambda: load_rossi()[["week", "arrest", "prio"]],
    "lung": lambda: load_lung()[["time", "status", "age"]].dropna().astype(float),
    "gbsg2": lambda: load_gbsg2()[["time", "cens", "pnodes"]],
}


@pytest.mark.parametrize("name", DATA)
def test_concordance(name):
    duration, event, risk = DATA[name]().to_numpy(dtype=float).T
    theirs = concordance_index(duration, -risk, event)
    assert concordance((duration, event), risk).value == pytest.approx(theirs, rel=1e-12)


def test_the_protocol_with_lifelines_cox(shared):
    def forecast(X, y, new):
        seen = pd.DataFrame(X).assign(T=y["duration"], E=y["event"])
        fitter = CoxPHFitter(penalizer=1e-4).fit(seen, "T", "E")
        return fitter.predict_survival_function(pd.DataFrame(new), times=MONTHS).to_numpy().T

    found = figures(read_telco(shared), forecast, repeats=[0]).mean(axis=0)
    # over all 25 folds: .8647 .8622 .8904 .9042 .9264 .9530 .0826, as published
    expected = [0.8652839, 0.86289918, 0.89042244, 0.90425427, 0.92666034, 0.95368976, 0.08245858]
    assert found == pytest.approx(expected, abs=1e-6)
    assert np.isfinite(found).all()
