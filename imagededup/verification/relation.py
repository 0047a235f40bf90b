"""How two pictures are related."""

from enum import StrEnum

__all__ = ["RELATED", "REMOVABLE", "Relation"]


class Relation(StrEnum):
    """How two pictures are related.

    Attributes:
        IDENTICAL: Every pixel is the same, alpha included.
        COPY: The same picture, edited as a whole: resized, recompressed, recoloured, turned.
        PART: One is a crop of the other.
        VARIANT: Laid on each other they agree but for a region: a caption, or another receipt on
            the same form.
        OVERLAP: Each shows something that the other lacks.
        UNRELATED: Different pictures.
        UNDECIDED: Too little texture to tell.
    """

    IDENTICAL = "identical"
    COPY = "copy"
    PART = "part"
    VARIANT = "variant"
    OVERLAP = "overlap"
    UNRELATED = "unrelated"
    UNDECIDED = "undecided"


RELATED = (Relation.IDENTICAL, Relation.COPY, Relation.PART, Relation.VARIANT)
"""What counts as a duplicate where nothing else is asked for."""

REMOVABLE = (Relation.IDENTICAL, Relation.COPY, Relation.PART)
"""Of what one picture may go, where nothing else is asked for; of a part and its whole the part."""
