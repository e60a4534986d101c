"""Write every picture of docs/pictures.md: `make pictures`, or `python -m examples.pictures`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # draw into files, whatever the screen

from matplotlib import pyplot

from examples.pictures.draw import PICTURES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        figure = PICTURES[name]()
        path = FOLDER / f"{name}.png"
        figure.savefig(path, dpi=100, metadata={"Software": None})
        pyplot.close(figure)
        print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
