"""What a product's and a category's facts must look like."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from products import rules


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("mug-1", "MUG-1"), ("A", "A"), ("a_b.c/d-1", "A_B.C/D-1"), ("x" * 64, "X" * 64)],
)
def test_a_sku_is_kept_in_upper_case(sent, kept):
    assert rules.sku(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "a b",
        "x" * 65,
        "caf\u00e9",
        "stra\u00dfe",
        "\ufb01ve",
        "\u0131",
        "a\n",
        "A\u00a0B",
        "a,b",
    ],
)
def test_what_is_no_sku(sent):
    with pytest.raises(Invalid) as refusal:
        rules.sku(sent)
    assert refusal.value.attribute == "sku"


@given(st.text(max_size=70))
def test_no_text_becomes_a_sku_that_the_database_would_refuse(text):
    try:
        kept = rules.sku(text)
    except Invalid:
        return
    assert re.fullmatch(r"[A-Z0-9_./-]{1,64}", kept)
    assert kept.lower() == text.lower()
    assert rules.sku(kept) == kept


def test_a_generated_sku_is_a_sku_and_not_given_twice():
    made = {rules.generated_sku() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(rules.sku(one) == one for one in made)


@pytest.mark.parametrize(
    "digits",
    ["96385074", "036000291452", "4006381333931", "10614141000415", "00000000"],
)
def test_a_barcode_with_a_right_check_digit(digits):
    assert rules.barcode(digits) == digits


@pytest.mark.parametrize(
    "digits",
    [
        "4006381333932",
        "400638133393",
        "40063813339310",
        "9638507",
        "963850744",
        "",
        "abcdefgh",
        "\uff19\uff16\uff13\uff18\uff15\uff10\uff17\uff14",
        "9638507\u2074",
        "4006381-333931",
        "4006381333931\n",
        "-6385074",
    ],
)
def test_what_is_no_barcode(digits):
    with pytest.raises(Invalid) as refusal:
        rules.barcode(digits)
    assert refusal.value.attribute == "barcode"


@given(st.from_regex(r"\A([0-9]{7}|[0-9]{11}|[0-9]{12}|[0-9]{13})\Z"))
def test_every_number_has_exactly_one_check_digit(payload):
    def is_right(check):
        try:
            return rules.barcode(f"{payload}{check}")
        except Invalid:
            return ""

    assert sum(bool(is_right(check)) for check in range(10)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com/a.jpg?x=1#y",
        "HTTPS://EXAMPLE.com:8443/a",
        "https://xn--caf-dma.example/\u00e9.png",
        "https://[2001:db8::1]/a.jpg",
        "https://example.com/@user",
    ],
)
def test_an_image_is_an_address_on_the_web(url):
    assert rules.image(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.jpg",
        "//example.com/a.jpg",
        "javascript:alert(1)",
        "JavaScript://example.com/%0aalert(1)",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "ftp://example.com/a.jpg",
        "http://",
        "http:///a.jpg",
        "http://:80/a.jpg",
        "http://user@example.com/a.jpg",
        "http://user:secret@example.com/a.jpg",
        "http://@example.com/a.jpg",
        "http://example.com:bogus/a.jpg",
        "http://example.com:99999/a.jpg",
        "http://[::1/a.jpg",
        "http://exa mple.com/a.jpg",
        " http://example.com/a.jpg",
        "http://example.com/a\u00a0b.jpg",
        "http:\\\\example.com/a.jpg",
        "https://example.com/" + "x" * 2_048,
    ],
)
def test_what_is_no_image(url):
    with pytest.raises(Invalid) as refusal:
        rules.image(url)
    assert refusal.value.attribute == "images"


@given(st.text(max_size=40))
def test_no_text_breaks_the_rule_for_images(text):
    for url in (text, f"http://{text}", f"https://[{text}", f"http://a:{text}"):
        with suppress(Invalid):
            assert rules.image(url).lower().startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Mugs & Cups", "mugs-cups"),
        ("  \u00c9clairs ", "eclairs"),
        ("A--B__C", "a-b-c"),
        ("100 %", "100"),
        ("\u65e5\u672c", ""),
        ("!", ""),
    ],
)
def test_a_slug_is_made_of_letters_and_digits(name, slug):
    assert rules.slug(name) == slug


@given(st.text(max_size=255))
def test_a_slug_is_never_longer_than_its_column(text):
    slug = rules.slug(text)
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug)
    assert len(slug) <= 255


def test_a_name_that_grows_when_it_is_taken_apart_is_cut():
    assert len(rules.slug("\u33a8" * 255)) <= 255  # each becomes two letters or more


# The tree


def ids(number):
    return [UUID(int=n + 1) for n in range(number)]


def chain(number):
    """Categories each below the one before, with their parents."""
    made = ids(number)
    return made, dict(zip(made, [None, *made[:-1]], strict=True))


def test_a_tree_is_eight_levels_deep():
    made, parents = chain(7)
    rules.check_place(None, made[-1], parents)
    made, parents = chain(8)
    with pytest.raises(Invalid) as refusal:
        rules.check_place(None, made[-1], parents)
    assert refusal.value.attribute == "parent_id"


def test_what_is_below_a_category_moves_with_it_and_counts():
    made, parents = chain(5)
    others = [UUID(int=100 + n) for n in range(4)]
    parents |= dict(zip(others, [None, *others[:-1]], strict=True))
    rules.check_place(made[0], others[2], parents)  # 3 + 5
    with pytest.raises(Invalid):
        rules.check_place(made[0], others[3], parents)  # 4 + 5


@pytest.mark.parametrize("below", [0, 1, 4])
def test_a_category_is_not_below_itself(below):
    made, parents = chain(5)
    with pytest.raises(Invalid) as refusal:
        rules.check_place(made[0], made[below], parents)
    assert refusal.value.attribute == "parent_id"


def test_a_category_may_stand_at_the_top():
    made, parents = chain(8)
    rules.check_place(made[3], None, parents)
    rules.check_place(None, None, parents)


@pytest.mark.parametrize("amount", ["0.01", "99999999.99"])
def test_a_price_is_kept_as_it_is(amount):
    assert rules.price(Decimal(amount)) == Decimal(amount)


@pytest.mark.parametrize("amount", ["0", "-1", "100000000"])
def test_what_is_no_price(amount):
    with pytest.raises(Invalid) as refusal:
        rules.price(Decimal(amount))
    assert refusal.value.attribute == "price"
