"""For machines without psql: the part of it that deploy/postgres-init.sh uses.

Variables of `--set NAME=VALUE` stand in the script as :'NAME' (a text) and :"NAME" (a name).
"""

import asyncio
import os
import re
import sys

import asyncpg


def arguments() -> tuple[dict[str, str], dict[str, str]]:
    """Options and variables."""
    options, variables = {}, {}
    rest = iter(sys.argv[1:])
    for one in rest:
        if one == "--set":
            name, _, value = next(rest).partition("=")
            variables[name] = value
        elif one in ("--username", "--dbname"):
            options[one] = next(rest)
        elif one not in ("--no-psqlrc", "--quiet"):
            sys.exit(f"this stand-in does not know {one}")
    return options, variables


def filled_in(script: str, variables: dict[str, str]) -> str:
    script = re.sub(r":'(\w+)'", lambda m: "'" + variables[m[1]].replace("'", "''") + "'", script)
    return re.sub(r':"(\w+)"', lambda m: '"' + variables[m[1]].replace('"', '""') + '"', script)


async def main() -> None:
    options, variables = arguments()
    session = await asyncpg.connect(
        host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]),
        user=options["--username"], database=options["--dbname"],
    )  # fmt: skip
    await session.execute(filled_in(sys.stdin.read(), variables))
    await session.close()


asyncio.run(main())
