# SPDX-License-Identifier: MIT
import pytest


def test_balance_adds_up(account):
    account.book(250)
    account.book(-400)
    assert account.balance() == 850


def test_cannot_be_overdrawn(account):
    with pytest.raises(ValueError, match="overdrawn"):
        account.book(-1001)
    assert account.balance() == 1000
