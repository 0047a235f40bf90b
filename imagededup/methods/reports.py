"""One warning for all the files that were left out."""

import logging
from collections.abc import Sequence

from imagededup.sources.folders import Failure
from imagededup.utils.text import counted, shown

__all__ = ["report_failures"]

logger = logging.getLogger("imagededup")

_MOST_LISTED = 1000


def report_failures(failures: Sequence[Failure]) -> None:
    """Log one warning that counts and lists the files that were left out, if there are any."""
    if not failures:
        return
    lines = [
        f"  {shown(failure.name)}: {shown(failure.reason)}" for failure in failures[:_MOST_LISTED]
    ]
    if len(failures) > _MOST_LISTED:
        lines.append(f"  and {len(failures) - _MOST_LISTED} more (listed at logging level DEBUG)")
        for failure in failures[_MOST_LISTED:]:
            logger.debug("%s could not be read: %s", shown(failure.name), shown(failure.reason))
    logger.warning(
        "%s could not be read and left out:\n%s", counted(len(failures), "file"), "\n".join(lines)
    )
