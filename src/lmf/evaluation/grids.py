"""Tables of a report, as rows of text that the terminal, Markdown and the page lay out alike."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Grid", "plain"]


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes
    ----------
    header : sequence of str
    rows : sequence of sequences of str
        The first cell of each names the row.

    Examples
    --------
    >>> grid = Grid(["", "mine"], [["NDCG@5", "0.5"]])
    >>> print(grid.text())
            mine
    NDCG@5  0.5
    >>> print(grid.markdown())
    |  | mine |
    |---|---|
    | NDCG@5 | 0.5 |
    >>> "<td>0.5</td>" in grid.html()
    True
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Return it with columns lined up."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in lines
        )

    def markdown(self) -> str:
        """Return it in Markdown; what names hold stays text."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        marked = ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in lines]
        marked[1] = "|" + "---|" * len(self.header)
        return "\n".join(marked)

    def html(self) -> str:
        """Return it in HTML, every cell escaped."""
        head = "".join(
            f'<th scope="col">{html.escape(cell)}</th>' if cell else "<td></td>"
            for cell in self.header
        )
        body = "".join(
            f'<tr><th scope="row">{html.escape(row[0])}</th>'
            + "".join(f"<td>{_cell(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    """Escape a cell; an interval in parentheses goes on a line of its own."""
    value, opened, interval = text.partition(" (")
    if opened and " to " in interval and interval.endswith(")"):
        return f"{html.escape(value)}<small>{html.escape(interval[:-1])}</small>"
    return html.escape(text)


def plain(text: str) -> str:
    """Take from a cell what Markdown or the HTML inside it would act on."""
    flat = " ".join(html.escape(text, quote=False).split())
    return "".join(f"\\{one}" if one in r"\|`*_[]" else one for one in flat)
