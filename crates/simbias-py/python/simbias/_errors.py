"""Errors, with the flags of the command line turned into keyword arguments."""

import re

# What may follow a flag as its value in a message; any other word is prose.
_VALUES = (
    "drop|mean|keep|indicate|classes|values|permute|independent|swap|within-class|within-stratum|point|comma|day-first|"
    r"month-first|train|validation|test|all|embedded|onnxruntime|none|[0-9]+x[0-9]+|a,b,c|HxW|FILE|DIR|NAME"
)
_FLAG = re.compile(rf"--([a-z][a-z-]*[a-z])(?:[ =]({_VALUES})(?![\w-]))?")


class InputError(ValueError):
    """Data, a model or an argument that cannot be used. The message says what is wrong and what to try."""


def as_keywords(text: str) -> str:
    """``text`` with ``--missing drop`` as ``missing="drop"``.

    >>> as_keywords("leave such rows out with --missing drop, or name the labels with --labels")
    'leave such rows out with missing="drop", or name the labels with y'
    """

    text = re.sub(r"--resume (\S+)", r'resume="\1"', text)
    text = re.sub(r"'--([a-z-]+) <[A-Z|x]+>'", lambda found: found[1].replace("-", "_"), text)

    def keyword(found: "re.Match[str]") -> str:
        name, value = found[1], found[2]
        # The package takes these by position.
        name = {"labels": "y", "data": "X"}.get(name, name.replace("-", "_"))
        if value is None:
            return name
        return f'{name}="{value}"'

    return _FLAG.sub(keyword, text)


def usage(text: str, function: str) -> str:
    """What is wrong with a command's words, without how the command line is used.

    >>> usage("error: unexpected argument '--foo' found\\n\\nUsage: simbias audit [OPTIONS]", "simbias.audit")
    'foo is not an argument of simbias.audit'
    """
    text = text.removeprefix("error: ").split("\n\nUsage:")[0].split("\n\n  tip:")[0].split("\n\nFor more")[0]
    unknown = re.match(r"unexpected argument '--([^']+)'", text)
    if unknown:
        return f"{unknown[1].replace('-', '_')} is not an argument of {function}"
    return text


def message(text: str, hint: "str | None") -> str:
    """One message of what is wrong and what to try."""
    text = as_keywords(text.strip())
    return text if hint is None else f"{text}\n{as_keywords(hint)}"
