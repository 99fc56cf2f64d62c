"""The lookup over gRPC beside the same over HTTP: a server of ours, and a load of its own.

The load is a process with one loop, as for HTTP (``tests.bench.load``), but a real client of gRPC,
which costs more: compare the processor time of the servers. ``python -m tests.bench.rpc`` reads a
JSON description and writes what came of it; ``send`` does both.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

from tests.bench.load import PROJECT, Answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.bench.contenders import Contender
    from tests.bench.rounds import Figures
    from tests.running import RunningServer

METHOD: Final = "/products.v1.ProductsService/GetProduct"
CONNECTIONS: Final = 4
STARTS_WITHIN: Final = 60.0


@contextmanager
def running_rpc(folder: Path, server: RunningServer, ours: Contender) -> Iterator[Contender]:
    """``manage.py grpcserver`` on the database of ours; one process, as many threads as one of
    ours has.
    """
    from tests.bench.contenders import THREADS
    from tests.running import free_port, running_python

    port = free_port()
    own = dict(server.environment) | {"GRPC_PORT": str(port), "GRPC_THREADS": str(THREADS)}
    with running_python(["manage.py", "grpcserver"], own, folder / "grpc.log") as process:
        _wait_for(port)
        yield replace(ours, name="ours, gRPC", port=port, pid=process.pid)


def _wait_for(port: int) -> None:
    import grpc

    with closing(grpc.insecure_channel(f"127.0.0.1:{port}")) as channel:
        grpc.channel_ready_future(channel).result(STARTS_WITHIN)


@dataclass(frozen=True, slots=True)
class AskingByRpc:
    """A server of gRPC is asked for products by so many clients at once."""

    who: Contender
    clients: int
    watched: Mapping[str, int]

    def __call__(self, seconds: float) -> Figures:
        from tests.bench.machine import Watch
        from tests.bench.scenarios import figures_of, refuse_wrong

        watch = Watch({"server": self.who.pid, **self.watched})
        answered = send(self.who, clients=self.clients, seconds=seconds)
        spent = watch.spent()
        refuse_wrong(self.who, answered)
        return figures_of(answered, spent)


def send(who: Contender, *, clients: int, seconds: float) -> Answered:
    """Have a process of its own ask for all products in turn, from so many clients."""
    wanted = {
        "port": who.port,
        "key": who.key,
        "products": who.products,
        "clients": clients,
        "seconds": seconds,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.rpc"],
        cwd=PROJECT,
        input=json.dumps(wanted),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Answered(**json.loads(done.stdout))


async def _loaded(wanted: Mapping[str, Any]) -> Answered:
    import grpc.aio

    found: list[float] = []
    wrong: Counter[str] = Counter()
    asks = cycle(b"\x0a\x24" + pk.encode() for pk in wanted["products"])
    metadata = (("x-api-key", wanted["key"]),)
    began = time.perf_counter()

    async def ask(channel: Any) -> None:
        get = channel.unary_unary(METHOD)
        while (sent_at := time.perf_counter()) < began + wanted["seconds"]:
            asked = next(asks)
            try:
                answer = await get(asked, metadata=metadata, timeout=30)
            except grpc.RpcError as error:
                wrong[error.code().name] += 1
            else:
                if asked[2:] in answer:
                    found.append(time.perf_counter() - sent_at)
                else:
                    wrong["another product"] += 1

    address = f"127.0.0.1:{wanted['port']}"
    alone = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options=alone) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(ask(channels[n % CONNECTIONS]) for n in range(wanted["clients"])))
    took = time.perf_counter() - began
    for channel in channels:
        await channel.close()
    return Answered(
        rate=len(found) / took,
        right={"read": len(found)},
        wrong=dict(wrong),
        example="",
        cpu_seconds=time.process_time(),
        seconds={"read": sorted(found)},
    )


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_loaded(json.load(sys.stdin))))))
