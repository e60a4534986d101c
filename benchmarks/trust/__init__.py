"""Measured promises: one command runs them all, one file a row keeps the figures.

    python -m benchmarks.trust               all rows in full (hours), or `make trust`
    python -m benchmarks.trust --short       all rows in their short form (minutes)
    python -m benchmarks.trust --only ROW    some of them

A row (`row.py`) is a promise and the command that measures it. The command finds the form it should
run in under LMF_TRUST (``full`` or ``short``), leaves its figures by `record.py`, and exits with 0
where the promise held. Rows are registered in the files ``rows_*.py`` beside this one, as a list
``ROWS``. Full runs write ``rows/ROW.json`` and, from all of those, ``trust.json`` and the table of
docs/trust.md; short ones write to ``.bench/trust`` only.
"""
