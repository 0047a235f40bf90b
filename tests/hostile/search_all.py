"""Search a folder by every encoder, and write what each found: python -m ... FOLDER OUT PAGE."""

import json
import sys
from pathlib import Path

from imagededup import CNN, AHash, DHash, PHash, WHash


def main(folder: str, out: str, page: str, *methods: str) -> None:
    encoders = {encoder.__name__: encoder for encoder in (PHash, DHash, AHash, WHash, CNN)}
    found = {}
    for name in methods:
        encoder = encoders[name](verbose=False)
        result = encoder.search(folder, recursive=True, verify=name == "CNN")
        entries = dict(result.entries())
        found[name] = {
            "names": result.names,
            "failures": [[failure.name, failure.reason] for failure in result.failures],
            "pairs": entries,
        }
        if name == methods[0]:
            result.to_html(page)
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
