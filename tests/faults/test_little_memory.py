"""Processes with little memory: they end by themselves, and say that it is memory that lacks."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.faults.commands import Commands
from tests.faults.jobs import make_inputs

HEADROOM = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # MiB


@pytest.mark.long
def test_every_command(tmp_path):
    """An image that is too large is listed with the reason; all others have their results."""
    inputs, out = tmp_path / "inputs", tmp_path / "out"
    runs = {
        "find": "find {inputs}/photos --no-cache -o {out}/found.json",
        "find, cnn": "find {inputs}/photos --no-cache -m cnn --verify -o {out}/found.csv",
        "encode": "encode {inputs}/photos --no-cache -m cnn -o {out}/codes.npz",
        "report": "report {inputs}/photos --no-cache -o {out}/report.html",
        "fastdup": "fastdup {inputs}/photos --work_dir={out}/work",
        "plot": "plot clusters {inputs}/photos {inputs}/found.json -o {out}/plot.png",
    }
    whole = ended = 0
    with Commands() as commands:
        make_inputs(inputs, commands)
        noise = np.random.default_rng(0).integers(0, 256, (2500, 3500, 3), np.uint8)
        Image.fromarray(noise).save(inputs / "photos" / "large.png", compress_level=1)
        for name, line in runs.items():
            for headroom in HEADROOM:
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                arguments = line.format(inputs=inputs, out=out).split()
                result = commands.run(*arguments, headroom=headroom)
                case = name, headroom, result
                assert result.code in (0, 1), case
                assert "Traceback" not in result.err, case
                left = [path.name for path in out.iterdir() if path.name.startswith(".")]
                assert left == [], case
                whole += result.code == 0
                ended += result.code == 1
                if result.code == 1:
                    assert "memory" in result.err.lower(), case
    print(f"\nlittle memory survived: {whole + ended} runs, {ended} of them ended with a message")
    assert whole > 0
    assert ended > 0
