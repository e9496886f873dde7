"""Makes the references of this folder: what torchvision's VGG with batch normalization computes.

    pip install numpy torch torchvision && python tests/parity/make.py

Weights and pixels are those of a formula (tests/support/formula.rs), so that the files hold the mean of
every channel of the last feature map and nothing else.
"""

import json
import math
import struct
from pathlib import Path

import numpy
import torch
import torchvision

HERE = Path(__file__).parent
SALT, SIDE, IMAGES = "v:", 64, 2
RANGES = {"weight": (0.6, 1.2), "running_mean": (-0.1, 0.1), "running_var": (0.6, 1.4), "bias": (-0.1, 0.1)}


def unit(name, count):
    """Numbers in [0, 1) for a name."""
    start = 0xCBF29CE484222325
    for byte in (SALT + name).encode():
        start = (start ^ byte) * 0x100000001B3 % 2**64
    z = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15) + numpy.uint64(start)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)).astype(numpy.float64) / 2**24


def values(name, shape, low, high):
    numbers = low + (high - low) * unit(name, math.prod(shape))
    return torch.from_numpy(numbers.astype(numpy.float32).reshape(shape))


def images():
    pixels = numpy.floor(255 * unit("pixels", IMAGES * SIDE * SIDE * 3)).astype(numpy.float32)
    pixels = torch.from_numpy(pixels.reshape(IMAGES, SIDE, SIDE, 3)).permute(0, 3, 1, 2) / 255
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).reshape(2, 3, 1, 1)
    return (pixels - mean) / deviation


def limits(name, shape):
    """He's range for kernels, so that activations neither grow nor vanish."""
    bound = math.sqrt(6 / math.prod(shape[1:]))
    return (-bound, bound) if len(shape) == 4 else RANGES[name.rsplit(".")[-1]]


def write(name):
    features = getattr(torchvision.models, name)().eval().features
    state = {key: list(value.shape) for key, value in features.state_dict().items() if "num_" not in key}
    given = [[f"features.{key}", shape, *limits(key, shape)] for key, shape in state.items()]
    features.load_state_dict({one[0][9:]: values(*one) for one in given}, strict=False)
    with torch.no_grad():
        pooled = features(images()).mean((2, 3)).numpy()
    about = {
        "framework": f"torchvision {torchvision.__version__}",
        "images": str(IMAGES),
        "layout": "NCHW",
        "parameters": str(sum(value.numel() for value in features.parameters())),
        "salt": SALT,
        "side": str(SIDE),
        "tensors": json.dumps(given),
    }
    shape = {"dtype": "F32", "shape": list(pooled.shape), "data_offsets": [0, pooled.nbytes]}
    header = json.dumps({"__metadata__": about, "pooled": shape}).encode()
    header += b" " * (-len(header) % 8)
    path = HERE / f"backbone_torch_{name}.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + pooled.tobytes())


for name in ["vgg11_bn", "vgg19_bn"]:
    write(name)
