"""The embedded model and the specification of other ones."""

from imagededup.models.specification import CustomModel, OnnxModel

__all__ = ["CustomModel", "OnnxModel"]
