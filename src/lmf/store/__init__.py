"""Save and read models: one file, no code in it, replaced whole or not at all.

The format is described in docs/model-file.md. Nothing here knows a model, only
:class:`~lmf.state.ModelState`, plain values; ``lmf.models.load`` makes a model of them.
"""

from lmf.store.files import (
    Description,
    describe,
    history_of,
    library_version,
    read,
    save,
)

__all__ = ["Description", "describe", "history_of", "library_version", "read", "save"]
