"""Find exact and near duplicate images.

The encoders are in `imagededup.methods`. Importing the package loads nothing else.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
