"""Functions of the media example: a film is a string of frames, transcoding makes them shorter."""


class UnreadableFrame(Exception):
    """A frame is damaged: no other try would read it."""


def split(arguments: dict) -> list:
    """Cut the film into parts of `frames` frames."""
    film, size = arguments["film"], arguments["frames"]
    return [
        {"number": number, "frames": film[at : at + size]}
        for number, at in enumerate(range(0, len(film), size))
    ]


def transcode(arguments: dict) -> dict:
    """Make one part small."""
    part = arguments["part"]
    print(f"part {part['number']}: {len(part['frames'])} frames")
    if "?" in part["frames"]:
        raise UnreadableFrame(f"part {part['number']} is damaged")
    return {"number": part["number"], "frames": part["frames"].lower()}


def merge(arguments: dict) -> dict:
    """Put the parts together in their order."""
    parts = sorted(arguments["parts"], key=lambda part: part["number"])
    return {"film": "".join(part["frames"] for part in parts), "parts": len(parts)}
