"""The work on a file: once for every row, whoever is killed, stopped or called again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from common.errors import DomainError
from common.ids import new_id
from common.importing import applying, carrying_on, checking, operations
from common.importing.applying import APPLY, go_through
from common.importing.carrying_on import carry_on, idle, sweep
from common.importing.errors import AnotherFile
from common.importing.kinds import kinds
from common.importing.models import Import, ImportRow
from common.importing.tasks import resume_imports, work_on_import
from inventory.models import StockLevel, StockMovement
from tests.common.importing.files import applied, as_csv, checked, problems_of, read, undone
from tests.factories import StockLevelFactory
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SKUS = ["A", "B", "C", "D", "E"]


class Killed(BaseException):
    """Nothing catches it: as if the process were gone."""


@pytest.fixture
def levels() -> list[StockLevel]:
    return [StockLevelFactory(product__sku=sku, on_hand=1) for sku in SKUS]


def five() -> bytes:
    return as_csv(["sku", "counted"], *([sku, 5] for sku in SKUS))


def counted() -> int:
    return StockMovement.objects.filter(reason="count").count()


def killed_at(monkeypatch: pytest.MonkeyPatch, target, name: str, *, call: int) -> None:
    """Whoever calls it for the n-th time is killed, after it has done what it does."""
    real, calls = getattr(target, name), []

    def act(*args, **kwargs):
        result = real(*args, **kwargs)
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return result

    monkeypatch.setattr(target, name, act)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["operation", "commit"])
def test_every_row_is_applied_once_though_the_worker_is_killed(place, levels, monkeypatch):
    file = checked("counts", five())
    operations.start_applying(import_id=file.pk, actor="ana")
    with monkeypatch.context() as patch:
        target = (
            (type(kinds["counts"]), "apply")
            if place == "operation"
            else (
                applying,
                "settle_row",
            )
        )
        killed_at(patch, *target, call=3)
        with pytest.raises(Killed):
            carry_on(file.pk, seconds=60)
    assert counted() == (2 if place == "operation" else 3)
    assert ImportRow.objects.filter(state="applied").count() == counted()
    carry_on(file.pk, seconds=60)
    carry_on(file.pk, seconds=60)  # delivered again
    assert counted() == 5
    assert read(file).figures == {"change": 5, "applied": 5}


@pytest.mark.django_db(transaction=True)
def test_every_row_is_taken_back_once_though_the_worker_is_killed(levels, monkeypatch):
    file = applied(checked("counts", five()))
    User.objects.create_superuser("eve")
    operations.start_undoing(import_id=file.pk, actor="eve")
    with monkeypatch.context() as patch:
        killed_at(patch, type(kinds["counts"]), "undo", call=2)
        with pytest.raises(Killed):
            carry_on(file.pk, seconds=60)
    carry_on(file.pk, seconds=60)
    assert StockMovement.objects.filter(reason="reversal").count() == 5
    assert read(file).status == "undone"


@pytest.mark.django_db(transaction=True)
def test_a_check_goes_on_where_it_was_killed(levels, monkeypatch):
    monkeypatch.setattr(checking, "AT_ONCE", 2)
    content = as_csv(["sku", "counted"], *([sku, 5] for sku in [*SKUS, "A"]))
    file = operations.add_import(
        import_id=new_id(), kind="counts", name="x.csv", content=content, actor="ana"
    )
    with monkeypatch.context() as patch:
        killed_at(patch, checking, "keep_rows", call=2)
        with pytest.raises(Killed):
            carry_on(file.pk, seconds=60)
    assert read(file).rows_done == 4
    carry_on(file.pk, seconds=60)
    assert read(file).figures == {"change": 5, "wrong": 1}
    assert problems_of(file) == {7: [("sku", "A main stands in row 2 already.")]}


@pytest.mark.concurrency
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_rows_of_a_file(levels):
    file = checked("counts", five())
    operations.start_applying(import_id=file.pk, actor="ana")
    race(lambda _n: carry_on(file.pk, seconds=60), workers=3)
    carry_on(file.pk, seconds=60)
    assert counted() == 5
    assert read(file).figures == {"change": 5, "applied": 5}


def test_work_that_is_stopped_can_be_gone_on_with_and_undone(levels):
    file = checked("counts", five())
    operations.start_applying(import_id=file.pk, actor="ana")
    for done, _row in enumerate(go_through(read(file), APPLY), 1):
        if done == 2:
            operations.stop(import_id=file.pk)
    assert counted() == 2
    assert read(file).status == "stopped"
    assert applied(file).figures["applied"] == 5
    assert undone(file).figures["undone"] == 5
    with pytest.raises(DomainError, match="not ready"):
        operations.start_applying(import_id=file.pk, actor="ana")


def test_a_check_that_is_stopped_is_over(levels):
    file = operations.add_import(
        import_id=new_id(), kind="counts", name="x.csv", content=five(), actor="ana"
    )
    operations.stop(import_id=file.pk)
    assert not carry_on(file.pk, seconds=60)
    assert read(file).status == "cancelled"
    assert not ImportRow.objects.exists()


def test_wrong_rows_are_left_out_only_where_somebody_says_so(levels):
    file = checked("counts", as_csv(["sku", "counted"], ["A", 5], ["X", 5]))
    with pytest.raises(DomainError, match="1 row is wrong"):
        operations.start_applying(import_id=file.pk, actor="ana")
    assert counted() == 0
    file = applied(file, leaves_out_wrong=True)
    assert file.figures == {"change": 1, "wrong": 1, "applied": 1}


def test_asked_twice_it_is_applied_once(levels):
    file = checked("counts", five())
    for _ in range(2):
        operations.start_applying(import_id=file.pk, actor="ana")
    assert applied(applied(file)).figures["applied"] == 5
    assert counted() == 5
    assert undone(file).figures["undone"] == 5
    with pytest.raises(DomainError, match="has been undone"):
        operations.start_undoing(import_id=file.pk, actor="eve")


def test_a_fault_of_ours_is_told_on_its_row_and_stops_no_other(levels, monkeypatch):
    file = checked("counts", five())
    real = type(kinds["counts"]).apply

    def faulty(kind, job):
        if job.values["sku"] == "B":
            raise RuntimeError
        return real(kind, job)

    monkeypatch.setattr(type(kinds["counts"]), "apply", faulty)
    file = applied(file)
    assert file.figures == {"change": 5, "applied": 4, "refused": 1}
    assert "not the file's fault" in problems_of(file)[3][0][1]


def test_a_file_that_fails_keeps_no_rows_and_says_why():
    file = checked("counts", b"sku\nMUG")
    assert file.status == "failed"
    assert "missing: counted" in file.whole_problem.text
    assert checked("counts", b"sku,counted\n").whole_problem.text == (
        "There are no rows below the headings."
    )


def test_files_that_nobody_works_on_are_found_again(levels, monkeypatch):
    file = checked("counts", five())
    operations.start_applying(import_id=file.pk, actor="ana")
    assert idle() == []
    monkeypatch.setattr(carrying_on, "IDLE", carrying_on.IDLE * 0)
    sent = []
    monkeypatch.setattr(work_on_import, "delay", sent.append)
    assert resume_imports() == 1
    assert sent == [str(file.pk)]


def test_a_task_that_has_not_done_all_asks_for_another(levels, monkeypatch):
    file = checked("counts", five())
    operations.start_applying(import_id=file.pk, actor="ana")
    sent = []
    monkeypatch.setattr(work_on_import, "delay", sent.append)
    monkeypatch.setattr("common.importing.tasks.SECONDS", 0.0)
    work_on_import(str(file.pk))
    assert (counted(), sent) == (1, [str(file.pk)])
    assert read(file).rows_done == 1


def test_old_files_that_have_changed_nothing_are_forgotten(levels, monkeypatch):
    monkeypatch.setattr(carrying_on, "KEPT", carrying_on.KEPT * 0)
    checked("counts", five())
    kept = applied(checked("counts", five()))
    assert sweep() == 1
    assert sweep() == 0
    assert list(Import.objects.all()) == [kept]
    assert ImportRow.objects.count() == 5


def test_applied_files_are_forgotten_when_nobody_will_undo_them_any_more(levels, monkeypatch):
    files = [applied(checked("counts", five())) for _ in range(2)]
    assert sweep() == 0
    monkeypatch.setattr(carrying_on, "KEPT_TO_BE_UNDONE", carrying_on.KEPT_TO_BE_UNDONE * 0)
    assert [sweep(), Import.objects.count()] == [1, 1], "one a transaction"
    assert [sweep(), Import.objects.count(), ImportRow.objects.count()] == [1, 0, 0]
    assert files
    assert StockMovement.objects.exists(), "what they did stays"


def test_a_check_that_is_killed_each_time_is_given_up(levels, monkeypatch):
    file = operations.add_import(
        import_id=new_id(), kind="counts", name="x.csv", content=five(), actor="ana"
    )

    def killed(*_given):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checking, "opened", killed)
        for _ in range(3):
            with pytest.raises(Killed):
                carry_on(file.pk, seconds=60)
        assert read(file).status == "checking"
    carry_on(file.pk, seconds=60)
    assert read(file).status == "failed"
    assert "not the file's fault" in read(file).whole_problem.text


def test_a_check_that_comes_further_is_not_given_up(levels, monkeypatch):
    monkeypatch.setattr(checking, "AT_ONCE", 1)
    file = operations.add_import(
        import_id=new_id(), kind="counts", name="x.csv", content=five(), actor="ana"
    )
    for call in range(1, 6):
        with monkeypatch.context() as patch:
            killed_at(patch, checking, "keep_rows", call=call)
            with pytest.raises(Killed):
                carry_on(file.pk, seconds=60)
        assert read(file).rows_done == call
    carry_on(file.pk, seconds=60)
    assert read(file).figures == {"change": 5}


def test_another_file_under_the_same_id_is_refused(levels):
    sent = {"import_id": new_id(), "kind": "counts", "name": "x.csv", "actor": "ana"}
    first = operations.add_import(content=five(), **sent)
    assert operations.add_import(content=five(), **sent) == first
    for other in ({"content": b"sku,counted"}, {"actor": "eve"}, {"kind": "products"}):
        with pytest.raises(AnotherFile):
            operations.add_import(**{"content": five(), **sent, **other})
    assert Import.objects.get().uploaded_by == "ana"


@pytest.mark.django_db(transaction=True)
def test_a_file_that_somebody_has_in_hand_is_not_forgotten(levels, monkeypatch):
    file = checked("counts", five())
    monkeypatch.setattr(carrying_on, "KEPT", carrying_on.KEPT * 0)
    with transaction.atomic():
        operations.start_applying(import_id=file.pk, actor="ana")
        with ThreadPoolExecutor(1) as other:
            assert other.submit(swept_apart).result(10) == 0
    assert read(file).status == "applying"
    assert ImportRow.objects.count() == 5


def swept_apart() -> int:
    try:
        return sweep()
    finally:
        connection.close()
