"""How fast: lmf side by side with the peers, alternating within one run."""
