# SPDX-License-Identifier: MIT
import pytest

from ledger import money

PAIRS = [("12.50", 1250), ("0.07", 7), ("-3.20", -320), ("4.00", 400)]


@pytest.mark.parametrize("text, cents", PAIRS)
def test_text_and_cents(text, cents):
    assert money.parse(text) == cents
    assert money.show(cents) == text


def test_three_digits_are_too_many():
    with pytest.raises(ValueError):
        money.parse("1.234")
