"""What an installer sees: the version, the licence, the extras, and that type checkers are told."""

from __future__ import annotations

import importlib
import re
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path

import custval

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_installed_version_is_that_of_the_source() -> None:
    assert version("custval") == custval.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", custval.__version__)


def test_type_checkers_are_told() -> None:
    assert (Path(custval.__file__).parent / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_the_licence_is_mit() -> None:
    assert PROJECT["license"] == "MIT"
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_extras() -> None:
    assert set(metadata("custval").get_all("Provides-Extra") or []) == {
        "all",
        "cdr",
        "fast",
        "lifelines",
        "plots",
        "polars",
        "spark",
    }
    everything = " ".join(PROJECT["optional-dependencies"]["all"])
    assert "lifelines" not in everything, "lifelines pins pandas < 3"
    assert "spark" not in everything


def test_an_error_about_a_missing_extra_names_an_extra_that_exists() -> None:
    named = set()
    for path in (ROOT / "src").rglob("*.py"):
        named |= set(re.findall(r"import_extra\(\s*\"[\w.]+\",\s*\"(\w+)\"", path.read_text(encoding="utf-8")))
    assert named <= set(PROJECT["optional-dependencies"])


def test_every_requirement_has_a_tested_floor_and_no_ceiling() -> None:
    optional = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(r for name, group in optional.items() if name != "all" for r in group)]
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", requirement) for requirement in wanted), wanted


def test_required_packages_are_few() -> None:
    names = {re.split(r"[>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert names == {"numpy", "scipy", "pandas", "scikit-learn", "narwhals", "tqdm", "threadpoolctl"}


def test_the_files_that_a_release_needs_exist() -> None:
    wanted = ("README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md", "Makefile", "noxfile.py")
    assert not [name for name in wanted if len((ROOT / name).read_text(encoding="utf-8")) < 200]


def test_the_changelog_knows_the_version_or_says_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{custval.__version__}]" in text


def test_every_public_name_stands_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    doors = [importlib.import_module(f"custval.{name}") for name in custval.__all__ if name.islower()]
    names = {f"{door.__name__}.{name}": name for door in doors for name in door.__all__}
    names |= {f"custval.{name}": name for name in custval.__all__ if not name.startswith("_")}
    missing = sorted(path for path, name in names.items() if name not in told)
    assert not missing, f"write in CHANGELOG.md, between backticks, what is new: {', '.join(missing)}"
