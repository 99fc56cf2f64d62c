"""The pictures that documents show are those that ``make screenshots`` takes."""

from __future__ import annotations

import re

from tests.running import PROJECT
from tests.screenshots import FOLDER, pictures

SHOWN = re.compile(r'(?:\]\(|src=")([\w/.-]+\.png)')


def test_every_picture_that_is_taken_is_shown_and_every_picture_shown_is_taken():
    taken = {f"{name}.png" for name, _, _ in pictures()}
    assert {path.name for path in FOLDER.glob("*.png")} == taken
    assert set(SHOWN.findall((FOLDER / "README.md").read_text())) == taken


def test_the_readme_opens_with_three_pictures():
    opening = (PROJECT / "README.md").read_text().split("\n## ")[0]
    pictures_shown = SHOWN.findall(opening)
    assert len(pictures_shown) == 3
    assert all((PROJECT / picture).is_file() for picture in pictures_shown)
