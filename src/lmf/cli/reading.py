"""Read the tables that a command names, and say what was found in them."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from lmf.cli.failures import CommandError
from lmf.data.feature_columns import KINDS
from lmf.data.features import ItemFeatures, item_features_like
from lmf.data.interactions import Interactions
from lmf.models import Model

__all__ = ["FeatureTable", "Table", "refuse_unused"]


@dataclass(frozen=True)
class Table:
    """A table of interactions on disk, and how to read it."""

    path: str
    user: str | None
    item: str | None
    value: str | None
    timestamp: str | None
    ignore_values: bool
    min_value: float | None
    duplicates: str

    def read(self, *, quiet: bool) -> Interactions:
        """Read it; unless `quiet`, say on the standard error what it holds."""
        started = time.perf_counter()
        with _busy(f"reading {self.path}", quiet):
            found = Interactions.of(
                self.path,
                user=self.user,
                item=self.item,
                value=False if self.ignore_values else self.value,
                timestamp=self.timestamp,
                duplicates=self.duplicates,
            )
            kept = found if self.min_value is None else self._liked(found, self.min_value)
        if not quiet:
            print(self._told(found, kept, time.perf_counter() - started), file=sys.stderr)
        return kept

    def _liked(self, found: Interactions, least: float) -> Interactions:
        if found.values is None:
            raise CommandError("--min-value needs a column of values; name it by --value")
        kept = found.binarize(least)
        if not kept.nnz:
            most = float(found.values.max())
            raise CommandError(f"no {found.columns.value} is at least {least:g}; most is {most:g}")
        return kept

    def _told(self, found: Interactions, kept: Interactions, seconds: float) -> str:
        columns = found.columns
        parts = [
            f"{self.path}: {found.nnz:,} interactions of {found.n_users:,} users "
            f"({columns.user}) with {found.n_items:,} items ({columns.item})"
        ]
        if kept is not found:
            parts.append(f"{kept.nnz:,} with {columns.value} of at least {self.min_value:g} kept")
        if found.duplicates.merged:
            parts.append(f"{found.duplicates.merged:,} duplicates merged ({self.duplicates})")
        parts.append(f"{seconds:.1f} s")
        return ", ".join(parts)


@dataclass(frozen=True)
class FeatureTable:
    """A table of item features on disk, where there is one, and how to read it."""

    path: str | None
    item: str | None
    columns: list[str] | None

    def beside(self, data: Interactions, *, quiet: bool) -> Interactions:
        """Read it, if there is one, and put it beside the interactions."""
        if self.path is None:
            if self.item is not None or self.columns:
                raise CommandError("--feature and --feature-item need --item-features")
            return data
        found = self._features(data.columns.item)
        joined = data.with_item_features(found)
        if not quiet:
            print(
                f"{self.path}: {found.n_features:,} features of {len(found.items):,} items, "
                f"{joined.n_items - data.n_items:,} of them in no interaction",
                file=sys.stderr,
            )
        return joined

    def _features(self, like: str) -> ItemFeatures:
        if self.item is None and not self.columns:
            return item_features_like(self.path, like)
        kinds = dict(_split(word) for word in self.columns or ())
        return ItemFeatures.of(self.path, item=self.item, columns=kinds or None)


def refuse_unused(features: FeatureTable, kind: type[Model]) -> None:
    """Refuse features of items for a model that would learn nothing from them."""
    if features.path is not None and not kind.needs_item_features:
        raise CommandError(
            f"the model {kind.name} learns nothing from --item-features: --model content does"
        )


def _split(word: str) -> tuple[str, str | None]:
    """Read ``title=text``, or ``title`` alone."""
    name, equals, kind = word.rpartition("=")
    if not equals:
        return word, None
    if kind not in KINDS:
        raise CommandError(f"--feature {word}: no kind {kind!r}: choose among {', '.join(KINDS)}")
    return name, kind


def _busy(what: str, quiet: bool) -> AbstractContextManager[Any]:
    """Turn a small wheel on a terminal while something takes its time."""
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
