"""Writes the TIFF files here, and beside each what Pillow reads in it, as PNG.

    python3 write.py        # needs Pillow, tifffile, numpy

Sixteen bits are the exception, and what tifffile writes: Pillow cuts or clips the former and does not
read all of the latter. The picture that was written stands there instead. Files called `refused_…`
have no picture beside them.
"""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageOps, TiffImagePlugin

HERE = Path(__file__).parent
HEIGHT, WIDTH = 9, 13
PILLOWS = "what Pillow reads"
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([x * 19, y * 28, (x * y * 7) % 256], axis=2).astype(np.uint8)
GREY = ((x * 11 + y * 13) % 256).astype(np.uint8)


def write(name, picture, expected=None, **options):
    path = HERE / f"{name}.tif"
    picture.save(path, **options)
    expected = expected or Image.open(path)
    expected.convert("RGB").save(path.with_suffix(".png"))


def main():
    rgb, grey = Image.fromarray(RGB), Image.fromarray(GREY)
    for compression in ["raw", "tiff_lzw", "tiff_deflate", "packbits"]:
        write(f"rgb_{compression.replace('tiff_', '')}", rgb, compression=compression)
    write("grey", grey)
    write("grey_alpha", Image.merge("LA", [grey, grey.rotate(180)]))
    write("rgba", Image.merge("RGBA", [*rgb.split(), grey]))
    write("one_bit", grey.convert("1"))
    write("one_bit_fax", grey.convert("1"), compression="group4")
    write("palette", rgb.quantize(16))
    write("cmyk", Image.merge("CMYK", [*rgb.split(), grey]))
    write("lzw_predictor", rgb, compression="tiff_lzw", tiffinfo={317: 2})
    large = rgb.resize((64, 48), Image.Resampling.BICUBIC)
    # Pillow leaves RGB unconverted in a TIFF, whatever the compression.
    write("jpeg_ycbcr", large.convert("YCbCr"), compression="jpeg", quality=95)
    write("jpeg_rgb", large, compression="jpeg", quality=95)
    write("jpeg_strips", large.convert("YCbCr"), compression="jpeg", quality=80, tiffinfo={278: 16})
    tifffile.imwrite(HERE / "jpeg_tiles.tif", np.asarray(large), compression="jpeg", tile=(32, 32))
    options = {"rowsperstrip": 32, "subsampling": (2, 2)}
    tifffile.imwrite(HERE / "jpeg_halved.tif", np.asarray(large), compression="jpeg", **options)
    for name in ["jpeg_tiles", "jpeg_halved"]:
        Image.open(HERE / f"{name}.tif").convert("RGB").save(HERE / f"{name}.png")
    write("jpeg_grey", large.convert("L"), compression="jpeg", quality=95)
    for number in range(2, 9):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[274] = number
        path = HERE / f"turned_{number}.tif"
        rgb.save(path, tiffinfo=tags, compression="tiff_lzw")
        ImageOps.exif_transpose(Image.open(path)).convert("RGB").save(path.with_suffix(".png"))
    path = HERE / "two_pages.tif"
    rgb.save(path, save_all=True, append_images=[grey.convert("RGB")], compression="tiff_lzw")
    rgb.save(path.with_suffix(".png"))
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    write("grey_16", deep, expected=grey)
    by_tifffile()


def by_tifffile():
    def write(name, array, expected=RGB, **options):
        path = HERE / f"{name}.tif"
        tifffile.imwrite(path, array, metadata=None, **options)
        if expected is PILLOWS:
            expected = np.asarray(Image.open(path).convert("RGB"))
        if expected is not None:
            Image.fromarray(expected).convert("RGB").save(path.with_suffix(".png"))

    premultiplied = np.concatenate([RGB // 2, np.full_like(GREY, 200)[..., None]], axis=2)
    write("rgba_premultiplied", premultiplied, PILLOWS, photometric="rgb", extrasamples=[1])
    rgb, grey = {"photometric": "rgb"}, {"photometric": "minisblack"}
    write("planes", np.moveaxis(RGB, 2, 0).copy(), planarconfig="separate", **rgb)
    write("tiles", RGB, tile=(16, 16), **rgb)
    write("big_endian", RGB, byteorder=">", **rgb)
    write("addresses_of_64_bits", RGB, bigtiff=True, **rgb)
    write("rgb_16", RGB.astype(np.uint16) * 257, **rgb)
    write("rgb_16_big_endian", RGB.astype(np.uint16) * 257, byteorder=">", **rgb)
    write("planes_16", np.moveaxis(RGB.astype(np.uint16) * 257, 2, 0).copy(), planarconfig="separate", **rgb)
    write("white_is_zero", 255 - GREY, GREY, photometric="miniswhite")
    write("fourth_channel", np.concatenate([RGB, GREY[..., None]], axis=2), extrasamples=[0], **rgb)
    write("refused_float", GREY.astype(np.float32) / 255, None, **grey)
    write("refused_32_bits", GREY.astype(np.uint32), None, **grey)
    write("refused_signed", GREY.astype(np.int16), None, **grey)
    bands = np.repeat(GREY[..., None], 5, axis=2)
    write("refused_bands", bands, None, planarconfig="contig", extrasamples=[0] * 4, **grey)
    write("refused_raw", RGB, None, subfiletype=1, **rgb)


main()
