"""The command ``lmf``: one small command per module, nothing heavy imported before it is needed.

Exit codes: 0 done, 1 failed on the way, 2 the command or its input cannot be used as given,
130 interrupted. Errors are one line on the standard error; ``--debug`` adds the traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from lmf.cli import failures
from lmf.cli.app import build

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    args : sequence of str, optional
        The words after ``lmf``; those of this process where None.

    Examples
    --------
    >>> main(["--version"])
    lmf ...
    0
    """
    words = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    try:
        code = build(words).main(args=words, prog_name="lmf", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, failures.ReaderGoneError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
        return failures.BROKEN_PIPE
    except SystemExit as stop:  # the parser's own end, where nobody reads its help
        return stop.code if isinstance(stop.code, int) else failures.FAILED
    except BaseException as error:
        if debug:
            traceback.print_exc()
        print(failures.line_of(error), file=sys.stderr)
        return failures.exit_code_of(error)
    if code == failures.INTERRUPTED:
        print(failures.line_of(KeyboardInterrupt()), file=sys.stderr)
    return code if isinstance(code, int) else 0
