"""Why a file is not taken further."""

from common.errors import DomainError


class NotNow(DomainError):
    """The file is not at the point where this can be done."""

    code = "import_not_ready"
    status = 409


class RowsAreWrong(DomainError):
    """Some rows are wrong, and nobody has said that they may be left out."""

    code = "import_rows_wrong"
    status = 409


class ChangedSince(DomainError):
    """What a row has done cannot be taken back, as things have gone on since."""

    code = "import_changed_since"
    status = 409


class NotPermitted(DomainError):
    """Somebody may not do all that the rows of this file would do."""

    code = "import_not_permitted"
    status = 403


class AnotherFile(DomainError):
    """What was sent again under the same id is not what was sent before."""

    code = "import_another_file"
    status = 409
