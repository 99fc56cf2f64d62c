"""The application with a planted mistake, named by PLANT: the trial has to find it."""

from __future__ import annotations

import os
from typing import Any

from config.wsgi import application as application  # noqa: PLC0414 - gunicorn looks for it here


def no_positions() -> None:
    """It is not noted how far a client's write had brought the primary."""
    from common.replica import positions

    vars(positions)["note"] = lambda _user: None


def no_deadline() -> None:
    """A frozen replica is waited for."""
    from common.replica.base import _Connection

    patience: Any = property(lambda _self: 60.0, lambda _self, _seconds: None)
    _Connection.patience = patience


PLANTS = {"no-positions": no_positions, "no-deadline": no_deadline}
PLANTS[os.environ["PLANT"]]()
