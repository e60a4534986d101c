"""How good the recommendations are.

``metrics`` and ``exposure`` define what is measured and ``measure`` computes it; ``trial`` says
whom it is asked of, ``scoring`` goes through them, ``scores`` keeps the figures by user.
``slices`` names parts of users and items; ``bootstrap``, ``inference`` and ``differences`` say how
sure a figure is; ``rating_errors``, ``rating_scores`` and ``calibration`` judge predicted values.
``report`` gives everything out, by ``tables``, ``wording``, ``markdown`` and ``page``.
"""
