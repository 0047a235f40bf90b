"""How what goes is related to what stays for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagededup.methods.verified import VerdictTable

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal

__all__ = ["relations_of_removals"]


def relations_of_removals(
    found: "Duplicates", removals: Sequence["Removal"]
) -> dict[str, str | None]:
    """How what goes is related to what stays, by the name of what goes.

    None where the codes alone decided.
    """
    names = [removal.name for removal in removals]
    if found.verdicts is None:
        return dict.fromkeys(names)
    of_image = {name: item for item, name in enumerate(found.names)}
    of_other = of_image
    if found.reference_names is not None:
        of_other = {name: item for item, name in enumerate(found.reference_names)}
    left = np.array([of_image[name] for name in names], np.int64)
    right = np.array([of_other[removal.duplicate_of] for removal in removals], np.int64)
    details = VerdictTable(found.matches, found.verdicts).details(left, right)
    return dict(zip(names, details["relation"].tolist(), strict=True))
