"""Writes the AVIF files here, and beside each what Pillow reads in it, as PNG.

    python3 write.py        # needs Pillow 13 and numpy; `avifenc` (Debian: libavif-bin)

Pillow writes only eight bits in the usual colours; the rest is `avifenc`'s. On x86, where libyuv's instructions round as they do there.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).parent
HEIGHT, WIDTH = 17, 23
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([x * 11, y * 15, (x * y * 3) % 256], axis=2).astype(np.uint8)


def expect(path):
    """The picture upright: Pillow gives `irot` and `imir` as EXIF's orientation."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    picture.save(path.with_suffix(".png"), optimize=True)


def write(name, picture, **options):
    path = HERE / f"{name}.avif"
    picture.save(path, **options)
    expect(path)


def encode(name, pictures, *options):
    path = HERE / f"{name}.avif"
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"{index}.png" for index in range(len(pictures))]
        for picture, source in zip(pictures, sources):
            picture.save(source)
        command = ["avifenc", "--speed", "6", *options, *map(str, sources), str(path)]
        subprocess.run(command, check=True, capture_output=True)
    expect(path)


def main():
    rgb = Image.fromarray(RGB)
    even = rgb.crop((0, 0, 22, 16))
    for sampling in ["4:4:4", "4:2:2", "4:2:0", "4:0:0"]:
        for reach in ["full", "limited"]:
            name = f"{sampling.replace(':', '')}_{reach}"
            write(name, rgb, subsampling=sampling, range=reach, quality=90)
    write("even", even, subsampling="4:2:0", quality=90)
    opacity = Image.linear_gradient("L").resize(rgb.size)
    clear = Image.merge("RGBA", [*rgb.split(), opacity])
    write("clear", clear, quality=90)
    write("premultiplied", clear, quality=90, alpha_premultiplied=True)
    # EXIF's orientation becomes `irot` and `imir`.
    for number in range(2, 9):
        exif = Image.Exif()
        exif[274] = number
        write(f"turned_{number}", rgb, quality=90, exif=exif)
    fine = ["--min", "5", "--max", "10"]
    for depth in ["10", "12"]:
        for sampling in ["444", "422", "420", "400"]:
            reach = "limited" if sampling in ["422", "400"] else "full"
            options = ["--depth", depth, "--yuv", sampling, "--range", reach, *fine]
            encode(f"{sampling}_{depth}_bits", [rgb], *options)
    for name, matrix in [("bt709", 1), ("fcc", 4), ("smpte240", 7), ("bt2020", 9), ("derived", 12)]:
        for reach in ["full", "limited"]:
            colours = ["--cicp", f"1/13/{matrix}", "--range", reach]
            encode(f"{name}_{reach}", [rgb], "--yuv", "420", *colours, *fine)
    encode("ycgco", [rgb], "--yuv", "444", "--cicp", "1/13/8", *fine)
    encode("lossless", [rgb], "--lossless")
    encode("unspecified", [rgb], "--yuv", "420", "--cicp", "2/2/2", *fine)
    encode("film_grain", [rgb], "--codec", "aom", "--advanced", "film-grain-test=1", "--yuv", "420")
    # A grid is of parts of 64 pixels at least; what is nearly of one colour stays small.
    slope = Image.fromarray((np.mgrid[0:128, 0:130].sum(axis=0) // 2).astype(np.uint8))
    slope = Image.merge("RGB", [slope, slope.rotate(180), slope])
    parts = [slope.crop((column, row, column + 66, row + 64)) for row in (0, 64) for column in (0, 64)]
    encode("grid_420", parts, "--grid", "2x2", "--yuv", "420")
    encode("grid_10_bits", parts, "--grid", "2x2", "--yuv", "444", "--depth", "10")
    encode("sequence", [even, even.rotate(180)])
    encode("clean_aperture", [even], "--crop", "2,2,10,8", "--yuv", "444")


if __name__ == "__main__":
    main()
