"""The pages of imports and exports, and who may do what there."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from common.ids import new_id
from common.importing import operations
from common.importing.admin import imports, pages
from common.importing.carrying_on import carry_on
from common.importing.kinds import kinds
from common.importing.models import Import
from common.importing.tasks import work_on_import
from inventory.models import StockLevel, StockMovement
from products.models import Product
from tests.back_office import errors_on, filled_in, page_of, staff, text_of, told
from tests.common.importing.files import applied, as_csv, as_xlsx, checked, read, undone
from tests.factories import ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LIST = reverse("admin:importing_import_changelist")
ADD = reverse("admin:importing_import_add")
EXPORT = reverse("admin:importing_import_export")
MAY = ("add_import", "undo_import", "count_stock", "reverse_movement")
COUNTS = as_csv(["sku", "counted"], ["MUG", 5], ["NIX", 1])


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The files for which work was asked."""
    asked: list[str] = []
    monkeypatch.setattr(work_on_import, "delay", asked.append)
    return asked


def upload(client, kind: str, content: bytes, name: str = "rows.csv", **more: Any):
    data = filled_in(client.get(ADD), "upload-form", kind=kind) | more
    data["file"] = SimpleUploadedFile(name, content)
    return client.post(ADD, data, follow=True)


def text_of_file(answer: Any) -> str:
    assert answer.status_code == 200
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode("utf-8-sig")


def address(file: Import, action: str) -> str:
    return reverse(f"admin:importing_import_{action}", args=[file.pk])


def test_a_file_is_brought_in_looked_at_applied_and_undone(
    mug, sent, django_capture_on_commit_callbacks
):
    clerk = staff(*MAY)
    page = upload(clerk, "counts", COUNTS)
    words = text_of(page)
    assert "There is no product with the SKU NIX." in words
    assert "<del>7</del>" in text_of(clerk.get(f"{page.request['PATH_INFO']}?show=change"))
    file = Import.objects.get()
    assert (file.uploaded_by, file.figures) == ("clerk", {"change": 1, "wrong": 1})
    page = clerk.post(address(file, "apply"), filled_in(page, "apply-form"), follow=True)
    assert errors_on(page)["leaves_out_wrong"] == [
        "1 row is wrong. Mend the file, or say that it is to be left out."
    ]
    with django_capture_on_commit_callbacks(execute=True):
        data = filled_in(page, "apply-form", leaves_out_wrong="on")
        page = clerk.post(address(file, "apply"), data, follow=True)
    assert sent == [str(file.pk)]
    assert "progress.js" in text_of(page)
    assert clerk.get(address(file, "progress")).json() == {
        "is_worked_on": True,
        "done": 0,
        "total": 1,
        "words": "0 of 1 rows are applied.",
    }
    carry_on(file.pk, seconds=60)
    assert not clerk.get(address(file, "progress")).json()["is_worked_on"]
    assert StockMovement.objects.get(reason="count").actor == "clerk"
    with django_capture_on_commit_callbacks(execute=True):
        page = clerk.post(
            address(file, "undo"), filled_in(clerk.get(address(file, "undo")), "undo-form")
        )
    carry_on(file.pk, seconds=60)
    assert StockLevel.objects.get(pk=mug.pk).on_hand == 7
    assert "undone by clerk" in text_of(clerk.get(page_of(file)))


def test_sending_the_upload_twice_brings_it_in_once(mug):
    clerk = staff(*MAY)
    once = "0193e2a8-0000-7000-8000-000000000001"
    for _ in range(2):
        upload(clerk, "counts", COUNTS, once=once)
    assert Import.objects.count() == 1


def test_a_large_file_is_checked_in_the_background(
    mug, sent, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(imports, "SMALL", 10)
    with django_capture_on_commit_callbacks(execute=True):
        page = upload(staff(*MAY), "counts", COUNTS)
    assert "rows are checked." in text_of(page)
    assert sent == [str(Import.objects.get().pk)]


def test_xlsx_is_never_checked_in_the_web_process(
    mug, sent, monkeypatch, django_capture_on_commit_callbacks
):
    content = as_xlsx(["sku", "counted"], ["MUG", 5])
    with django_capture_on_commit_callbacks(execute=True):
        upload(staff(*MAY), "counts", content, name="rows.csv")
    assert Import.objects.get().status == "checking"
    assert sent == [str(Import.objects.get().pk)]


def test_another_file_on_a_form_that_was_sent_is_refused_in_a_sentence(mug):
    clerk = staff(*MAY)
    once = "0193e2a8-0000-7000-8000-000000000001"
    upload(clerk, "counts", COUNTS, once=once)
    page = upload(clerk, "counts", as_csv(["sku", "counted"], ["MUG", 9]), once=once)
    assert errors_on(page)["__all__"] == [
        "This form has been applied already. Open it anew for another one."
    ]
    assert Import.objects.get().figures == {"change": 1, "wrong": 1}


def test_a_file_that_cannot_be_read_says_why(mug):
    page = upload(staff(*MAY), "counts", b"sku\nMUG")
    assert "These columns are missing: counted." in text_of(page)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        pytest.param("old.xls", 10, "Save it as XLSX", id="xls"),
        pytest.param("big.csv", 10 * 2**20 + 1, "more than 10 MB", id="large"),
        pytest.param("none.csv", 0, "empty", id="empty"),
    ],
)
def test_what_cannot_be_taken_is_refused_on_the_form(name, size, words):
    page = upload(staff(*MAY), "counts", b"x" * size, name=name)
    assert words in errors_on(page)["file"][0]
    assert not Import.objects.exists()


