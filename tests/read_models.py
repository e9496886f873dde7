"""Trains a head on every architecture, exports it, and reads it back with onnxruntime and torchvision.

    python tests/read_models.py path/to/runner folder [architecture ...]

onnxruntime must come to the probabilities that `runner predict` writes, within 1e-5; torchvision must
take every tensor of a base with its names and its shapes. Needs onnxruntime, pyarrow, Pillow, numpy,
safetensors and torchvision. Weights are random; `folder` is made.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import onnxruntime
import pyarrow.parquet
import torchvision
from PIL import Image
from safetensors.torch import load_file

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()

SIDES = {"inception_v3": 75, "xception": 71, "convnet": 80}
ALL = [
    "vgg16", "vgg11_bn", "convnet", "resnet18", "resnet50", "resnet50_keras", "mobilenet", "mobilenet_v2",
    "mobilenet_v2_keras", "mobilenet_v3_small", "mobilenet_v3_large", "inception_v3", "xception",
    "efficientnet_b0", "efficientnet_lite0", "convnext_tiny",
]  # fmt: skip

EXPERIMENT = """
[experiment]
name = "{name}"
[dataset]
train = "data/train"
validation = "data/validation"
image_size = [{side}, {side}]
[model]
architecture = "{name}"
weights = "random"
[model.head]
hidden = [8]
[[stage]]
name = "head"
epochs = 1
optimizer = {{ name = "adam", learning_rate = 0.01 }}
"""


def run(*arguments):
    command = [RUNNER, *arguments]
    environment = {**os.environ, "RUNNER_CACHE": str(FOLDER / "cache")}
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)


def pictures():
    """A few of the shapes for training."""
    run("dataset", "generate", "shapes", "--out", "data")
    for file in sorted((FOLDER / "data").rglob("*.jpg")):
        if int(file.stem.rsplit(".")[-1]) % 100 >= 4:
            file.unlink()


def check_onnx(name, side):
    """Pictures that have the size already: nothing is resized anywhere."""
    folder = FOLDER / f"asked_{name}"
    folder.mkdir(exist_ok=True)
    noise = numpy.random.default_rng(0)
    for index in range(3):
        pixels = noise.integers(0, 256, (side, side, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    run("predict", f"{name}.safetensors", folder, "--out", folder)
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx")
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    rows = pyarrow.parquet.read_table(folder / "predicted.parquet").to_pylist()
    worst = 0.0
    for row in rows:
        file = folder / Path(row["path"]).name
        pixels = numpy.asarray(Image.open(file), numpy.float32).transpose(2, 0, 1)
        found = session.run(None, {"pixels": pixels[None]})[0][0]
        assert len(found) == len(classes) == len(row["probabilities"])
        worst = max(worst, numpy.abs(found - row["probabilities"]).max())
    assert len(rows) == 3 and worst < 1e-5, (name, worst)
    return worst


def check_torchvision(name):
    if not hasattr(torchvision.models, name):
        return
    tensors = load_file(FOLDER / f"{name}.safetensors")
    base = {key: value for key, value in tensors.items() if not key.startswith("head.")}
    model = getattr(torchvision.models, name)()
    found = model.load_state_dict(base, strict=False)
    missing = [key for key in found.missing_keys if not key.startswith(("fc.", "classifier."))]
    assert not found.unexpected_keys and not missing, (name, found)


FOLDER.mkdir(parents=True, exist_ok=True)
pictures()
for name in sys.argv[3:] or ALL:
    side = SIDES.get(name, 64)
    (FOLDER / f"{name}.toml").write_text(EXPERIMENT.format(name=name, side=side))
    run("run", f"{name}.toml")
    run("export", name, "--onnx", f"{name}.onnx")
    run("export", name, "--safetensors", f"{name}.safetensors")
    worst = check_onnx(name, side)
    if name not in ("inception_v3", "convnet", "mobilenet"):
        check_torchvision(name)
    print(f"{name}: off by {worst:.1e}", flush=True)
