"""The pictures of docs/pictures.md, from real fits: ``python -m examples.pictures``."""
