"""The two sentences that checks are made of."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["expect", "raises"]


def expect(holds: bool, otherwise: str) -> None:
    """Fail with a sentence that says what is wrong."""
    if not holds:
        raise AssertionError(otherwise)


def raises(
    kind: type[BaseException] | tuple[type[BaseException], ...],
    naming: str,
    action: Callable[[], object],
) -> None:
    """Fail unless an action raises this error, with a message that names the culprit."""
    try:
        action()
    except kind as error:
        if naming not in str(error):
            raise AssertionError(f"the message does not name {naming!r}: {error}") from error
        return
    raise AssertionError(f"no {getattr(kind, '__name__', kind)} that names {naming!r}")
