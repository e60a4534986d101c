"""Options for the parameters of the models, read off their constructors and docstrings.

A parameter is written once, in its model. Its type, its default and its entry in the docstring
become an option here, so that a new model needs no change to the commands.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from lmf.cli.failures import CommandError

__all__ = ["ModelChoice", "docstring_entries", "with_model_options"]

_PANEL = "Model"
_METAVARS = {int: "INTEGER", float: "NUMBER"}


@dataclass(frozen=True)
class ModelChoice:
    """The model asked for on the command line, with the parameters given there."""

    name: str
    given: Mapping[str, Any]

    def make(self, models: Mapping[str, type[Any]]) -> Any:
        """Make the model.

        Raises
        ------
        CommandError
            No such model, or a parameter that it does not have.
        """
        if self.name not in models:
            raise CommandError(f"no model {self.name!r}: choose among {', '.join(sorted(models))}")
        known = inspect.signature(models[self.name]).parameters
        for name in self.given:
            if name not in known:
                raise CommandError(f"the model {self.name} has no {_flag(name)}")
        return models[self.name](**self.given)


@dataclass
class _Parameter:
    annotation: Any
    help: str
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The help, with the default of each model that has the parameter."""
        values = {str(value) for value in self.defaults.values()}
        if len(values) == 1:
            default = values.pop()
        else:
            default = ", ".join(f"{value} for {model}" for model, value in self.defaults.items())
        return self.help if default == "None" else f"{self.help} (default: {default})"


def with_model_options(
    models: Mapping[str, type[Any]], default: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a command's parameter ``choice`` by ``--model`` and an option per parameter.

    Parameters
    ----------
    models : mapping
        Name to class.
    default : str
        The model where none is named.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command, eval_str=True)
        options = _options(models, default)
        kept = [one for name, one in signature.parameters.items() if name != "choice"]

        @functools.wraps(command)
        def with_choice(**values: Any) -> Any:
            model = values.pop("model")
            given = {name: values.pop(name) for name in names}
            choice = ModelChoice(model, {n: v for n, v in given.items() if v is not None})
            return command(choice=choice, **values)

        names = [option.name for option in options if option.name != "model"]
        shown = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in [*kept, *options]]
        with_choice.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        with_choice.__annotations__ = {one.name: one.annotation for one in shown}
        del with_choice.__wrapped__
        return with_choice

    return decorate


def _options(models: Mapping[str, type[Any]], default: str) -> list[inspect.Parameter]:
    told = f"The model: {', '.join(models)}."  # wraps between words, as a metavar does not
    choice = typer.Option("--model", metavar="NAME", help=told, rich_help_panel=_PANEL)
    result = [_parameter("model", Annotated[str, choice], default)]
    # Where models describe a parameter differently, the default model's words are shown.
    first = {default: models[default], **models} if default in models else models
    for name, parameter in _parameters(first).items():
        option = typer.Option(
            help=parameter.told,
            show_default=False,
            metavar=_METAVARS.get(parameter.annotation),
            rich_help_panel=_PANEL,
        )
        result.append(_parameter(name, Annotated[parameter.annotation | None, option], None))
    return result


def _parameters(models: Mapping[str, type[Any]]) -> dict[str, _Parameter]:
    """Collect the parameters of all constructors, those of the same name together."""
    found: dict[str, _Parameter] = {}
    for model, cls in models.items():
        hints = typing.get_type_hints(cls.__init__)
        entries = docstring_entries(inspect.getdoc(cls) or "")
        for name, parameter in inspect.signature(cls).parameters.items():
            annotation = _plain(hints.get(name, str))
            one = found.setdefault(name, _Parameter(annotation, entries.get(name, "")))
            one.defaults[model] = parameter.default
    return found


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _plain(annotation: Any) -> Any:
    """Find the type that a word is converted to: ``float`` for ``float | None``."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        choices = [one for one in typing.get_args(annotation) if one is not type(None)]
        for simple in (bool, float, int, str):
            if simple in choices:
                return simple
    return annotation if annotation in (bool, int, float, str) else str


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def docstring_entries(text: str) -> dict[str, str]:
    """Read the entries of the section Parameters of a numpydoc docstring.

    Returns
    -------
    dict
        Name to description, on one line.

    Examples
    --------
    >>> docstring_entries('''Model.
    ...
    ... Parameters
    ... ----------
    ... alpha, beta : float
    ...     Confidence of a
    ...     ``unit`` value.
    ...
    ... Examples
    ... --------
    ... ''')
    {'alpha': 'Confidence of a unit value.', 'beta': 'Confidence of a unit value.'}
    """
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", text, re.S | re.M)
    entries: dict[str, str] = {}
    for names, body in re.findall(
        r"^(\w[\w, ]*?)(?: *:[^\n]*)?\n((?:[ \t]+[^\n]*\n|\n)+)",
        (section[1] if section else "") + "\n",
        re.M,
    ):
        text = " ".join(body.split()).replace("``", "")  # marks of the docstring
        entries.update({name.strip(): text for name in names.split(",")})
    return entries
