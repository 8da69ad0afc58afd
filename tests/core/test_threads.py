from __future__ import annotations

import sys

import numpy as np
import threadpoolctl

from custval._core.threads import one_thread


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]


def test_inside_blas_has_one_thread_and_outside_what_it_had():
    np.ones((4, 4)) @ np.ones((4, 4))
    before = threads()
    with one_thread():
        assert set(threads()) <= {1}
    assert threads() == before


def test_without_threadpoolctl_nothing_changes(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with one_thread() as limits:
        assert limits is None
