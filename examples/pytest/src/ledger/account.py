# SPDX-License-Identifier: MIT
"""An account: what came in and went out."""


class Account:
    def __init__(self):
        self.entries = []

    def book(self, cents):
        if self.balance() + cents < 0:
            raise ValueError("the account would be overdrawn")
        self.entries.append(cents)

    def balance(self):
        return sum(self.entries)
