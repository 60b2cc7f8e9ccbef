"""The tree of exceptions: each is the built-in that a caller expects, and survives a worker process."""

import pickle

import pytest

from unbraid import errors

BUILT_INS = {
    errors.ModelError: ValueError,
    errors.DataError: ValueError,
    errors.DataNotFoundError: FileNotFoundError,
    errors.ChecksumError: ValueError,
    errors.RunError: ValueError,
    errors.TrainingError: FloatingPointError,
    errors.OptionError: ValueError,
}


@pytest.mark.parametrize(("error", "built_in"), BUILT_INS.items())
def test_each_error_is_the_expected_built_in(error: type[errors.UnbraidError], built_in: type[Exception]) -> None:
    raised = error("what was wrong")
    assert isinstance(raised, errors.UnbraidError)
    assert isinstance(raised, built_in)
    assert str(raised) == "what was wrong"
    assert str(pickle.loads(pickle.dumps(raised))) == "what was wrong"


def test_a_data_set_not_found_is_also_wrong_data() -> None:
    assert issubclass(errors.DataNotFoundError, errors.DataError)
    assert issubclass(errors.ChecksumError, errors.DataError)


def test_did_you_mean() -> None:
    assert errors.did_you_mean("digits", ["digit", "style"]) == " Did you mean 'digit'?"
    assert errors.did_you_mean("zzz", iter(["digit", "style"])) == " Known: 'digit', 'style'."
    assert errors.did_you_mean("digit", []) == ""
