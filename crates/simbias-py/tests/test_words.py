"""Docstrings, and messages in the words of Python."""

import doctest
import importlib
import pkgutil

import pytest
import simbias

MODULES = [module.name for module in pkgutil.iter_modules(simbias.__path__) if not module.name.startswith("__")]


@pytest.mark.parametrize("name", ["simbias", *(f"simbias.{name}" for name in MODULES if name != "_native")])
def test_examples_in_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_every_function_has_an_example():
    for name in simbias.__all__:
        thing = getattr(simbias, name)
        if callable(thing) and not isinstance(thing, type) and name != "perplexity":
            assert ">>>" in thing.__doc__, name


def test_flags_become_keywords():
    from simbias._errors import as_keywords

    assert as_keywords("try --missing drop or --no-header.") == 'try missing="drop" or no_header.'
    assert as_keywords("an em -- dash, a-b and --") == "an em -- dash, a-b and --"
    assert as_keywords("choose another place with --out") == "choose another place with out"
