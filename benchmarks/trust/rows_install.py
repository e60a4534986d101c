"""The row about installing where there is nothing: bare systems, no network."""

from __future__ import annotations

from benchmarks.trust.row import Figures, Row


def _installed(figures: Figures) -> str:
    tests = figures["tests"].values()
    wheels = ", ".join(
        f"{one['tag']} for {one['auditwheel'][-1]} ({system})"
        for system, one in figures["wheels"].items()
    )
    audits = [one["abi3audit"] for one in figures["wheels"].values() if "abi3audit" in one]
    strange = sum(len(one["non_abi3_symbols"]) for one in audits)
    return (
        f"{sum(one['failed'] for one in tests)} of {sum(one['passed'] for one in tests):,} tests "
        f"failed in {len(tests)} installations; wheels {wheels}; abi3audit: {strange} symbols "
        f"outside the stable ABI in {len(audits)}"
    )


ROWS = [
    Row(
        name="install",
        promise="pip install, make demo and make test need Python, a compiler and no network.",
        how="In bare Debian 12 and 13 (debootstrap, chroot, unshare --net), as an ordinary user.",
        command="bash benchmarks/trust/install.sh",
        figure=_installed,
    )
]
