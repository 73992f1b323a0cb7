"""Keeping and comparing what two builds of simbias give for the same inputs; `tests/equal.py` is the command."""
