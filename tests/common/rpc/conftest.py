from tests.common.observability.conftest import kept, log_lines  # noqa: F401 - fixtures
