"""What decoding depends on beside the file: settings of the process, also those of Pillow."""

from dataclasses import dataclass, field

from PIL import Image, ImageFile

from imagededup.images.limits import budget
from imagededup.sources.limits import Limits, limits, set_limits

__all__ = ["DecodingState"]

_PLUGINS = ("PIL.", "pillow_heif")
"""Where openers of Pillow are that this package finds by itself."""


@dataclass(frozen=True, slots=True)
class DecodingState:
    """The settings of the process that makes it, for its children.

    Attributes:
        limits: What a single image may cost.
        most_pixels: Pillow's own limit.
        takes_truncated: Whether Pillow takes files that end too early.
    """

    limits: Limits = field(default_factory=limits)
    most_pixels: int | None = field(default_factory=lambda: Image.MAX_IMAGE_PIXELS)
    takes_truncated: bool = field(default_factory=lambda: ImageFile.LOAD_TRUNCATED_IMAGES)

    def take_over(self) -> None:
        """Decode as the parent does, within the memory that it has for all its children."""
        from imagededup.utils.child import entered_in_parent  # loads sockets

        set_limits(self.limits)
        Image.MAX_IMAGE_PIXELS = self.most_pixels
        ImageFile.LOAD_TRUNCATED_IMAGES = self.takes_truncated
        budget.borrow(entered_in_parent)

    def obstacle(self) -> str | None:
        """Why a child does not decode as this process, if so: a user's own plugin of Pillow."""
        for name, (opener, _) in Image.OPEN.items():
            if not str(getattr(opener, "__module__", "")).startswith(_PLUGINS):
                return f"Pillow was taught to open {name} in this one"
        return None
