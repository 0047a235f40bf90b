"""Pages of one printed form with different contents, as in a folder of receipts."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_ARTICLES = (
    "apples bananas batteries beans biscuits bread broom butter candles carrots cereal cheese "
    "cherries chicken coffee crackers cream cucumber detergent eggs envelopes flour garlic "
    "grapes ham honey jam juice ketchup lemons lentils lettuce matches milk mushrooms mustard "
    "napkins noodles oats olives onions oranges paprika peaches peas pencils pepper plums "
    "potatoes rice salt sausages shampoo soap spinach sugar tea toast tomatoes vinegar "
    "walnuts water yoghurt"
)
_TOWNS = "Ashford Barton Clifton Denby Easton Fairley Granton Hadley Ilford Kelby Langley"


def receipt(seed: int, size: tuple[int, int] = (480, 640)) -> Image.Image:
    """A page: logo, head line, rules and labels are always the same, the rest hangs on the seed."""
    generator = np.random.default_rng(seed)
    page = Image.new("RGB", size, (250, 249, 244))
    draw = ImageDraw.Draw(page)
    _form(draw)
    small, large = ImageFont.load_default(15), ImageFont.load_default(20)
    town, number = generator.choice(_TOWNS.split()), generator.integers(1000, 99999)
    draw.text((150, 78), f"Branch {town}  No. {number}", (40, 40, 40), small)
    day, month, hour = generator.integers((1, 1, 8), (29, 13, 20))
    draw.text(
        (150, 98), f"{day:02}.{month:02}.2024  {hour:02}:{number % 60:02}", (40, 40, 40), small
    )
    total = 0
    for line, article in enumerate(generator.choice(_ARTICLES.split(), 13, replace=False)):
        count, cents = generator.integers((1, 15), (9, 1999))
        total += count * cents
        for left, text in ((36, str(count)), (80, article), (350, f"{count * cents / 100:8.2f}")):
            draw.text((left, 172 + 27 * line), text, (30, 30, 30), small)
    draw.text((350, 545), f"{total / 100:8.2f}", (0, 0, 0), large)
    draw.text(
        (36, 590), f"Card *{number % 9973:04}  Auth {generator.integers(10**6)}", (0, 0, 0), small
    )
    return page


def _form(draw: ImageDraw.ImageDraw) -> None:
    """What all pages share."""
    ink, label = (25, 60, 110), ImageFont.load_default(15)
    draw.ellipse((36, 30, 116, 110), fill=ink)
    draw.polygon([(52, 90), (76, 42), (100, 90)], fill=(240, 200, 60))
    draw.text((150, 32), "NORTHGATE MARKET", ink, ImageFont.load_default(30))
    for y in (130, 164, 535, 580):
        draw.line((30, y, 450, y), ink, 2)
    for left, text in ((36, "Qty"), (80, "Article"), (350, "Amount")):
        draw.text((left, 138), text, ink, label)
    draw.text((36, 547), "Total in EUR", ink, ImageFont.load_default(20))
    draw.text((120, 615), "Thank you for your visit", ink, label)
