# SPDX-License-Identifier: MIT
import pytest

from ledger.account import Account


@pytest.fixture
def account():
    """An account with 10.00 in it."""
    account = Account()
    account.book(1000)
    return account
