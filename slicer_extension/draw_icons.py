"""Draw the icons of the module: ``python slicer_extension/draw_icons.py``. Needs Pillow and NumPy, not Slicer."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
ICONS = HERE / "MONAIGAN" / "Resources" / "Icons"
BACK, NOISE, IMAGE, ACCENT = (24, 43, 61), (92, 122, 148), (232, 238, 243), (240, 138, 36)


def module_icon(size=128, oversampling=4):
    """Dots that order themselves into the section of a head: noise on the left, an image on the right."""
    edge = size * oversampling
    picture = Image.new("RGBA", (edge, edge), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, edge - 1, edge - 1), radius=edge // 6, fill=BACK)
    drawn = np.random.default_rng(7)
    dot = edge / 90
    for _ in range(170):
        x, y = drawn.uniform(0.07, 0.50), drawn.uniform(0.10, 0.90)
        radius = dot * drawn.uniform(0.7, 1.6)
        place = (x * edge - radius, y * edge - radius, x * edge + radius, y * edge + radius)
        draw.ellipse(place, fill=(*NOISE, int(255 * (0.35 + x))))
    box = (0.26 * edge, 0.12 * edge, 0.92 * edge, 0.88 * edge)
    head = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(head)
    pen.ellipse(box, fill=IMAGE)
    inner = (0.30 * edge, 0.17 * edge, 0.88 * edge, 0.83 * edge)
    pen.ellipse(inner, fill=(150, 170, 188))
    pen.ellipse((0.34 * edge, 0.22 * edge, 0.84 * edge, 0.78 * edge), fill=(205, 216, 225))
    for side in (-1, 1):
        x = 0.59 * edge + side * 0.055 * edge
        pen.ellipse((x - 0.03 * edge, 0.36 * edge, x + 0.03 * edge, 0.58 * edge), fill=BACK)
    # Half of the head is still noise.
    fade = Image.new("L", picture.size, 0)
    ramp = np.clip((np.arange(edge) / edge - 0.40) / 0.25, 0, 1)
    fade.putdata([int(255 * value) for value in np.tile(ramp, edge)])
    picture.paste(head, (0, 0), Image.composite(head.getchannel("A"), Image.new("L", picture.size, 0), fade))
    arrow = [(0.30, 0.91), (0.62, 0.91), (0.62, 0.875), (0.72, 0.93), (0.62, 0.985), (0.62, 0.95), (0.30, 0.95)]
    draw.polygon([(x * edge, (y - 0.02) * edge) for x, y in arrow], fill=ACCENT)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def phantom_thumbnail(size=(260, 280)):
    """The middle slice of the sample."""
    sys.path.insert(0, str(HERE / "MONAIGAN"))
    from MONAIGANLib.samples import headPhantom

    voxels = headPhantom()
    slice_ = np.flipud(voxels[len(voxels) // 2].astype(float))
    grey = Image.fromarray((255 * np.clip(slice_ / 750, 0, 1)).astype(np.uint8))
    return grey.resize(size, Image.Resampling.BICUBIC)


if __name__ == "__main__":
    ICONS.mkdir(parents=True, exist_ok=True)
    module_icon().save(ICONS / "MONAIGAN.png", optimize=True)
    phantom_thumbnail().save(ICONS / "HeadPhantom.png", optimize=True)
