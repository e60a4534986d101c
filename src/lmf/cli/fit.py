"""``lmf fit``: from a table of interactions to a model file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from lmf.cli import options
from lmf.cli.failures import CommandError, InterruptedWorkError
from lmf.cli.history_plot import HistoryPlot
from lmf.cli.output import check_writable
from lmf.cli.parameters import ModelChoice, with_model_options
from lmf.cli.reading import FeatureTable, Table, refuse_unused
from lmf.cli.validation import hold_out
from lmf.errors import ModelFileError
from lmf.models import Model

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "lmf fit ratings.csv -o movies.lmf",
    "lmf fit 'parts/*.parquet' --user customer --item sku -o shop.lmf",
    "lmf fit ratings.csv --model content --item-features movies.csv -o movies.lmf",
    "lmf fit ratings.csv --min-value 3.5 --n-factors 128 -o movies.lmf",
    "lmf fit ratings.csv --validation 0.1 --plot history.png -o movies.lmf",
    "lmf fit ratings.csv -o movies.lmf --checkpoint movies.fit --resume",
)

_CHECKPOINT = "Going on after a kill"


@with_model_options(Model.registry, default="weighted")
def command(
    data: options.Data,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write the model here.")
    ],
    user: options.UserColumn = None,
    item: options.ItemColumn = None,
    value: options.ValueColumn = None,
    timestamp: options.TimestampColumn = None,
    ignore_values: options.IgnoreValues = False,
    min_value: options.MinValue = None,
    duplicates: options.Duplicates = "last",
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|FILE",
            help="Measure each epoch on interactions that are not learned from, and keep the best "
            "epoch: a share of each user's, such as 0.1, or those of another file.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="INTEGER",
            help="Stop after so many epochs without a lower validation error. (default: 3)",
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Draw the history here, in the format of the ending: .png, .svg or .pdf.",
        ),
    ] = None,
    item_features: options.ItemFeatures = None,
    feature_item: options.FeatureItem = None,
    feature: options.Feature = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep the fit here while it runs; removed when the model is saved.",
            rich_help_panel=_CHECKPOINT,
        ),
    ] = None,
    checkpoint_every: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="At most so often; 0: each epoch. (default: each epoch, but where that would take "
            "over a twentieth of the time)",
            rich_help_panel=_CHECKPOINT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the checkpoint if there is one: the model has the same bits as if the "
            "fit had never stopped.",
            rich_help_panel=_CHECKPOINT,
        ),
    ] = False,
    quiet: options.Quiet = False,
    *,
    choice: ModelChoice,
) -> None:
    """Fit a model to a table of who liked what, and save it.

    Ctrl-C keeps what the finished epochs have learned: the model is saved as it is then, and the
    checkpoint stays.
    """
    path = Path(output)
    check_writable(path, devices=False)
    picture = None if plot is None else HistoryPlot(plot)
    if plot is not None and Path(plot).resolve() == path.resolve():
        raise CommandError(f"--plot and --output are both {path}")
    if patience is not None and validation is None:
        raise CommandError("--patience needs --validation, whose error it waits for")
    kept = _place(checkpoint, path)
    if kept is None and (resume or checkpoint_every is not None):
        raise CommandError("--resume and --checkpoint-every need a --checkpoint FILE")
    model = choice.make(Model.registry)
    features = FeatureTable(item_features, feature_item, feature)
    refuse_unused(features, type(model))
    table = Table(data, user, item, value, timestamp, ignore_values, min_value, duplicates)
    interactions, held_out = hold_out(
        table, validation, seed=choice.given.get("seed", 0), quiet=quiet
    )
    interactions = features.beside(interactions, quiet=quiet)
    started = time.perf_counter()
    try:
        model.fit(
            interactions,
            validation=held_out,
            patience=3 if patience is None else patience,
            progress=not quiet,
            checkpoint=kept,
            checkpoint_every=checkpoint_every,
            resume=resume,
        )
    except KeyboardInterrupt:
        told = _rescue(model, path, kept)
        if picture is not None and model.is_fitted:
            picture.write(model.history_)
        raise InterruptedWorkError(told) from None
    except ModelFileError as error:  # the checkpoint's
        if model.is_fitted:
            raise ModelFileError(error.path, f"{error.reason}; {_rescue(model, path)}") from error
        raise
    seconds = time.perf_counter() - started
    model.save(path)
    if kept is not None:
        kept.unlink(missing_ok=True)
    if not quiet:
        if len(model.history_) > 1:
            print(model.history_.sketch(), file=sys.stderr)
        print(_summary(model, path, seconds), file=sys.stderr)
    if picture is not None:
        picture.write(model.history_)


def _place(checkpoint: str | None, model: Path) -> Path | None:
    """Return where the checkpoint goes, refused early where it cannot be written."""
    if checkpoint is None:
        return None
    place = Path(checkpoint)
    if place.resolve() == model.resolve():
        raise CommandError(f"{place}: the checkpoint needs another name than the model")
    check_writable(place, devices=False)
    return place


def _rescue(model: Model, path: Path, checkpoint: Path | None = None) -> str:
    """Save what an interrupted fit has learned, and say so."""
    go_on = ""
    if checkpoint is not None and checkpoint.exists():
        go_on = f"; {checkpoint} stays, the same command with --resume goes on from there"
    if not model.is_fitted:
        return f"no epoch was finished, nothing is saved{go_on}"
    epochs = len(model.history_)
    model.save(path)
    return f"the model after {epochs} epoch{'s' if epochs > 1 else ''} is saved in {path}{go_on}"


def _summary(model: Model, path: Path, seconds: float) -> str:
    epochs = len(model.history_)
    how = [f"{epochs} epochs"] if epochs else []
    stopped = model.history_.stopped if epochs else ""
    how += ["converged"] if stopped == "converged" else []
    how += [f"stopped early, epoch {model.history_.best_epoch} kept"] if stopped == "early" else []
    how.append(f"{seconds:.1f} s")
    size = path.stat().st_size / 1e6
    return f"{model.name}: {', '.join(how)}, saved in {path} ({size:.1f} MB)"
