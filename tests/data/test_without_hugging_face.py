"""Without `datasets`, its files are refused with the words to install it."""

import sys
from pathlib import Path

import pytest

from unbraid.data import from_hugging_face
from unbraid.errors import DataNotFoundError


def test_datasets_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataNotFoundError, match=r"is read by `datasets`: pip install 'unbraid\[hugging-face\]'"):
        from_hugging_face(tmp_path)
