"""Every form in which the former databases can be had is read, row by row."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, repeat
from types import SimpleNamespace
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError
from django.db import InterfaceError, OperationalError, connection
from psycopg.conninfo import make_conninfo

from inventory.management.legacy import importing, rows, values
from inventory.management.legacy.rows import UnreadableDump
from inventory.models import StockLevel
from products.models import Product
from tests.inventory.legacy import LAMP, MUG, Legacy, as_csv, as_lines, product, stock

AGAIN = "Run it again: it goes on where it stopped."
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def legacy(tmp_path) -> Legacy:
    return Legacy(tmp_path)


def read(text: str, columns=("id",)) -> list[tuple[int, object]]:
    return [(row.line, row.values) for row in rows.read(io.StringIO(text, ""), "It", columns)]


# Values


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02 12:00:00",
        "2024-01-02 12:00:00.000000",
        "2024-01-02 12:00:00+00",
        "2024-01-02 14:00:00+02",
        "2024-01-02 06:30:00-05:30",
        "2024-01-02T12:00:00Z",
        "2024-01-02T12:00:00.000000000Z",
        {"$date": "2024-01-02T12:00:00Z"},
        {"$date": "2024-01-02T12:00:00.000+0000"},
        {"$date": {"$numberLong": "1704196800000"}},
        {"$date": 1704196800000},
    ],
)
def test_a_moment_in_all_its_spellings(text):
    assert values.moment(values.plain(text)) == NOON


@pytest.mark.parametrize(
    "text",
    ["", "soon", "infinity", "2024-13-01", "0001-01-01 00:00:00+14", 5, None, {"$date": []},
     {"$date": {"$numberLong": "9" * 30}}],
)  # fmt: skip
def test_what_is_no_moment(text):
    with pytest.raises(values.ValidationError):
        values.moment(values.plain(text))


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (5, 5),
        (Decimal("5.0"), 5),
        ({"$numberInt": "5"}, 5),
        ({"$numberLong": "5"}, 5),
        ({"$numberDouble": "5.0"}, 5),
        ({"$numberDecimal": "5"}, 5),
        (Decimal("5.5"), Decimal("5.5")),
        ("5", "5"),
        ({"$numberLong": 5}, 5),
        ({"$numberInt": "many"}, {"$numberInt": "many"}),
        ({"$numberInt": "5_0"}, {"$numberInt": "5_0"}),
        ({"$numberInt": Decimal("5.7")}, {"$numberInt": Decimal("5.7")}),
        ({"$numberInt": True}, {"$numberInt": True}),
        ({"$numberDouble": "Infinity"}, Decimal("Infinity")),
        (Decimal("1E+999999999"), Decimal("1E+999999999")),
    ],
)
def test_a_whole_number_in_all_its_spellings(value, meant):
    found = values.whole_number(values.plain(value))
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(
    "value",
    [MUG, {"$uuid": MUG}, {"$binary": {"base64": "ERERESIiQzOERFVVVVVVVQ==", "subType": "04"}}],
)
def test_a_uuid_as_mongodb_writes_it(value):
    assert values.plain(value) == MUG


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("{}", []),
        ("{https://a.example/1,https://a.example/2}", ["https://a.example/1", "https://a.example/2"]),
        (r'{"a,b","say \"x\"","back\\slash",NULL,"NULL"}',
         ["a,b", 'say "x"', "back\\slash", None, "NULL"]),
        ('["a", "b"]', ["a", "b"]),
        (["a"], ["a"]),
        ("", []),
        (None, []),
        ("null", []),
        ("0", 0),
        ('{"a": 1}', {"a": 1}),
    ],
)  # fmt: skip
def test_images_in_all_their_spellings(value, meant):
    assert values.images(value) == meant


@pytest.mark.parametrize("value", ["{{a},{b}}", "{a", '{"a}', "a.jpg", "[" * 100_000])
def test_what_is_no_list_of_images(value):
    with pytest.raises(values.ValidationError):
        values.images(value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("19.9900", "19.99"),
        (Decimal("19.990"), "19.99"),
        ("19.9", "19.90"),
        ("100", "100.00"),
        ("-1.000", "-1.00"),
        (" 8.50 ", "8.50"),
        ("+5.00", "5.00"),
        (".5", "0.50"),
        ("5.", "5.00"),
        ("1e5", "100000.00"),
        (Decimal("1E+5"), "100000.00"),
        ("1250E-2", "12.50"),
    ],
)
def test_a_price_in_all_its_spellings(value, meant):
    assert str(values.amount(value)) == meant


@pytest.mark.parametrize("value", [19, None, True, "", ".", "cheap", "1,5", "NaN", "1_0", "٣"])
def test_what_is_no_spelling_of_a_price_is_left_to_the_rules(value):
    assert values.amount(value) is value


@pytest.mark.parametrize("value", ["19.995", Decimal("19.995"), 0.1 + 0.2, "1e-9", "1e-999999999"])
def test_fractions_of_a_cent_are_no_price(value):
    with pytest.raises(values.ValidationError, match="More than two decimals"):
        values.amount(Decimal(repr(value)) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("value", "meant"), [("a\r\nb\rc\nd\r", "a\nb\nc\nd\n"), ("a", "a"), (None, None), (5, 5)]
)
def test_lines_end_with_a_newline_wherever_they_were_written(value, meant):
    assert values.text(value) == meant


# Files


def test_csv_columns_may_come_in_any_order_and_be_more():
    assert read("name,id\nMug,1\n") == [(2, {"name": "Mug", "id": "1"})]


def test_csv_lines_are_counted_through_quoted_line_breaks():
    text = 'id,name\n1,"two\nlines"\n\n2,x\n3,too,many\n4\n5,y'
    assert [line for line, _ in read(text)] == [2, 5, 6, 7, 8]
    problems = [row.problem for row in rows.read(io.StringIO(text, ""), "It", ["id"])]
    assert problems == ["", "", "3 columns where 2 are due.", "1 columns where 2 are due.", ""]


def test_csv_without_its_columns_is_refused_in_one_sentence():
    with pytest.raises(UnreadableDump, match="It lacks the columns id, price in its header"):
        read("name\nMug\n", ("id", "name", "price"))


def test_a_quotation_mark_that_is_never_closed_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(rows, "MAX_CHARACTERS", 1_000)
    endless = chain(["id,name\n", '1,"Mug\n'], repeat("2,Lamp\n"))
    sentence = "It: A quotation mark in the row that begins in line 2 is not ever closed"
    with pytest.raises(UnreadableDump, match=sentence):
        list(rows.csv_rows(endless, "It", ["id"]))


@pytest.mark.parametrize("last", ["3,x\n", "3,x", ""])
def test_a_quotation_mark_that_is_never_closed_says_what_it_took(last):
    text = f'2,"Lamp\n{last}'
    *_, row = rows.read(io.StringIO(f'id,name\n1,"two\nlines"\n{text}', ""), "It", ["id"])
    assert (row.line, row.values) == (4, text)
    assert row.problem == (
        "A quotation mark in the row that begins in line 4 is not ever closed: "
        f"it takes {1 + bool(last)} lines."
    )


def test_a_quotation_mark_that_the_next_one_closes_is_not_taken_for_a_name():
    text = 'id,name\n1,"Mug\n2,"Lamp"\n3,"Pot"x\n4,Cup\n'
    found = list(rows.read(io.StringIO(text, ""), "It", ["id"]))
    assert [(row.line, row.problem) for row in found] == [
        (2, "A quotation mark in the row that begins in line 2 is not closed: it takes 2 lines."),
        (4, "Text follows a closing quotation mark; within a quotation it is to be doubled."),
        (5, ""),
    ]
    assert found[0].values == '1,"Mug\n2,"Lamp"\n'


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("id,name,id", "It has the columns id more than once"),
        ("id;name", "separated by commas, not by ';'"),
        ("id\tname", r"separated by commas, not by '\\t'"),
    ],
)
def test_a_header_that_misleads_is_refused(header, sentence):
    with pytest.raises(UnreadableDump, match=sentence):
        read(f"{header}\n1,2,3\n", ("id", "name"))


JSON = [{"id": 1, "b": "]"}, {"id": 2, "b": [{}]}, {"id": 3}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(JSON),
        json.dumps(JSON, indent=2),
        json.dumps(JSON, separators=(",", ":")),
        "\n\n" + "[" + ", \n ".join(map(json.dumps, JSON)) + "]\n\n",
        "\n".join(map(json.dumps, JSON)),
        "\r\n".join(map(json.dumps, JSON)) + "\r\n\r\n",
        "\n".join(json.dumps(each, indent=2) for each in JSON),
    ],
    ids=["array", "indented", "dense", "json_agg", "lines", "crlf", "pretty"],
)
@pytest.mark.parametrize("chunk", [1, 7, 2**16])
def test_json_in_all_its_forms(text, chunk, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", chunk)
    assert [found for _, found in read(text)] == JSON


def test_elements_of_an_array_know_their_lines():
    assert [line for line, _ in read('[\n{"id": 1},\n\n{"id":\n2}\n, 5]')] == [2, 4, 6]


def test_no_array_holds_no_rows():
    assert read("[]") == []
    assert read("[\n]\n") == []


@pytest.mark.parametrize("text", ['[{"id": 1}', '[{"id": 1}, {"id"', "[nonsense]", "["])
def test_an_array_that_is_cut_off_is_refused(text):
    with pytest.raises(UnreadableDump, match="line 1: not JSON, or cut off here"):
        read(text)


@pytest.mark.parametrize("between", ["", "\n", " \n\n"])
@pytest.mark.parametrize("more", ['[{"id": 2}]', '{"id": 2}', "]", ", 5"])
@pytest.mark.parametrize("chunk", [1, 2**16])
def test_more_after_an_array_is_refused(between, more, chunk, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", chunk)
    line = 1 + between.count("\n")
    with pytest.raises(UnreadableDump, match=f"It, line {line}: more after the array"):
        read(f'[{{"id": 1}}]{between}{more}')


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('{"a": NaN}', "NaN is no number."),
        ('{"a": [-Infinity]}', "-Infinity is no number."),
        ('{"a": 1e99999999999999999999}', "1e99999999999999999999 is no number."),
        ('{"a": 1, "b": 2, "a": 3}', "a stands in it more than once."),
        ('{"a": {"$date": 1, "$date": 2}}', "$date stands in it more than once."),
        ("NaN", "NaN is no number."),
        ('{"a": -%s}' % ("9" * 5_000), "A number of 5001 characters."),
        ("5", "Not an object."),
    ],
)
@pytest.mark.parametrize("form", ["{}\n{}\n{}\n", "[{}, {}, {}]"], ids=["lines", "array"])
def test_an_odd_value_in_json_is_one_bad_row(form, bad, problem):
    good = '{"id": 1}'
    found = list(rows.read(io.StringIO(form.format(good, bad, good), ""), "It", ["id"]))
    assert [row.problem for row in found] == ["", problem, ""]
    assert found[1].values == (5 if bad == "5" else bad)


@pytest.mark.parametrize("line", ["{", '{"a":' * 100_000, "text"])
def test_a_line_that_is_not_json_is_one_bad_row(line):
    good = '{"id": 1}'
    found = list(rows.json_lines([f"{good}\n", f"{line}\n", good]))
    assert [row.problem for row in found] == ["", "Not JSON.", ""]


class LongArray(io.RawIOBase):
    """The bytes of an array on one line, made as they are read."""

    def __init__(self, count: int) -> None:
        self._elements = chain([b"["], repeat(b'{"id": "%s"},' % (b"x" * 1_000), count), [b"{}]"])

    def readable(self):
        return True

    def readinto(self, buffer):
        element = next(self._elements, b"")
        buffer[: len(element)] = element
        return len(element)


def test_a_long_array_on_one_line_is_not_held():
    text = io.TextIOWrapper(io.BufferedReader(LongArray(2_000)))
    tracemalloc.start()
    count = sum(1 for _ in rows.read(text, "It", ["id"]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_001
    assert peak < 2**20


@pytest.mark.django_db
@pytest.mark.parametrize("packed", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_files_are_utf8_and_may_be_gzipped(legacy, packed, start):
    dump = start + as_csv([product(name="Köhler ☕", description='a "b"\nc')]).encode()
    legacy.command(products=legacy.write("products.csv", packed(dump)))
    row = Product.objects.get()
    assert (row.name, row.description) == ("Köhler ☕", 'a "b"\nc')
    assert row.images == ["https://example.com/mug.jpg"]


@pytest.mark.django_db
def test_a_dump_written_on_windows(legacy):
    dump = as_csv([product(description="one\ntwo")]).replace("\n", "\r\n")
    outcome = legacy.command(products=legacy.write("products.csv", dump))
    assert outcome.rejects == []
    assert Product.objects.get().description == "one\ntwo"


@pytest.mark.django_db
def test_two_exports_in_one_file_do_not_pass_for_one(legacy):
    dump = "\n".join(json.dumps([product(id=each)]) for each in (MUG, LAMP))
    with pytest.raises(CommandError, match="line 2: more after the array"):
        legacy.command(products=legacy.write("products.json", dump))


@pytest.mark.django_db
def test_bytes_that_are_no_utf8_are_one_bad_row(legacy):
    dump = as_csv([product(), product(id=LAMP, name="K?hler")]).encode().replace(b"?", b"\xf6")
    outcome = legacy.command(products=legacy.write("products.csv", dump))
    assert Product.objects.get().pk == UUID(MUG)
    assert outcome.reasons == [
        ["name: Control characters other than newline and tab are not allowed."]
    ]
    assert outcome.rejects[0]["row"]["name"] == "K\udcf6hler"


@pytest.mark.django_db
def test_standard_input(legacy, monkeypatch):
    stream = io.BufferedReader(io.BytesIO(as_lines([product()]).encode()))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    legacy.command(products="-")
    assert Product.objects.exists()


@pytest.mark.django_db
def test_what_jsonarray_of_mongoexport_writes(legacy):
    legacy.run([product()])
    path = legacy.write("inventory.json", json.dumps([stock()]))
    legacy.command(inventory=path)
    assert StockLevel.objects.get().on_hand == 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"id,name\n", "lacks the columns description, price"),
        (gzip.compress(as_csv([product()]).encode())[:-20], "cut off or damaged: .*ended before"),
        (gzip.compress(b"id,name", mtime=0)[:9] + b"nonsense", "cut off or damaged"),
        (as_csv([product()]).encode("utf-16"), "is UTF-16, it seems"),
        (as_csv([product()]).encode("utf-16-be"), "is UTF-16, it seems"),
        (gzip.compress(as_csv([product()]).encode("utf-16-le")), "is UTF-16, it seems"),
        (as_csv([product()]).replace(",", ";").encode(), "by commas, not by ';'"),
    ],
)
def test_a_dump_that_cannot_be_read_is_told_in_a_sentence(legacy, content, sentence):
    path = legacy.write("dump", content) if content is not None else str(legacy.folder / "none")
    legacy.rejects.write_text("of the last run")
    with pytest.raises(CommandError, match=sentence) as error:
        legacy.command(products=path)
    assert AGAIN not in str(error.value)
    assert legacy.rejects.read_text() == "of the last run"
    assert {path.name for path in legacy.folder.iterdir()} <= {"dump", legacy.rejects.name}


# The database itself


def address_here() -> str:
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    return make_conninfo(**{name: settings[name] for name in names if settings.get(name)})


@pytest.fixture
def table(django_db_setup):
    """Makes a table ``products`` of this definition, and gives an address that leads to it."""
    address = address_here()
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("CREATE SCHEMA legacy")

        def make(columns: str) -> str:
            other.execute(f"CREATE TABLE legacy.products ({columns})")
            return make_conninfo(address, options="-c search_path=legacy")

        yield make
        other.execute("DROP SCHEMA legacy CASCADE")


def fill(dsn: str, *table: tuple) -> None:
    with psycopg.connect(dsn) as other:
        other.cursor().executemany(
            "INSERT INTO products VALUES (%s, %s, %s, %s, %s, %s, %s)", table
        )


ORIGINAL = """
    id varchar(36) PRIMARY KEY, name varchar(255), description text, price {price}, images {images},
    created_at {stamp}, updated_at {stamp}
