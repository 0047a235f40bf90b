"""When JPEGs are decoded at reduced size."""

from dataclasses import dataclass

__all__ = ["Reduction"]


@dataclass(frozen=True, slots=True)
class Reduction:
    """When a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, which is up to ten times as fast.

    Attributes:
        above: Images whose shorter side has fewer pixels are decoded in full.
        down_to: The shorter side keeps at least this many pixels.
        to_grey: Whether images that are reduced are decoded to their luma only.
    """

    above: int
    down_to: int
    to_grey: bool = False

    def factor(self, size: tuple[int, int]) -> int:
        """The divisor for an image of this width and height: 1, 2, 4 or 8."""
        shorter = min(size)
        if shorter < self.above:
            return 1
        return next((factor for factor in (8, 4, 2) if shorter // factor >= self.down_to), 1)
