"""Whether the web server of this machine answers: ``python -m config.health_check``.

The image's HEALTHCHECK, in the one language that the image has. It asks for /health, which
touches no dependency: a container is not to be replaced because the database is away.
"""

from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from config.banner import host
from config.environment import integer

PATIENCE = 3.0  # seconds


def main() -> None:
    try:
        status = web_status()
    except (OSError, HTTPException) as error:
        raise SystemExit(f"The web server does not answer: {error}.") from None
    if status != HTTPStatus.OK:
        raise SystemExit(f"The web server answers with status {status}.")


def web_status() -> int:
    """The status that the web server gives for /health. Raises OSError or HTTPException."""
    with closing(HTTPConnection(host(), integer("PORT"), timeout=PATIENCE)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


if __name__ == "__main__":
    main()
