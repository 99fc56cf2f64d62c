from tests.common.inbox.broker import broker  # noqa: F401 - a fixture
from tests.common.inbox.things import applied  # noqa: F401 - a fixture
from tests.needs import broker_url  # noqa: F401 - a fixture