def test_the_upload_page_explains_what_somebody_may_import_and_nothing_else():
    words = text_of(staff(*MAY).get(ADD))
    assert "What you have counted." in words
    assert "Sets when stock levels count as low" not in words
    assert staff("count_stock", name="other").get(ADD).status_code == 403


def test_people_see_imports_of_kinds_that_they_may_do(mug):
    file = checked("counts", COUNTS)
    assert "rows.csv" in text_of(staff(*MAY).get(LIST))
    editor = staff("add_import", "undo_import", "change_product", name="editor")
    assert "rows.csv" not in text_of(editor.get(LIST))
    for action in ("progress", "apply", "stop", "undo", "rows", "file"):
        assert editor.post(address(file, action)).status_code == 404
    assert staff(name="nobody").get(LIST).status_code == 403
    auditor = staff("view_import", "view_stocklevel", name="auditor")
    assert "rows.csv" in text_of(auditor.get(LIST))
    for action in ("apply", "stop", "undo"):
        assert auditor.post(address(file, action)).status_code == 403
    assert auditor.get(ADD).status_code == 403


def test_who_may_only_change_products_cannot_apply_new_ones(sent):
    ProductFactory(sku="MUG")
    editor = staff("add_import", "change_product")
    page = upload(editor, "products", as_csv(["sku", "name"], ["MUG", "Tall mug"]))
    assert "Apply 1 row" in text_of(page)
    head = ["sku", "name", "description", "price"]
    page = upload(editor, "products", as_csv(head, ["POT", "Pot", "Big.", 1]))
    assert "You may not do all that these rows would do." in text_of(page)
    file = Import.objects.get(figures={"new": 1})
    assert editor.post(address(file, "apply")).status_code == 403
    assert not Product.objects.filter(sku="POT").exists()


def test_permission_is_decided_on_the_figures_under_the_lock(sent, monkeypatch):
    """The check ends between the first look at the file and its lock."""
    head = ["sku", "name", "description", "price"]
    content = as_csv(head, ["POT", "Pot", "Big.", 1])
    file = operations.add_import(
        import_id=new_id(), kind="products", name="x.csv", content=content, actor="ana"
    )
    editor = staff("add_import", "change_product", "undo_import")
    editor.post(address(file, "apply"))
    assert read(file).status == "checking"
    real = pages.may_apply

    def ended_after(user, seen):
        allowed = real(user, seen)
        if seen.status == "checking":
            carry_on(file.pk, seconds=60)
        return allowed

    monkeypatch.setattr(pages, "may_apply", ended_after)
    assert editor.post(address(file, "apply")).status_code == 403
    assert read(file).status == "checked"
    monkeypatch.undo()
    applied(file)
    assert editor.post(address(file, "undo")).status_code == 403
    assert read(file).status == "applied"


def test_undoing_needs_a_permission_of_its_own(mug):
    file = applied(checked("counts", COUNTS), leaves_out_wrong=True)
    clerk = staff("add_import", "count_stock")
    assert "Undo the import" not in text_of(clerk.get(page_of(file)))
    assert clerk.post(address(file, "undo")).status_code == 403
    assert read(file).status == "applied"


@pytest.mark.parametrize(
    ("kind", "applies", "undoes"),
    [
        ("products", ["add_product"], "delete_product"),
        ("batches", ["add_batch"], "change_batch"),
        ("counts", ["count_stock"], "reverse_movement"),
    ],
)
def test_undoing_needs_what_doing_that_by_hand_would_need(mug, kind, applies, undoes, sent):
    content = {
        "products": as_csv(["sku", "name", "description", "price"], ["POT", "Pot", "Big.", 1]),
        "batches": as_csv(["reference", "sku", "quantity", "eta"], ["A", "MUG", 1, "2030-01-01"]),
        "counts": as_csv(["sku", "counted"], ["MUG", 5]),
    }[kind]
    file = applied(checked(kind, content))
    some = staff("add_import", "undo_import", *applies)
    assert "Undo the import" not in text_of(some.get(page_of(file)))
    assert some.post(address(file, "undo")).status_code == 403
    assert read(file).status == "applied"
    more = staff("add_import", "undo_import", *applies, undoes, name="more")
    assert "Undo the import" in text_of(more.get(page_of(file)))
    assert more.post(address(file, "undo")).status_code == 302
    assert read(file).status == "undoing"