"""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("price", "images", "written", "stamp"),
    [
        ("numeric(10,2)", "text[]", ["https://a.example/1,2"], "timestamp"),
        ("double precision", "jsonb", '["https://a.example/1,2"]', "timestamptz"),
        ("numeric(12,4)", "json", '["https://a.example/1,2"]', "timestamptz"),
        ("numeric", "text", '["https://a.example/1,2"]', "timestamp"),
    ],
)
def test_the_table_is_read_where_it_is(legacy, table, price, images, written, stamp):
    dsn = table(ORIGINAL.format(price=price, images=images, stamp=stamp))
    fill(
        dsn,
        ("old-2", "Mug", 'two\nlines, "quoted" \\n', 1299.99, written, NOON, None),
        ("old-1", "Lamp", "ö", 0, written, NOON, NOON),
        (MUG, "Cup", "x", "9.9", None, NOON, NOON),
    )
    outcome = legacy.command(products_dsn=dsn)
    assert [(each["line"], each["row"]["id"]) for each in outcome.rejects] == [(3, "old-1")]
    row = Product.objects.get(name="Mug")
    assert (row.price, row.images) == (Decimal("1299.99"), ["https://a.example/1,2"])
    assert row.description == 'two\nlines, "quoted" \\n'
    assert row.created_at == row.updated_at == NOON
    assert Product.objects.get(pk=MUG).images == []


@pytest.mark.django_db
def test_addresses_as_sqlalchemy_writes_them(legacy, table):
    dsn = table(ORIGINAL.format(price="numeric", images="text[]", stamp="timestamp"))
    fill(dsn, (MUG, "Mug", "x", 1, [], NOON, NOON))
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    legacy.command(products_dsn=f"postgresql+asyncpg://?{urlencode(parts, quote_via=quote)}")
    assert Product.objects.get().pk == UUID(MUG)


@pytest.fixture
def database_without_encoding(django_db_setup):
    """As old servers have them: text is whatever bytes were sent."""
    name = f"legacy_{uuid4().hex}"
    with psycopg.connect(address_here(), autocommit=True) as other:
        other.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        yield make_conninfo(address_here(), dbname=name)
        other.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.slow
@pytest.mark.django_db
def test_bytes_that_are_no_utf8_in_the_table_are_one_bad_row(legacy, database_without_encoding):
    dsn = database_without_encoding
    with psycopg.connect(dsn) as other:
        table = ORIGINAL.format(price="numeric", images="text[]", stamp="timestamp")
        other.execute(f"CREATE TABLE products ({table})")
        other.execute(
            "INSERT INTO products SELECT id, convert_from(name, 'SQL_ASCII'), 'x', 1, '{}', now(),"
            r" now() FROM (VALUES (%s, 'K\303\266hler'::bytea), (%s, 'K\366hler')) row (id, name)",
            [MUG, LAMP],
        )
    outcome = legacy.command(products_dsn=dsn)
    assert Product.objects.get().name == "Köhler"
    assert [each["row"]["name"] for each in outcome.rejects] == ["K\udcf6hler"]


@pytest.mark.django_db
def test_a_table_without_its_columns_is_refused_in_one_sentence(legacy, table):
    dsn = table("id varchar(36), name text")
    with pytest.raises(CommandError, match="lacks the columns description, price, images"):
        legacy.command(products_dsn=dsn)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("dsn", "sentence"),
    [
        ("postgresql://127.0.0.1:1/nowhere", "connection failed"),
        ("nonsense", "missing"),
        ({"dbname": "no such database"}, "does not exist"),
        ({}, "has no table products"),
    ],
)
def test_what_another_run_cannot_mend_is_told_without_that_advice(legacy, dsn, sentence):
    address = dsn if isinstance(dsn, str) else make_conninfo(address_here(), **dsn)
    with pytest.raises(CommandError, match=f"^The former products database.* {sentence}") as error:
        legacy.command(products_dsn=address)
    assert AGAIN not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("problem", "is_mended"),
    [
        (psycopg.OperationalError("gone"), True),
        (OperationalError("gone"), True),
        (InterfaceError("gone"), True),
        (psycopg.DataError("odd"), False),
        (BrokenPipeError("nobody reads"), False),
    ],
)
def test_another_run_is_advised_where_it_helps(legacy, monkeypatch, problem, is_mended):
    def fail(**_products):
        raise problem

    monkeypatch.setattr(importing, "import_products", fail)
    with pytest.raises(CommandError) as error:
        legacy.run([product()])
    assert (AGAIN in str(error.value)) == is_mended
