"""For machines without curl: the part of it that the README uses."""

import sys
import urllib.error
import urllib.request

rest = iter(sys.argv[1:])
url, data, headers = "", None, {}
for one in rest:
    if one == "-H":
        name, _, value = next(rest).partition(":")
        headers[name.strip()] = value.strip()
    elif one == "-d":
        data = next(rest).encode()
    elif one.startswith("http"):
        url = one
    elif one != "-s":
        sys.exit(f"this stand-in does not know {one}")
try:
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as reply:
        print(reply.read().decode())
except urllib.error.HTTPError as problem:
    print(problem.read().decode())
