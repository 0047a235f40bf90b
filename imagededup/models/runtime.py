"""The one place that imports onnxruntime."""

import os
from typing import Any

__all__ = ["RUNTIMES", "load_onnxruntime"]


def load_onnxruntime() -> Any:  # noqa: ANN401
    """The module onnxruntime, which reports nothing to anyone.

    It starts its telemetry while it is imported: it writes an identifier of the device into the
    user's cache folder and looks up a host of Microsoft. Only the environment prevents that. The
    call is for a program that has imported onnxruntime before.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
"""The packages that the module may be of."""
