"""The application of a race: Stockroom's own, with fault points and perhaps a planted bug."""

import os

from config.wsgi import application as stockroom
from tests.race.faults import with_fault_points
from tests.race.operations import Plant
from tests.race.plants import PLANTS

application = with_fault_points(stockroom)
if plant := os.environ.get("RACE_PLANT"):
    PLANTS[Plant(plant)]()
