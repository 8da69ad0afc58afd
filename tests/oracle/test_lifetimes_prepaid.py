"""Prepaid models against lifetimes, where it is right: its fits of CDNOW, and chances of ordinary customers.

Runs where lifetimes is installed; its data files are the CDNOW customers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from custval.clv import BGNBD, MBGNBD, GammaGamma, ParetoNBD

pytestmark = pytest.mark.oracle
lifetimes = pytest.importorskip("lifetimes")
FITTERS = {
    BGNBD: ("BetaGeoFitter", ("r", "alpha", "a", "b")),
    MBGNBD: ("ModifiedBetaGeoFitter", ("r", "alpha", "a", "b")),
    ParetoNBD: ("ParetoNBDFitter", ("r", "alpha", "s", "beta")),
}


def table(name):
    """Read a file of the package: its own loaders need setuptools."""
    return pd.read_csv(Path(lifetimes.__file__).parent / "datasets" / name)


@pytest.fixture(scope="module")
def cdnow():
    return table("cdnow_customers_summary.csv")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FITTERS)
def test_fits_and_answers(kind, cdnow):
    name, names = FITTERS[kind]
    X = cdnow[["frequency", "recency", "T"]].to_numpy()
    peer = getattr(lifetimes, name)(penalizer_coef=0.0).fit(*X.T)
    ours = kind().fit(X)
    for parameter in names:
        # its search stops early; ours is the maximum
        assert ours.params_[parameter] == pytest.approx(float(peer.params_[parameter]), rel=2e-3)
    same = kind.from_params(**{parameter: float(peer.params_[parameter]) for parameter in names})
    assert ours.log_likelihood_ >= same.log_likelihood(X) - 1e-9
    alive = np.asarray(peer.conditional_probability_alive(*X.T))
    np.testing.assert_allclose(same.probability_alive(X), alive, rtol=1e-6)
    bought = peer.conditional_expected_number_of_purchases_up_to_time(39.0, *X.T)
    np.testing.assert_allclose(same.expected_purchases(X, 39.0), np.asarray(bought), rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_spend():
    spent = table("cdnow_customers_summary_with_transactions.csv")
    spent = spent[spent["x"] > 0]
    peer = lifetimes.GammaGammaFitter().fit(spent["x"], spent["zbar"])
    model = GammaGamma().fit(spent[["x", "zbar"]].to_numpy())
    for parameter, theirs in (("p", "p"), ("q", "q"), ("gamma", "v")):
        assert model.params_[parameter] == pytest.approx(float(peer.params_[theirs]), rel=2e-3)


@pytest.mark.filterwarnings("ignore")
def test_its_faults_are_not_ours():
    """nan for the best customers of a daily base; recency > T accepted; an asymmetric covariance."""
    peer = lifetimes.BetaGeoFitter()
    peer.params_ = {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426}
    best = peer.conditional_probability_alive(np.array([400.0]), np.array([730.0]), np.array([730.0]))
    ours = BGNBD.from_params(**peer.params_).probability_alive([[400, 730, 730]])[0]
    assert 0.99 < ours <= 1.0
    assert not np.isfinite(best[0]) or best[0] == pytest.approx(ours, rel=1e-6)
