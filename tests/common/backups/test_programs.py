"""Which pg_dump and pg_restore are taken."""

from __future__ import annotations

import pytest

from common.backups import programs
from common.backups.errors import BackupRefused


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Programs of these versions are installed, in this order, and no others."""

    def install(*versions: str) -> list[str]:
        folders = []
        for version in versions:
            folder = tmp_path / version
            folder.mkdir()
            program = folder / "pg_dump"
            program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian)'\n")
            program.chmod(0o755)
            folders.append(str(folder))
        monkeypatch.setenv("PATH", ":".join(folders))
        monkeypatch.setattr(programs, "PACKAGED", ())
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        return folders

    return install


def test_that_of_the_servers_own_version_is_best_and_then_the_next_one(installed):
    installed("15.4", "18.1", "17.6", "16.0")
    assert [one.major for one in programs.fitting("pg_dump", 16)] == [16, 17, 18]


def test_of_two_of_a_version_the_one_that_path_names_first_is_taken(installed):
    first, _second = installed("17.6", "17.4")
    assert str(programs.fitting("pg_dump", 17)[0].path.parent) == first


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (["16.9", "15.2"], "pg_dump 16 is too old for this server: .*postgresql-client-17"),
        ([], "pg_dump is not installed: .*postgresql-client-17"),
    ],
)
def test_where_none_fits_it_says_what_to_install(installed, versions, sentence):
    installed(*versions)
    with pytest.raises(BackupRefused, match=sentence):
        programs.fitting("pg_dump", 17)


def test_what_does_not_start_is_passed_over(installed, tmp_path):
    (folder,) = installed("17.6")
    broken = tmp_path / "17.6" / "pg_restore"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    assert folder
    with pytest.raises(BackupRefused, match="pg_restore is not installed"):
        programs.fitting("pg_restore", 17)


def test_without_any_on_this_machine_the_wheels_are_there():
    (wheel, *_) = programs.fitting("pg_dump", 18)
    assert wheel.major >= 18
