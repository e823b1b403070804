"""`python -m simulator`: the simulated providers on loopback sockets, for tests and peers. See simulator/hosting.py."""

import argparse
import sys
from pathlib import Path

from simulator.hosting import Options, main
from simulator.world import WorldError


def options(arguments: list[str]) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--world", default="default", help="a shipped world, or a TOML file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0, help="world seconds per real second")
    parser.add_argument("--clock", type=Path, help="the file of a clock shared with others, instead of --speed")
    parser.add_argument("--control", action="store_true", help="open the control address: /ledger, /truth, /faults")
    parser.add_argument("--past", type=Path, help="a world that was put to sleep: this one goes on")
    parser.add_argument("--key", action="append", default=[], metavar="PROVIDER=KEY", help="accept only this key")
    found = parser.parse_args(arguments)
    keys = dict(pair.split("=", 1) for pair in found.key)
    return Options(
        world=found.world,
        seed=found.seed,
        speed=found.speed,
        clock=found.clock,
        control=found.control,
        keys=keys,
        past=found.past,
    )


if __name__ == "__main__":
    try:
        main(options(sys.argv[1:]))
    except WorldError as error:
        sys.exit(str(error))
