"""A whole `leasebot serve` whose driver and clock are given; the rest comes from the environment as always.

python -m tests.contract.drivers.replica --driver NAME [--ahead S]

Prints the server's ready line. Ends with SIGTERM.
"""

import argparse
import asyncio
import random
import sys
from typing import cast

from bot.claims import free_the_dead
from bot.drivers import Local
from deploy.compose import bot
from deploy.console import settled
from deploy.front import bolt_dispatch, intake_of, site, timers
from deploy.logs import configure
from deploy.sandbox.clock import SimClock
from deploy.serving import server
from tests.contract.drivers.driving import NAMES, driver


async def main(name: str, ahead_s: int) -> None:
    settings, config = settled()
    clock = SimClock()  # the host's time, with what has gone by while nobody was there
    clock.advance_ms(ahead_s * 1000)
    async with bot(settings, config, clock=clock) as running:
        running.local = cast("Local", driver(name, running.drain, random.Random()))
        await free_the_dead(running.db, running.clock.now())
        intake = intake_of(running)
        _app, dispatch = bolt_dispatch(running, intake)
        async with timers(running):
            await server(site(running, dispatch), "127.0.0.1", 0).serve()
        await intake.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", choices=NAMES, required=True)
    parser.add_argument("--ahead", type=int, default=0)
    given = parser.parse_args(sys.argv[1:])
    configure("console")
    asyncio.run(main(given.driver, given.ahead))
