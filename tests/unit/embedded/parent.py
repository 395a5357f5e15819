"""A process that supervises one service until it is made to end: `parent.py TIE FOLDER COMMAND…`."""

import asyncio
import sys
from pathlib import Path

from streams.embedded.supervisor import Service, Supervisor


async def at_once() -> bool:
    return True


async def main(tied: str, folder: str, *command: str) -> None:
    async with Supervisor(Path(folder), tied) as supervisor:
        await supervisor.start(Service("child", command, at_once))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
