"""``python -m config.embedded keep …``: started by ``config.embedded.running`` alone."""

import sys
from pathlib import Path

from config.embedded.keeper import keep
from config.embedded.running import SERVERS


def main() -> None:
    name, data_dir, durability, lock = sys.argv[1:]
    server = SERVERS[name](Path(data_dir), durable=durability == "durable")
    keep(server, int(lock))


if __name__ == "__main__":
    main()
