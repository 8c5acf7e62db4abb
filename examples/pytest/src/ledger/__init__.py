# SPDX-License-Identifier: MIT
"""A small ledger: amounts in cents, and accounts that hold them."""
