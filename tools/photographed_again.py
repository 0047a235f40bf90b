"""Pictures as another photograph of the same thing would show them."""

import cv2
import numpy as np
from PIL import Image, ImageEnhance

_LEAST_BEND, _MOST_BEND = 0.15 / 256, 2.0 / 256
"""Root mean square of the bend, as a share of the longer side."""

_MARGIN = 0.04


def photographed_again(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Bend a picture by a map of the third degree, move it and change its light, a little each."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = across / width * 2 - 1, down / height * 2 - 1
    bend = np.exp(random.uniform(np.log(_LEAST_BEND), np.log(_MOST_BEND))) * max(height, width)
    angle, scale = random.normal(0, 0.02), 1 + random.normal(0, 0.02)
    x = (u * np.cos(angle) - v * np.sin(angle)) * scale * width / 2
    y = (u * np.sin(angle) + v * np.cos(angle)) * scale * height / 2
    x += width / 2 + random.normal(0, 0.015) * width + _bent(u, v, bend, random)
    y += height / 2 + random.normal(0, 0.015) * height + _bent(u, v, bend, random)
    moved = cv2.remap(
        pixels,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    margin = int(_MARGIN * min(height, width))
    result = Image.fromarray(moved).crop((margin, margin, width - margin, height - margin))
    result = ImageEnhance.Brightness(result).enhance(float(random.uniform(0.9, 1.1)))
    return ImageEnhance.Contrast(result).enhance(float(random.uniform(0.9, 1.1)))


def _bent(u: np.ndarray, v: np.ndarray, bend: float, random: np.random.Generator) -> np.ndarray:
    """Shifts along one axis, in pixels."""
    terms = (u * u, u * v, v * v, u**3, u * u * v, u * v * v, v**3)
    shifts = np.sum([random.normal() * term for term in terms], axis=0)
    shifts -= shifts.mean()
    return shifts / np.sqrt((shifts**2).mean() + 1e-9) * bend / np.sqrt(2)
