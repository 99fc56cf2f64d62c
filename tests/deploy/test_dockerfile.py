from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.image import PROJECT, copy_context, instructions

DOCKERFILE = PROJECT / "Dockerfile"

COPIED = [value for keyword, value in instructions(DOCKERFILE) if keyword == "COPY"]


@pytest.fixture
def stages():
    """The instructions of each stage, the last one being the image."""
    found = []
    for keyword, value in instructions(DOCKERFILE):
        if keyword == "FROM":
            found.append([])
        found[-1].append((keyword, value))
    return found


def values(stage, wanted):
    return [value for keyword, value in stage if keyword == wanted]


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_stages_start_from_the_same_python(stages):
    (first,) = {
        value.removesuffix(" AS build") for stage in stages for value in values(stage, "FROM")
    }
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", first)


def test_what_is_installed_is_pinned_by_hash_and_never_compiled(stages):
    installs = [run for run in values(stages[0], "RUN") if " install " in run]
    assert len(installs) == 2, "what runs, and the client programs of PostgreSQL"
    for install in installs:
        assert "--require-hashes" in install
        assert "--only-binary :all:" in install


def test_the_image_itself_installs_nothing(stages):
    assert [
        run for run in values(stages[-1], "RUN") if not run.startswith("python -m pip uninstall")
    ] == []


def test_it_runs_as_somebody_who_is_not_root(stages):
    (user,) = values(stages[-1], "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_it_says_what_it_is_and_how_it_is(stages):
    (labels,) = values(stages[-1], "LABEL")
    named = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels))
    assert named >= {"title", "description", "licenses", "version", "revision"}
    assert values(stages[-1], "EXPOSE") == ["8000"]
    assert len(values(stages[-1], "HEALTHCHECK")) == 1


def test_no_secret_stays_in_the_image(stages):
    kept = [value for keyword, value in stages[-1] if keyword in {"ENV", "ARG"}]
    assert not re.search(r"SECRET|PASSWORD|KEY|TOKEN", " ".join(kept))


def test_only_code_is_sent_to_the_build(tmp_path):
    copy_context(tmp_path)
    copied = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    code = {"catalogue", "common", "config", "inventory", "products", "manage.py"}
    named = {value for words in COPIED for value in words.split() if value.endswith(".txt")}
    assert copied == code | named
    assert not list(tmp_path.rglob("__pycache__"))
