"""Save and load models: one file, no code in it, replaced whole or not at all.

The format is described in docs/model-file.md. `save` and `read` know only
:class:`~lmf.state.ModelState`, plain values; `load` makes the model of them.
"""

from lmf.store.files import Description, describe, read, save
from lmf.store.load import load

__all__ = ["Description", "describe", "load", "read", "save"]
