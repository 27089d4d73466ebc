"""The error tree: what a raise site says reaches logs and terminals unchanged."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tpre_offchain import errors
from tpre_offchain.errors import ChainError, CryptoError, DecodingError, TpreError, WrongLength


class SlowNode(ChainError):
    default_retryable: ClassVar[bool] = True
    default_hint: ClassVar[str | None] = "wait"


def test_raise__defaults_of_the_class__are_carried() -> None:
    error = SlowNode("no receipt")
    assert (error.message, error.hint, error.culprit, error.retryable) == ("no receipt", "wait", None, True)
    assert str(error) == "no receipt"


def test_raise__keywords__override_the_defaults() -> None:
    error = SlowNode("no receipt", hint="look", culprit="slot 3", retryable=False)
    assert (error.hint, error.culprit, error.retryable) == ("look", "slot 3", False)
    # The class is as before.
    assert SlowNode("again").retryable


def test_to_dict__of_a_decoding_error__says_what_was_decoded() -> None:
    assert WrongLength("47 bytes instead of 48", what="G1", culprit="0xabc").to_dict() == {
        "error": "WrongLength",
        "message": "G1: 47 bytes instead of 48",
        "culprit": "0xabc",
        "retryable": False,
        "hint": None,
        "what": "G1",
    }


def test_catch__by_sub_tree__works() -> None:
    with pytest.raises(CryptoError) as caught:
        raise WrongLength("short", what="G2")
    assert isinstance(caught.value, DecodingError)


def test_every_error__of_the_module__descends_from_the_base() -> None:
    found = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    assert len(found) >= 15
    assert all(issubclass(v, TpreError) for v in found)
