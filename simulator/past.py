"""A simulated world put to sleep in a file and woken in another process: what happened before goes on to be true.

The file is a pickle: only what this installation wrote itself a moment ago may be woken.
"""

import pickle
from pathlib import Path

from simulator.simulation import Simulation
from simulator.studio import Nobody, Studio


def put_to_sleep(simulation: Simulation, path: Path) -> None:
    """Write it whole. Nothing may be rented: a worker's plans would be late when it wakes."""
    simulation.site.studio = Nobody()
    simulation.site.ports.clear()  # of another process
    path.write_bytes(pickle.dumps(simulation))


def woken(path: Path, studio: Studio) -> Simulation:
    """The world as it was, with a painter of this process."""
    simulation: Simulation = pickle.loads(path.read_bytes())  # noqa: S301 - written by our own command
    simulation.site.studio = studio
    return simulation
