"""Run all of Stockroom on one machine: ``python -m config.supervisor``, or `make run`.

Starts what it needs, starts again what dies, and on Ctrl-C or SIGTERM stops everything that it
started. A developer's tool: in production each process has a container of its own.
"""

import errno
import os
import shutil
import signal
import socket
import sys
import time
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING

from common.observability import sharing
from config import environment
from config.banner import banner, host
from config.children import Child, run_to_end, stop_all
from config.environment import DATA_DIR, SettingError, integer, is_set, text, url
from config.health_check import web_status
from config.lifeline import follow
from config.locks import open_lock, try_lock
from config.own_servers import own_servers
from config.signals import Signals

if TYPE_CHECKING:
    from config.embedded import Servers

CHECK_EVERY = 1.0  # seconds between looks at the embedded servers
CHECK_START_EVERY = 0.1
GRPC_PATIENCE = 15.0  # seconds for which its port is waited for before the rest is announced
ROOT_IS_FINE = "ignore:You're running the worker with superuser privileges"


def main() -> None:
    if "MAKELEVEL" in os.environ:  # a make that is killed cannot pass the signal on
        follow(os.getppid(), signal.SIGTERM)
    os.environ.setdefault("DEVELOPMENT", "1")
    if environment.development():
        os.environ.setdefault("WEBHOOK_ALLOW_PRIVATE", "1")  # a sink on this machine is fine
    environment.check()
    os.environ["WEB_CONCURRENCY"] = str(integer("WEB_CONCURRENCY"))  # it may be empty
    _claim_data_dir()
    _refuse_taken_port("PORT")
    _settle_grpc_port()
    _count_together()
    with Signals() as signals:
        say("Stockroom is starting ...")
        with own_servers() as servers:
            if _prepare(signals):
                _supervise(servers, signals)
        say("Stockroom has stopped.")


def say(line: str) -> None:
    print(line, flush=True)


def _claim_data_dir() -> None:
    """One supervisor for one data directory: the schedule in it has one reader."""
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        lock = open_lock(DATA_DIR / "supervisor.lock")  # kept open until the process ends
    except OSError as error:
        raise SettingError(f"DATA_DIR {DATA_DIR} cannot be used: {error.strerror}.") from None
    if not try_lock(lock):
        raise SettingError(
            f"DATA_DIR {DATA_DIR} is in use by a running Stockroom: stop that one, "
            "or give this one another DATA_DIR."
        )


def _refuse_taken_port(name: str) -> None:
    bind, port = text("BIND"), integer(name)
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        socket.create_server((bind, port), family=family).close()
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = os.strerror(error.errno)
            raise SettingError(f"{name} {port} cannot be opened: {reason}.") from None
        raise SettingError(f"BIND {bind!r} is not an address of this machine.") from None


def _settle_grpc_port() -> None:
    """Who names no port for gRPC may have another Stockroom on the usual one; then go without."""
    port = integer("GRPC_PORT")
    if port == integer("PORT"):
        raise SettingError("GRPC_PORT and PORT are the same: name another one.")
    try:
        _refuse_taken_port("GRPC_PORT")  # 0, for none, is always free
    except SettingError as taken:
        if is_set("GRPC_PORT"):
            raise
        say(f"{taken} Going on without gRPC; GRPC_PORT names another port.")
        os.environ["GRPC_PORT"] = "0"


def _count_together() -> None:
    """The web server's /metrics tells of all children; so the others need no port of their own.

    We take part, so that their counts stay even when all of them die at once.
    """
    folder = DATA_DIR / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    os.environ["METRICS_PORT"] = "0"
    sharing.begin()


def _prepare(signals: Signals) -> bool:
    """Migrate and fill the database. False when we were asked to stop meanwhile."""
    code = run_to_end(Child("prepare", "-m", "config.prepare"), signals)
    if code and not signals.stops:
        sys.exit(code)  # it has said what is wrong
    return not signals.stops


def _children() -> list[Child]:
    """In the order in which they stop: first the one that takes in new work."""
    level = f"--loglevel={text('LOG_LEVEL')}"
    celery = ("-W", ROOT_IS_FINE, "-m", "celery", "--quiet", "--app=config")
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    schedule = f"--schedule={DATA_DIR / 'celerybeat-schedule'}"
    children = [
        Child("web", "-m", "gunicorn", "--config=config/gunicorn.py", "config.wsgi"),
        Child("beat", *celery, "beat", level, schedule),
        Child("worker", *celery, "worker", level, "--concurrency=3", *alone),
        Child("relay", "manage.py", "relay"),
        Child("projector", "manage.py", "projector"),
    ]
    if integer("GRPC_PORT"):
        children.insert(1, Child("grpc", "manage.py", "grpcserver"))
    if _has_rabbitmq():
        children.insert(1, Child("consumer", "manage.py", "consume"))
    return children


def _has_rabbitmq() -> bool:
    """Whether there is a place from which other systems' messages come."""
    return is_set("EVENTS_BROKER_URL") or url("CELERY_BROKER_URL").startswith("amqp")


def _supervise(servers: "Servers | None", signals: Signals) -> None:
    children = _children()
    try:
        for child in children:
            child.start()
        _watch(children, servers, signals)
    finally:
        stop_all(children, signals)


def _watch(children: list[Child], servers: "Servers | None", signals: Signals) -> None:
    """Until we are asked to stop: start again what died, and say once that all is ready."""
    announced = False
    check_servers_at = time.monotonic()
    announce_without_grpc_at = time.monotonic() + GRPC_PATIENCE
    while not signals.stops:
        for child in children:
            child.keep_alive(say)
        if servers and time.monotonic() >= check_servers_at:
            check_servers_at = time.monotonic() + CHECK_EVERY
            for name in servers.revive():
                say(f"{name} ended; starting it again")
        without_grpc = time.monotonic() >= announce_without_grpc_at
        if not announced and _web_answers() and (without_grpc or _grpc_listens()):
            announced = True
            say(banner())
        signals.wait(CHECK_EVERY if announced else CHECK_START_EVERY)


def _web_answers() -> bool:
    try:
        return web_status() < HTTPStatus.INTERNAL_SERVER_ERROR  # the application's own answer
    except (OSError, HTTPException):
        return False


def _grpc_listens() -> bool:
    port = integer("GRPC_PORT")
    try:
        if port:
            socket.create_connection((host(), port), timeout=1.0).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
