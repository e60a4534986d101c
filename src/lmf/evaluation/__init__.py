"""How good the recommendations are.

``metrics`` defines what is measured and ``measure`` computes it; ``trial`` says whom it is measured
on, ``evaluate`` goes through them, ``scores`` keeps the figures, ``wording`` puts them into words
and ``report`` gives them out.
"""
