from __future__ import annotations

import pytest

from products.models import Product
from tests.common.conftest import no_redis, own_redis  # noqa: F401  fixtures
from tests.factories import CategoryFactory, ProductFactory


@pytest.fixture
def product(db: None) -> Product:
    return ProductFactory(name="Mug", category=CategoryFactory())


@pytest.fixture
def path(product: Product) -> str:
    return f"/api/v1/products/{product.pk}"


@pytest.fixture
def stored(transactional_db: None) -> Product:
    """A product that every connection sees."""
    return ProductFactory(name="Mug")
