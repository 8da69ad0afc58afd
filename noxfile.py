"""Sessions of the safety net: ``nox -s tests oldest oracle spark lint types docs wheel``.

Sessions that need no particular Python run on the one that runs nox. An interpreter that is named and missing is
an error: a session that did not run must never look like one that passed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "oldest", "oracle", "spark", "lint", "types", "docs", "wheel"]
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
PARALLEL = ("--numprocesses", "2", "--dist", "worksteal")
# Extras that every environment of the tests holds; floors of the others are not tested together with these.
TESTED_EXTRAS = ("cdr", "polars", "plots")
THIS_PYTHON = sys.executable  # by its path: a session that names none takes whatever python stands on the path
# The lowest supported numpy, scipy, pandas and pyarrow were built for these and for none newer.
PYTHONS_OF_THE_FLOORS = ("3.11", "3.12")


def runs(command: str) -> bool:
    """Tell whether an interpreter runs: a name on the path is not enough, version managers leave stubs that fail."""
    if shutil.which(command) is None:
        return False
    asked = subprocess.run([command, "-c", "import venv"], capture_output=True, check=False)  # noqa: S603 - own names
    return asked.returncode == 0


def python_of_the_floors() -> str:
    """Return the Python of the oldest environment: this one if it will do, else one of the path, else this one."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" in PYTHONS_OF_THE_FLOORS:
        return THIS_PYTHON
    return next((version for version in PYTHONS_OF_THE_FLOORS if runs(f"python{version}")), THIS_PYTHON)


def project() -> dict:
    """Return pyproject.toml: the one place where versions are written."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group (plain lists only), for any backend."""
    return list(project()["dependency-groups"][name])


def floors() -> list[str]:
    """Return ``package==lowest`` for each direct requirement: what the oldest supported environment holds."""
    tables = project()["project"]
    wanted = [*tables["dependencies"], *(r for extra in TESTED_EXTRAS for r in tables["optional-dependencies"][extra])]
    wanted += group("test")
    return [re.sub(r"\s*>=\s*", "==", requirement) for requirement in wanted if ">=" in requirement]


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run all tests with the newest versions of everything."""
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", *PARALLEL, "--cov", "--cov-report=term:skip-covered", *session.posargs, env=ONE_THREAD)


@nox.session(python=python_of_the_floors())
def oldest(session: nox.Session) -> None:
    """Run all tests with the lowest supported version of each direct requirement."""
    version = str(session.run("python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])", silent=True)).strip()
    if version not in PYTHONS_OF_THE_FLOORS:
        session.skip(f"not run here: the lowest versions need Python 3.11 or 3.12, and only {version} was found")
    constraints = Path(session.create_tmp()) / "floors.txt"
    constraints.write_text("\n".join(floors()) + "\n", encoding="utf-8")
    session.install("-e", ".[all]", *group("test"), "--constraint", str(constraints))
    session.run("pytest", *PARALLEL, *session.posargs, env=ONE_THREAD)


@nox.session(python=THIS_PYTHON)
def oracle(session: nox.Session) -> None:
    """Compare with lifelines, which needs pandas < 3, and lifetimes, in an environment of their own."""
    session.install("-e", ".[all]", *group("test"), "lifelines==0.30.3", "lifetimes==0.11.3", "pandas<3")
    session.run("pytest", "tests/oracle", "-m", "oracle", *session.posargs, env={**ONE_THREAD, "CUSTVAL_ORACLE": "1"})


@nox.session(python=THIS_PYTHON)
def spark(session: nox.Session) -> None:
    """Hold every feature on Spark against pandas; skipped, with the reason, where there is no Java."""
    if shutil.which("java") is None:
        session.skip("not run here: Spark needs Java 17, and no java was found")
    session.install("-e", ".[all,spark]", *group("test"))
    session.run("pytest", "tests/spark", *session.posargs, env={**ONE_THREAD, "CUSTVAL_SPARK": "1"})


@nox.session(python=THIS_PYTHON)
def lint(session: nox.Session) -> None:
    """Check style, format and the docstrings of public names."""
    session.install("-e", ".[all]", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "docs/check_docstrings.py")


@nox.session(python=THIS_PYTHON)
def types(session: nox.Session) -> None:
    """Check the types of the library, and that a consumer's mistakes are found."""
    session.install("-e", ".[all]", *group("types"), *group("test"))
    session.run("mypy")
    session.run("pyright")
    session.run("pytest", "tests/contract/test_typing.py", env={"CUSTVAL_REQUIRE_MYPY": "1"})


@nox.session(python=THIS_PYTHON)
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning fails."""
    session.install("-e", ".[all]", *group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html", env=ONE_THREAD)


@nox.session(python=THIS_PYTHON)
def wheel(session: nox.Session) -> None:
    """Build, install into a clean environment, and run the README and a small demo outside the checkout."""
    session.install("build", "virtualenv")
    folder = Path(session.create_tmp()).resolve()
    for old in [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]:
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(folder), str(ROOT))
    built = check_wheel(session, folder)
    clean = folder / "clean"
    session.run("virtualenv", "--clear", "--quiet", str(clean))
    python = str(clean / ("Scripts" if (clean / "Scripts").is_dir() else "bin") / "python")
    session.run(python, "-m", "pip", "install", "--quiet", f"custval[all] @ {built.as_uri()}", external=True)
    outside = folder / "outside"
    outside.mkdir(exist_ok=True)
    session.chdir(outside)
    session.run(python, "-c", "import custval; assert 'site-packages' in custval.__file__", external=True)
    session.run(python, str(ROOT / "tests/snippets.py"), str(ROOT / "README.md"), env=ONE_THREAD, external=True)
    small = ("--subscribers", "2000", "--months", "6", "--out", "out")
    session.run(python, "-m", "custval", "demo", *small, env=ONE_THREAD, external=True)


def check_wheel(session: nox.Session, folder: Path) -> Path:
    """Return the one wheel in `folder`, after checking that it is pure and holds the package and nothing else."""
    built = list(folder.glob("*.whl"))
    if len(built) != 1 or not built[0].name.endswith("-py3-none-any.whl"):
        session.error(f"expected one py3-none-any wheel, found {[path.name for path in built]}")
    names = zipfile.ZipFile(built[0]).namelist()
    strange = [
        name
        for name in names
        if not re.match(r"custval/.*\.(py|css)$|custval/py\.typed$|custval-[^/]*\.dist-info/", name)
    ]
    if strange or "custval/py.typed" not in names:
        session.error(f"the wheel must hold the package and nothing else, but has {strange or 'no py.typed'}")
    session.log("%s holds %d files", built[0].name, len(names))
    return built[0]