def test_a_product_is_not_deleted_for_who_may_not_when_it_is_done():
    head = ["sku", "name", "description", "price"]
    file = applied(checked("products", as_csv(head, ["POT", "Pot", "Big.", 1])))
    staff("add_product", name="editor")
    assert undone(file, actor="editor").figures["kept"] == 1
    assert Product.objects.living().filter(sku="POT").exists()


def test_work_is_stopped_from_the_page(mug):
    file = checked("counts", as_csv(["sku", "counted"], ["MUG", 5]))
    operations.start_applying(import_id=file.pk, actor="ana")
    clerk = staff(*MAY)
    clerk.post(address(file, "stop"), filled_in(clerk.get(page_of(file)), "stop-form"))
    assert read(file).status == "stopped"
    assert "Apply 1 row" in text_of(clerk.get(page_of(file)))


def test_wrong_rows_are_taken_out_mended_and_brought_in_again(mug):
    StockLevelFactory(product__sku="0042")
    file = checked("counts", as_csv(["sku", "counted"], ["MUG", "'=1"], ["0042", "x"], ["MUG", 1]))
    clerk = staff(*MAY)
    text = text_of_file(clerk.get(address(file, "rows")))
    assert text.splitlines()[0] == "row,problem,sku,counted"
    assert text.splitlines()[1].endswith("MUG,'=1")
    mended = text.replace("'=1", "1").replace(",x", ",2").rsplit("4,", 1)[0]
    assert checked("counts", mended.encode()).figures == {"change": 2}
    assert clerk.get(address(file, "file")).content.startswith(b"sku,counted")


def test_an_example_can_be_brought_in_as_it_is(admin_client):
    for name, kind in kinds.items():
        for form in ("csv", "xlsx"):
            answer = admin_client.get(reverse("admin:importing_import_example", args=[name, form]))
            file = checked(name, b"".join(answer), f"example.{form}")
            assert file.status == "checked"
            assert file.figures.get("new", file.figures.get("wrong")) == len(kind.examples)


def test_an_export_holds_what_the_list_shows(admin_client):
    StockLevelFactory(product__sku="MUG", on_hand=7)
    StockLevelFactory(product__sku="CUP", on_hand=0)
    export = reverse("admin:importing_import_export_file", args=["counts", "csv"])
    assert text_of_file(admin_client.get(export)).splitlines() == [
        "sku,location,on_hand,counted",
        "MUG,main,7,",
        "CUP,main,0,",
    ]
    assert "MUG" not in text_of_file(admin_client.get(f"{export}?stock=out"))
    assert "CUP" not in text_of_file(admin_client.get(f"{export}?q=mug"))
    assert "stock=out" in text_of(admin_client.get(f"{EXPORT}?kind=counts&stock=out"))
    page = admin_client.get(f"{export}?nonsense=1", follow=True)
    assert told(page) == ["These filters cannot be understood."]


def test_an_export_as_xlsx_keeps_texts_and_says_what_is_too_much(admin_client, monkeypatch):
    ProductFactory(sku="0042", name="=1+1")
    ProductFactory(sku="MUG")
    export = reverse("admin:importing_import_export_file", args=["products", "xlsx"])
    book = load_workbook(io.BytesIO(b"".join(admin_client.get(export))))
    assert [cell.value for cell in book.active["A"]] == ["sku", "0042", "MUG"]
    assert book.active["B2"].value == "'=1+1"
    monkeypatch.setattr("common.importing.writing.MOST_IN_XLSX", 1)
    page = admin_client.get(export, follow=True)
    assert told(page) == ["XLSX holds at most 1 rows. Take CSV, or use a filter."]


def test_exports_are_for_those_who_may_see_the_rows():
    reader = staff("view_product")
    words = text_of(reader.get(EXPORT))
    assert "products.csv" in words
    assert "counts.csv" not in words
    counts = reverse("admin:importing_import_export_file", args=["counts", "csv"])
    assert reader.get(counts).status_code == 403
    assert staff(name="nobody").get(EXPORT).status_code == 403
    for address in ("nonsense.csv", "products.ods"):
        assert reader.get(f"{EXPORT}{address}").status_code == 404


def test_an_export_reads_rows_in_bounded_steps(
    admin_client, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr("common.importing.admin.exports.READ_AT_ONCE", 10)
    for _ in range(25):
        ProductFactory()
    export = reverse("admin:importing_import_export_file", args=["products", "csv"])
    answer = admin_client.get(export)
    assert answer.streaming
    with django_assert_num_queries(4):
        assert len(text_of_file(answer).splitlines()) == 26


@pytest.mark.parametrize("path", ["list", "page"])
def test_pages_take_the_same_queries_however_many_rows(
    admin_client, mug, path, django_assert_max_num_queries
):
    files = []
    for count in (2, 60):
        rows = [["MUG" if n == 0 else f"X{n}", n] for n in range(count)]
        files += [checked("counts", as_csv(["sku", "counted"], *rows)) for _ in range(count // 2)]
    queries = []
    for file in (files[0], files[-1]):
        target = LIST if path == "list" else page_of(file)
        with django_assert_max_num_queries(15) as seen:
            admin_client.get(target)
        queries.append(len(seen))
    assert queries[0] == queries[1]
