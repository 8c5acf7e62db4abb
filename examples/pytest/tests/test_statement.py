# SPDX-License-Identifier: MIT
from ledger import money

# This file names test_money, so an edit of that file runs this one too.
from test_money import PAIRS


def test_a_statement_ends_with_the_sum(account):
    for _, cents in PAIRS:
        account.book(cents)
    assert money.show(account.balance()) == "23.37"
