# SPDX-License-Identifier: MIT
"""Amounts as text and as a number of cents."""


def parse(text):
    """'12.50' -> 1250"""
    whole, _, cents = text.strip().partition(".")
    if len(cents) > 2:
        raise ValueError(f"too many digits after the point: {text!r}")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 100 + sign * int(cents.ljust(2, "0") or 0)


def show(cents):
    """1250 -> '12.50'"""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"
