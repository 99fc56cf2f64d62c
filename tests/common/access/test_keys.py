"""The form of secrets: made by us, made up by an operator, mistyped, or nonsense."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access import keys


def test_an_issued_secret_has_the_documented_form(settings):
    settings.DEVELOPMENT = False
    issued = keys.issue()
    form = rf"sk_live_{issued.public_id}_[0-9A-Za-z]{{38}}"
    assert re.fullmatch(form, issued.text)
    assert len(issued.public_id) == 8
    assert keys.could_be_a_key(issued.text)


def test_in_development_a_secret_says_that_it_is_for_tests(settings):
    settings.DEVELOPMENT = True
    assert keys.issue().text.startswith("sk_test_")


def test_no_two_issued_secrets_are_alike():
    assert len({keys.issue().text for _ in range(1000)}) == 1000


@given(position=st.integers(8, 54), letter=st.sampled_from(keys.BASE62))
def test_every_single_typing_error_is_found_by_the_checksum(position, letter):
    secret = keys.issue().text
    typed = secret[:position] + letter + secret[position + 1 :]
    assert keys.is_mistyped(typed) == (typed != secret and typed[16] == "_")


def test_the_checksum_is_the_crc_of_everything_before_it():
    assert keys.checksum("123456789") == "3jZRME"  # CRC-32's check value, 0xCBF43926
    assert keys.checksum("") == "000000"


@pytest.mark.parametrize(
    "made_up", ["sixteen-letters!", "sk_live_but_made_up_by_a_person", "x" * 255]
)
def test_a_made_up_secret_may_have_any_form(made_up):
    assert keys.could_be_a_key(made_up)


@pytest.mark.parametrize(
    "nonsense",
    ["", "fifteen-letters", "x" * 256, "sixteen letters!", "sixteen-letters\n", "sëchzehn-Zeichen"],
)
def test_nonsense_is_told_without_a_query(nonsense):
    assert not keys.could_be_a_key(nonsense)


def test_the_digest_depends_on_the_pepper_and_not_on_its_type(settings):
    settings.API_KEY_PEPPER = "one"
    first = keys.digest("sixteen-letters!")
    settings.API_KEY_PEPPER = b"one"
    assert keys.digest("sixteen-letters!") == first
    settings.API_KEY_PEPPER = "two"
    assert keys.digest("sixteen-letters!") != first
    assert len(first) == 32
