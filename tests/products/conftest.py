from tests.common.conftest import no_redis, own_redis  # noqa: F401  fixtures
