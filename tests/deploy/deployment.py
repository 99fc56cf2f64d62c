"""All of docker-compose.yml running on this machine, each service by its own command.

What compose resolves by name is replaced by addresses of this machine; nothing else is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.deploy.composition import composition
from tests.deploy.image import Image, stop
from tests.deploy.servers import Cluster, Nginx, made_up_secrets, redis_server
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

API_KEY = "an-api-key-given-in-the-environment"
START_TIMEOUT = 60.0


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Deployment:
    """Every service of compose; ``settings()`` are what its container would have."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.variables = made_up_secrets() | {"API_KEY": API_KEY, "LOG_LEVEL": "INFO"}
        self.services: dict[str, dict[str, Any]] = composition(self.variables)["services"]
        self.folder = folder
        folder.mkdir()
        self.web_port = free_port()
        self.grpc_port = free_port()
        self.metrics_ports: defaultdict[str, int] = defaultdict(free_port)
        self.image = Image(folder / "image")
        self.cluster = Cluster(self.services["postgres"], folder)
        self.nginx = Nginx(folder / "nginx", self.web_port)
        self.redis_port = 0
        self.broker_url = broker_url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._running = ExitStack()

    @contextmanager
    def running(self) -> Iterator[None]:
        self.image.build()
        with self._running as stack:
            stack.enter_context(self.cluster.running())
            redis = redis_server(self.services["redis"], self.folder)
            self.redis_port = stack.enter_context(redis)
            self.run_to_end("migrate")
            for name in ("web", "grpc", "worker", "beat", "relay", "projector", "consumer"):
                self.start(name)
            stack.enter_context(self.nginx.running())
            self.wait_for_web()
            yield

    def settings(self, name: str) -> dict[str, str]:
        """The service's environment, with addresses of this machine."""
        environment: Mapping[str, str] = self.services[name]["environment"]
        addresses = {
            "@postgres:5432": f"@127.0.0.1:{self.cluster.port}",
            "@redis:6379": f"@127.0.0.1:{self.redis_port}",
        }
        settings = {variable: str(value) for variable, value in environment.items()}
        for variable, value in settings.items():
            for inside, here in addresses.items():
                settings[variable] = settings[variable].replace(inside, here)
            assert value == settings[variable] or variable.endswith("_URL")
        own = {"CELERY_BROKER_URL": self.broker_url, "PORT": str(self.web_port)}
        own["METRICS_PORT"] = str(self.metrics_ports[name])  # here they share a machine
        own["GRPC_PORT"] = str(self.grpc_port)
        return settings | own | {"BIND": "127.0.0.1"}

    def start(self, name: str) -> None:
        command = self.services[name].get("command", self.image.command)
        self.processes[name] = self._running.enter_context(
            self.image.running(command, self.settings(name), self.log(name))
        )

    def stop(self, name: str) -> int:
        return stop(self.processes[name])

    def run_to_end(self, name: str) -> None:
        done = self.image.run(self.services[name]["command"], self.settings(name))
        assert done.returncode == 0, done.stdout + done.stderr

    def check_health(self, name: str) -> subprocess.CompletedProcess[str]:
        """The service's health check, or the image's."""
        given = self.services[name].get("healthcheck", {}).get("test")
        command = ["/bin/sh", "-c", given[1]] if given else self.image.health_command
        return self.image.run(command, self.settings(name))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What the service has logged so far; every line is a JSON object."""
        text = self.log(name).read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_for_web(self) -> None:
        def is_up() -> bool:
            assert self.processes["web"].poll() is None, self.log("web").read_text()
            return self.ask("GET", "/health").status == 200

        wait_until(is_up, START_TIMEOUT)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        port: int = 8000,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Through nginx, as clients of compose do; a body that is no bytes is sent as JSON."""
        sent = {"X-API-Key": API_KEY, "Host": f"localhost:{port}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = HTTPConnection("127.0.0.1", self.nginx.ports[port], timeout=20)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
