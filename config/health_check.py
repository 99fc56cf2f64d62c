"""Whether a process of this machine does its work: ``python -m config.health_check [what]``.

The image's HEALTHCHECK, in the one language that the image has. Of the web server it asks for
/health; of ``duties``, those of a relay or consumer, likewise on METRICS_PORT; of ``beat`` it
looks at the heartbeat; ``grpc`` is asked by its own health service, with TLS only whether it is
there. None of them is to be replaced because database or broker is away.
"""

import json
import sys
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from socket import create_connection
from typing import Any

from config.banner import grpc_address, host
from config.environment import integer, is_set, url
from config.own_servers import own_broker_url

PATIENCE = 3.0  # seconds


def main(what: str = "web") -> None:
    """Ends with a sentence, and not with 0, where something is wrong."""
    checks = {"web": check_web, "duties": check_duties, "beat": check_beat, "grpc": check_grpc}
    if what not in checks:
        raise SystemExit(f"There is no check of {what!r}: name one of {', '.join(checks)}.")
    checks[what]()


def check_web() -> None:
    try:
        status = web_status()
    except (OSError, HTTPException) as error:
        raise SystemExit(f"The web server does not answer: {error}.") from None
    if status != HTTPStatus.OK:
        raise SystemExit(f"The web server answers with status {status}.")


def check_duties() -> None:
    try:
        status, body = _answer(integer("METRICS_PORT"))
    except (OSError, HTTPException) as error:
        raise SystemExit(f"Nobody answers on METRICS_PORT: {error}.") from None
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        names = ", ".join(json.loads(body)["standing_still"])
        raise SystemExit(f"These duties stand still: {names}.")
    if status != HTTPStatus.OK:
        raise SystemExit(f"METRICS_PORT answers with status {status}.")


def check_grpc() -> None:
    address = (host(), integer("GRPC_PORT"))
    try:
        create_connection(address, timeout=PATIENCE).close()
    except OSError as error:
        raise SystemExit(f"Nobody answers on GRPC_PORT: {error}.") from None
    if not is_set("GRPC_TLS_CERT"):
        _check_grpc_health(grpc_address())


def _check_grpc_health(address: str) -> None:
    import grpc  # noqa: PLC0415 - the others need none of it
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415 - likewise

    asked = health_pb2.HealthCheckRequest(service="liveness")
    with grpc.insecure_channel(address) as channel:
        try:
            health_pb2_grpc.HealthStub(channel).Check(asked, timeout=PATIENCE)
        except grpc.RpcError as error:
            raise SystemExit(f"The gRPC server answers {error.code().name}.") from None


def check_beat() -> None:
    from config import heartbeat  # noqa: PLC0415 - the others need no Celery

    if heartbeat.is_late() and _broker_answers():
        raise SystemExit("Beat has sent nothing for a minute.")


def web_status() -> int:
    """The status that the web server gives for /health. Raises OSError or HTTPException."""
    return _answer(integer("PORT"))[0]


def _answer(port: int) -> tuple[int, bytes]:
    with closing(HTTPConnection(host(), port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status, answer.read()


def _broker_answers() -> bool:
    from kombu.connection import Connection  # noqa: PLC0415 - likewise

    address = url("CELERY_BROKER_URL") or url("REDIS_URL") or own_broker_url()
    options = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
    broker: Any = Connection(  # type: ignore[no-untyped-call]  # kombu has no types
        address, connect_timeout=PATIENCE, transport_options=options
    )
    try:
        with broker:
            broker.connect()
    except Exception:  # whatever it says, it is not an answer
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:2])
