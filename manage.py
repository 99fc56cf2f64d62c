#!/usr/bin/env python
"""Django's command line, together with the servers that its commands talk to.

Works alone and beside a running `make run` with the same DATA_DIR: both share the servers.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from django.core.management import execute_from_command_line

from config.own_servers import own_servers

NEED_NO_SERVERS = {"collectstatic", "help", "version", "--help", "--version", "-h"}


def servers_for(arguments: list[str]) -> AbstractContextManager[object]:
    """Images are built, and help is read, where no server can run."""
    if not arguments or arguments[0] in NEED_NO_SERVERS or "--help" in arguments:
        return nullcontext()
    return own_servers()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with servers_for(sys.argv[1:]):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
