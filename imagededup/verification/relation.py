"""How two pictures are related."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = ["ACTED_ON", "RELATED", "REMOVABLE", "Relation", "check_relations"]


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

ACTED_ON = (*RELATED, Relation.OVERLAP)
"""Of what one picture may go where it is asked for."""


def check_relations(relations: object, allowed: tuple[Relation, ...]) -> tuple[Relation, ...]:
    """The relations that words name, in the order of `Relation`, each once.

    Raises:
        InvalidTypeError: Not a sequence of words.
        InvalidValueError: None at all, or one that is not allowed.

    Examples:
        >>> check_relations(["part", "copy", "copy"], RELATED)
        (<Relation.COPY: 'copy'>, <Relation.PART: 'part'>)
    """
    if isinstance(relations, str | bytes | Mapping) or not isinstance(relations, Collection):
        raise InvalidTypeError(
            f"relations must be a sequence of str, got {type(relations).__name__} {relations!r}"
        )
    given = list(relations)
    for relation in given:
        if not isinstance(relation, str):
            raise InvalidTypeError(
                f"relations must be a sequence of str, got {type(relation).__name__} in it"
            )
    unknown = [str(relation) for relation in given if relation not in list(allowed)]
    if unknown or not given:
        words = ", ".join(repr(str(relation)) for relation in allowed)
        got = repr(unknown[0]) if unknown else "none"
        raise InvalidValueError(f"relations must be of {words}, got {got}")
    return tuple(relation for relation in allowed if relation in given)
