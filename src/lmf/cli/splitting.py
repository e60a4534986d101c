"""The ways to hold interactions out that commands offer by name."""

from __future__ import annotations

from typing import Annotated

import typer

from lmf.cli.failures import CommandError
from lmf.data import protocols
from lmf.data.interactions import Interactions
from lmf.data.split import Split, UserSplit
from lmf.data.splits import split_by_time, split_items, split_last, split_random, split_users

__all__ = ["SPLITS", "SplitName", "TestFraction", "held_out"]

SPLITS = ("random", "last", "time", "users", "items", "new-items", "ncf", "vae-cf")
_NEED_TIMES = ("last", "time", "ncf")
_OF_SHARES = ("random", "time", "users", "items", "new-items")
_PANEL = "What is measured"

SplitName = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="|".join(SPLITS),
        help="What is held out: a share of each user's interactions at random, the last one of "
        "each user, the latest of all, whole users, or whole items, ranked among all or among each "
        "other; or the protocol of a paper: NCF (the last one among 99 sampled items) or VAE-CF "
        "(whole users). (default: random)",
        rich_help_panel=_PANEL,
    ),
]
TestFraction = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER", help="The share held out. (default: 0.2)", rich_help_panel=_PANEL
    ),
]


def held_out(
    data: Interactions, split: str, test_fraction: float | None, seed: int
) -> Split | UserSplit:
    """Hold out what a command line asks for.

    Raises
    ------
    CommandError
        For an unknown name, a share where none is needed, or missing times.
    """
    if split not in SPLITS:
        raise CommandError(f"no split {split!r}: choose among {', '.join(SPLITS)}")
    if split in _NEED_TIMES and data.timestamps is None:
        raise CommandError(f"--split {split} needs a column of times; name it by --timestamp")
    if test_fraction is not None and split not in _OF_SHARES:
        raise CommandError(f"--split {split} says itself how much is held out: no --test-fraction")
    fraction = 0.2 if test_fraction is None else test_fraction
    if split == "last":
        return split_last(data)
    if split == "time":
        return split_by_time(data, test_fraction=fraction)
    if split == "users":
        return split_users(data, test_fraction=fraction, seed=seed)
    if split in ("items", "new-items"):
        among = "all" if split == "items" else "held_out"
        return split_items(data, fraction, seed=seed, among=among)
    if split == "ncf":
        return protocols.ncf(data, seed=seed)
    if split == "vae-cf":
        return protocols.vae_cf(data, seed=seed)
    return split_random(data, fraction, seed=seed)
