"""Which column of a table holds the user, the item, the value and the time.

Names given by the caller win; the rest is guessed from the usual names, and a guess that could go
two ways is an error that lists what was found.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from lmf.errors import ColumnError

__all__ = ["Columns", "find_columns", "find_item"]

# Compared without case, spaces, dashes, dots and underscores: "User ID" and "user_id" are "userid".
_USUAL = {
    "user": (
        "user userid useridx uid userkey usernumber reviewer reviewerid customer customerid "
        "customernumber client clientid member memberid visitor visitorid person personid "
        "session sessionid"
    ),
    "item": (
        "item itemid itemidx iid itemkey movie movieid film filmid imdbid product productid "
        "productcode asin isbn bookid book song songid track trackid artist artistid article "
        "articleid sku stockcode business businessid anime animeid game gameid recipeid "
        "parentasin"
    ),
    "value": (
        "value rating ratings score count weight stars star plays playcount quantity clicks "
        "preference strength overall"
    ),
    "timestamp": (
        "timestamp time ts date datetime unixtime unixreviewtime createdat eventtime reviewdate"
    ),
}
_UNNAMED = re.compile(r"(column|col|field|_c|f|v|unnamed: )?_?\d+", re.IGNORECASE)
_ROLES = ("user", "item", "value", "timestamp")


@dataclass(frozen=True)
class Columns:
    """The names of the columns, as the user had them.

    Parameters
    ----------
    user, item : str
        The columns of ids.
    value, timestamp : str, optional
        None where there is none.
    """

    user: str
    item: str
    value: str | None = None
    timestamp: str | None = None

    def used(self) -> list[str]:
        """Return the names of the columns there are: user, item, value, timestamp.

        Examples
        --------
        >>> Columns("u", "i", timestamp="t").used()
        ['u', 'i', 't']
        """
        return [
            name for name in (self.user, self.item, self.value, self.timestamp) if name is not None
        ]

    def named(self) -> Columns:
        """Return the names for results: the role of a column in place of a mere number.

        Examples
        --------
        >>> Columns("column_1", "movie", "column_3").named()
        Columns(user='user', item='movie', value='value', timestamp=None)
        """
        names = [
            role if name is not None and _UNNAMED.fullmatch(name) else name
            for role, name in zip(_ROLES, astuple(self), strict=True)
        ]
        return Columns(*names)


def find_columns(
    names: Sequence[str],
    *,
    user: str | None = None,
    item: str | None = None,
    value: str | bool | None = None,
    timestamp: str | bool | None = None,
) -> Columns:
    """Find the four columns among the names of a table.

    Parameters
    ----------
    names : sequence of str
        The names in the order of the table.
    user, item : str, optional
        The columns of ids; guessed among the usual names where not given.
    value, timestamp : str or False, optional
        The same for values and times, of which there need be none; False ignores them.

    Returns
    -------
    Columns

    Raises
    ------
    ColumnError
        If a column is missing or could be one of several, listing what was found and the option
        to pass; if one column is given two roles.

    Notes
    -----
    A table of two, three or four columns without names (``column_1`` or ``0`` and the like, as in
    a file that has no header) is taken by position: user, item, value, timestamp.

    Examples
    --------
    >>> find_columns(["userId", "movieId", "rating", "timestamp"])
    Columns(user='userId', item='movieId', value='rating', timestamp='timestamp')
    >>> find_columns(["who", "movie"], user="who")
    Columns(user='who', item='movie', value=None, timestamp=None)
    """
    given: dict[str, str | bool | None] = {
        "user": user,
        "item": item,
        "value": value,
        "timestamp": timestamp,
    }
    repeated = next((name for name in names if list(names).count(name) > 1), None)
    if repeated is not None:
        raise ColumnError("two columns have the same name", column=repeated)
    found = {
        role: _checked(role, name, names)
        for role, name in given.items()
        if name is not None and name is not False
    }
    for role, name in found.items():
        other = next((r for r, n in found.items() if n == name and r != role), None)
        if other is not None:
            raise ColumnError(f"cannot be both {role} and {other}", column=name)
    wanted = [role for role in _ROLES if given[role] is None]
    if not {"user", "item"} & set(found) and _is_unnamed(names):
        by_position = dict(zip(_ROLES, names, strict=False))
        free = {r: n for r, n in by_position.items() if r in wanted and n not in found.values()}
        found.update(free)
    else:
        for role in wanted:
            _guess(role, names, found)
    for role in ("user", "item"):
        if role not in found:
            raise ColumnError(
                f"no column of {role}s found among {_listed(names)}",
                hint=f'name it: {role}="..."',
            )
    return Columns(found["user"], found["item"], found.get("value"), found.get("timestamp"))


def find_item(names: Sequence[str], item: str | None = None) -> str:
    """Find the column of ids in a table about items.

    Parameters
    ----------
    names : sequence of str
        The names in the order of the table.
    item : str, optional
        Guessed among the usual names where not given; of a table without names the first.

    Raises
    ------
    ColumnError
        If it is missing or could be one of several.

    Examples
    --------
    >>> find_item(["movieId", "title", "genres"]), find_item(["column_1", "column_2"])
    ('movieId', 'column_1')
    """
    found: dict[str, str] = {}
    if item is not None:
        found["item"] = _checked("item", item, names)
    elif names and all(_UNNAMED.fullmatch(name) for name in names):
        found["item"] = names[0]
    else:
        _guess("item", names, found)
    if "item" not in found:
        raise ColumnError(
            f"no column of items found among {_listed(names)}", hint='name it: item="..."'
        )
    return found["item"]


def _checked(role: str, name: object, names: Sequence[str]) -> str:
    if not isinstance(name, str):
        raise ColumnError(f"{role} must be the name of a column, got {name!r}")
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise ColumnError(
            f"no such column for the {role}; there are {_listed(names)}",
            column=name,
            hint=f"did you mean {close[0]!r}?" if close else None,
        )
    return name


def _is_unnamed(names: Sequence[str]) -> bool:
    return 2 <= len(names) <= 4 and all(_UNNAMED.fullmatch(name) for name in names)


def _guess(role: str, names: Sequence[str], found: dict[str, str]) -> None:
    taken, usual = set(found.values()), _USUAL[role].split()
    likely = [n for n in names if _plain(n) in usual and n not in taken]
    if len(likely) == 1:
        found[role] = likely[0]
    elif likely:
        without = " or False" if role in ("value", "timestamp") else ""
        raise ColumnError(
            f"the {role} could be any of {_listed(likely)}",
            hint=f"pass {role}={likely[0]!r}{without}",
        )


def _plain(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", name).lower()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "no columns"
