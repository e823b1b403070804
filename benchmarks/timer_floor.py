"""How late this machine wakes a sleeper: `python -m benchmarks.timer_floor TIMERS SECONDS`, on uvloop.

What no harness can beat: so many sleepers, spread over so many seconds, in a process that does nothing else. Prints
the 99th percentile and the largest lateness, milliseconds.
"""

import asyncio
import gc
import sys
import time

import uvloop


async def lateness_ms(timers: int, seconds: float) -> list[float]:
    """How late each of `timers` sleepers woke, ascending."""
    start = time.perf_counter() + 0.2

    async def sleeper(number: int) -> float:
        due = start + number * seconds / timers
        await asyncio.sleep(due - time.perf_counter())
        return (time.perf_counter() - due) * 1e3

    return sorted(await asyncio.gather(*(sleeper(number) for number in range(timers))))


def main() -> None:
    """Measure and print."""
    gc.freeze()
    late = uvloop.run(lateness_ms(int(sys.argv[1]), float(sys.argv[2])))
    print(f"{late[int(0.99 * (len(late) - 1))]:.3f} {late[-1]:.3f}")


if __name__ == "__main__":
    main()
