"""Values of filters: what is a number here, and what merely looks like one to Python."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from common.api.filters import Number


@pytest.mark.parametrize("text", ["0", "12", "-3.50", "1e3", "99999999999999999"])
def test_a_number(text):
    assert Number().field.clean(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["\uff11\uff12", "٣", "1_0", "+1", ".5", "NaN", "Infinity", "1" * 25]
)
def test_no_number(text):
    with pytest.raises(ValidationError):
        Number().field.clean(text)
