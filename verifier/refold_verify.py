"""The name that the verifier had as one file: it runs the folder beside it."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).with_suffix("")), run_name="__main__")
