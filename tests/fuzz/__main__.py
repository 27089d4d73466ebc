"""``python -m tests.fuzz [--seconds 3600] [--seed S] [TARGET …]``: the long form, led by coverage (atheris).

The seconds are shared among the targets. Inputs that lead somewhere new stay in ``.cache/fuzz/TARGET`` for the next
run; one that breaks a decoder is written next to them as ``crash-…``, and named: being there, it is tried first again.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

if "--here" in sys.argv:
    import atheris  # type: ignore[import-untyped]  # installed by `make fuzz` alone

    # our own modules only: to instrument what they import takes minutes and leads nowhere
    with atheris.instrument_imports(include=["tpre_offchain"]):
        from tests.fuzz.targets import TARGETS
else:
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
MAX_BYTES = 4_096
SLOW_S = 5


def main() -> int:
    """Fuzz each target in a process of its own; the exit code says whether one broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=3600, help="for all targets together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.targets or list(TARGETS)
    unknown = sorted(set(names) - set(TARGETS))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    if given.here:
        _fuzz_here(names[0], given.seconds, given.seed)
    return _fuzz_all(names, max(1, given.seconds // len(names)), given.seed)


def _fuzz_all(names: list[str], seconds: int, seed: int) -> int:
    print(f"seed {seed}, {seconds} s for each of {len(names)} targets")
    broken = []
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", "--here", "--seconds", str(seconds), "--seed", str(seed), name]
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        tail = [line for line in done.stderr.splitlines() if line.strip()]
        runs = next((line for line in reversed(tail) if line.startswith("Done ")), "")
        print(f"{name:<12} {'ok' if done.returncode == 0 else 'BROKEN'}  {time.monotonic() - started:6.1f} s  {runs}")
        if done.returncode:
            broken.append(name)
            print("\n".join(tail[-40:]))
    return 1 if broken else 0


def _fuzz_here(name: str, seconds: int, seed: int) -> None:
    """Never returns: libFuzzer ends the process."""
    target, corpus = TARGETS[name], CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "seed").write_bytes(target.seed())
    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MAX_BYTES}", f"-timeout={SLOW_S}"]
    options += [f"-artifact_prefix={corpus}/", "-print_final_stats=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
