"""How a failure is told: one line, and the exit code that belongs to it."""

from __future__ import annotations

import re

from lmf.errors import CheckpointError, InputError, LmfError, ParameterError, UnknownIdError

__all__ = [
    "CommandError",
    "InterruptedWorkError",
    "ReaderGoneError",
    "exit_code_of",
    "line_of",
]

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE


class CommandError(LmfError):
    """A command that cannot be carried out as it was given."""


class InterruptedWorkError(LmfError):
    """Ctrl-C, and what became of the work."""


class ReaderGoneError(LmfError):
    """The reader of a pipe, such as ``head``, has enough: no failure worth a word."""


def exit_code_of(error: BaseException) -> int:
    """Return the exit code for an error.

    Examples
    --------
    >>> exit_code_of(CommandError("no")), exit_code_of(MemoryError())
    (2, 1)
    """
    if isinstance(error, (InterruptedWorkError, KeyboardInterrupt)):
        return INTERRUPTED
    if isinstance(error, ReaderGoneError):
        return BROKEN_PIPE
    if isinstance(
        error, (CommandError, InputError, ParameterError, UnknownIdError, CheckpointError)
    ):
        return UNUSABLE
    if _is_of_the_parser(error):
        return UNUSABLE
    return FAILED


def line_of(error: BaseException) -> str:
    """Say an error in one line.

    Examples
    --------
    >>> line_of(ParameterError("n", 0, "at least 1"))
    'lmf: error: --n 0 is out of range: expected at least 1'
    >>> line_of(KeyError("x"))
    "lmf: error: unexpected KeyError: 'x' (a bug of lmf: please report it with --debug)"
    """
    if isinstance(error, KeyboardInterrupt):
        return "lmf: interrupted"
    if isinstance(error, InterruptedWorkError):
        return f"lmf: interrupted: {error}"
    if isinstance(error, LmfError):
        text = _in_options(str(error))
    elif _is_of_the_parser(error):
        text = error.format_message()  # type: ignore[attr-defined]
    elif isinstance(error, MemoryError):
        text = "out of memory"
    elif isinstance(error, OSError) and error.strerror:
        text = ": ".join([str(one) for one in (error.filename, error.strerror) if one])
    else:
        text = (
            f"unexpected {type(error).__name__}: {error} "
            "(a bug of lmf: please report it with --debug)"
        )
    return "lmf: error: " + " ".join(text.split())


def _in_options(text: str) -> str:
    """Say in options what the library says in arguments: ``n_factors=0`` is ``--n-factors 0``."""
    text = text.replace("resume=True", "--resume")
    return re.sub(
        r"(?<![\w=])([a-z]+(?:_[a-z]+)*)=(?=[\w'\"-])",
        lambda match: f"--{match[1].replace('_', '-')} ",
        text,
    )


def _is_of_the_parser(error: BaseException) -> bool:
    """Whether the parser of the command line raised it; its classes moved between versions."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")
