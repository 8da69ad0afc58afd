"""A small flat table that has what operators' exports have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest


def small_table(n: int = 600, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    contract = random.choice(["monthly", "yearly"], n, p=[0.6, 0.4])
    fibre = random.random(n) < 0.5
    tv = random.random(n) < np.where(fibre, 0.7, 0.1)
    tenure = random.integers(1, 60, n)
    rate = np.where(contract == "monthly", 0.5, 0.12)
    left = random.random(n) < rate
    return pd.DataFrame(
        {
            "id": [f"c{i}" for i in range(n)],
            "tenure": tenure,
            "contract": contract,
            "fibre": np.where(fibre, "Yes", "No"),
            "tv": np.where(tv, "Yes", np.where(fibre, "No", "No fibre service")),
            "roaming": np.where(random.random(n) < 0.3, "Yes", "No"),
            "fee": np.round(15 + 12 * fibre + 8 * tv + random.normal(0, 2, n), 2),
            "left": np.where(left, "Yes", "No"),
            "why": np.where(left, random.choice(["price", "moved"], n), ""),
        }
    )


@pytest.fixture
def table() -> pd.DataFrame:
    return small_table()


@pytest.fixture(scope="session")
def roles() -> dict[str, Any]:
    return {
        "id": "id",
        "tenure": "tenure",
        "event": "left",
        "left": "Yes",
        "charge": "fee",
        "services": ["fibre", "tv", "roaming"],
        "ignore": ["why"],
    }
