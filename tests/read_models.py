"""Trains a head on every architecture, exports it, and reads it back with onnxruntime and torchvision.

    python tests/read_models.py path/to/runner folder [architecture ...]

onnxruntime must come to the probabilities that `runner predict` writes, within 1e-5, and the tensors of
a base must have torchvision's names and shapes, which are recorded here as hashes. Where torchvision is
at hand, its own networks are the start, with normalizations that do something, and must come to the same
probabilities. Needs numpy, onnxruntime, pyarrow and Pillow, and says so where they are missing; without
torchvision weights are random. `folder` is made.
"""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

try:
    import numpy
    import onnxruntime
    import pyarrow.parquet
    from PIL import Image
except ImportError as missing:
    print(f"reading models with onnxruntime: skipped, {missing}")
    sys.exit(0)
try:
    import torch
    import torchvision
except ImportError:
    torchvision = None

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()

SIDES = {"inception_v3": 75, "xception": 71, "convnet": 80}
ALL = [
    "vgg16", "vgg11_bn", "convnet", "resnet18", "resnet50", "resnet50_keras", "mobilenet", "mobilenet_v2",
    "mobilenet_v2_keras", "mobilenet_v3_small", "mobilenet_v3_large", "inception_v3", "xception",
    "efficientnet_b0", "efficientnet_lite0", "convnext_tiny",
]  # fmt: skip

# torchvision 0.29's tensors below everything but `fc` and `classifier`: how many, and the start of
# SHA-256 over their sorted lines `name [shape]`.
TENSORS = {
    "vgg16": (26, "cf70e16bc5eff25b"),
    "vgg11_bn": (48, "599037579051bdec"),
    "resnet18": (100, "804c0cdcc273681a"),
    "resnet50": (265, "6f8d71cd701134f7"),
    "mobilenet_v2": (260, "f673e9d92a9af76b"),
    "mobilenet_v3_small": (206, "2fe7f0bab810e876"),
    "mobilenet_v3_large": (262, "b07786df9b7ba773"),
    "efficientnet_b0": (309, "833a4a6059801d57"),
    "convnext_tiny": (178, "4864ba52bc4b9a78"),
}

EXPERIMENT = """
[experiment]
name = "{name}"
[dataset]
train = "data/train"
validation = "data/validation"
image_size = [{side}, {side}]
[model]
architecture = "{name}"
weights = "{weights}"
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


def images(side):
    """Pictures that have the size already: nothing is resized anywhere."""
    noise = numpy.random.default_rng(0)
    return noise.integers(0, 256, (3, side, side, 3), dtype=numpy.uint8)


def predictions(name, side):
    """What `runner predict` says of them, in their order."""
    folder = FOLDER / f"asked_{name}"
    folder.mkdir(exist_ok=True)
    for index, pixels in enumerate(images(side)):
        Image.fromarray(pixels).save(folder / f"{index}.png")
    run("predict", f"{name}.safetensors", folder, "--out", folder)
    rows = pyarrow.parquet.read_table(folder / "predicted.parquet").to_pylist()
    rows = {int(Path(row["path"]).stem): row["probabilities"] for row in rows}
    return numpy.array([rows[index] for index in range(3)])


def check_onnx(name, side, expected):
    session = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx")
    about = session.get_modelmeta().custom_metadata_map
    pixels = images(side).astype(numpy.float32).transpose(0, 3, 1, 2)
    found = session.run(None, {"pixels": pixels})[0]
    assert found.shape == (3, len(json.loads(about["classes"]))), (name, found.shape)
    worst = numpy.abs(found - expected).max()
    assert worst < 1e-5, (name, worst)
    return worst, about["preprocessing"].split(",")[0]


def tensors(name):
    """Names and values of a file of tensors."""
    data = (FOLDER / f"{name}.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")

    def values(entry):
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        return numpy.frombuffer(data[start:end], numpy.float32).reshape(entry["shape"])

    return {key: values(entry) for key, entry in header.items()}


def summary(shapes):
    """How many tensors there are, and a hash of their names and shapes."""
    lines = "\n".join(sorted(f"{name} {list(shape)}" for name, shape in shapes.items()))
    return len(shapes), hashlib.sha256(lines.encode()).hexdigest()[:16]


def is_base(name):
    return not name.startswith(("head.", "fc.", "classifier.")) and "num_batches" not in name


def check_names(name, found):
    shapes = {key: value.shape for key, value in found.items() if is_base(key)}
    if name in TENSORS:
        assert summary(shapes) == TENSORS[name], (name, summary(shapes), shapes)


def of_torchvision(name):
    """The network, with normalizations that do something; `None` where there is none."""
    if torchvision is None or name not in TENSORS:
        return None
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)().eval()
    state = {key: value for key, value in model.state_dict().items() if is_base(key)}
    assert summary({key: value.shape for key, value in state.items()}) == TENSORS[name], name
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.6, 1.4)
            torch.nn.init.uniform_(module.weight, 0.6, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    return model


def check_torchvision(name, model, side, preprocessing, expected):
    """torchvision's base and the head of the run."""
    pixels = torch.from_numpy(images(side).astype(numpy.float32).transpose(0, 3, 1, 2).copy()) / 255
    if preprocessing == "torchvision":
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).reshape(2, 3, 1, 1)
        pixels = (pixels - mean) / deviation
    else:
        assert preprocessing == "rescale", preprocessing
    head = {key: torch.from_numpy(value.copy()) for key, value in tensors(name).items()}
    with torch.no_grad():
        if hasattr(model, "features"):
            features = model.features(pixels)
        else:
            layers = [model.conv1, model.bn1, model.relu, model.maxpool]
            layers += [model.layer1, model.layer2, model.layer3, model.layer4]
            features = torch.nn.Sequential(*layers)(pixels)
        features = features.permute(0, 2, 3, 1).flatten(1)
        kernel = head["head.hidden1.kernel"]
        if kernel.shape[0] < features.shape[1]:
            features = features.reshape(3, -1, kernel.shape[0]).mean(1)
        hidden = torch.relu(features @ kernel + head["head.hidden1.bias"])
        logits = hidden @ head["head.output.kernel"] + head["head.output.bias"]
        worst = numpy.abs(torch.softmax(logits, 1).numpy() - expected).max()
    assert worst < 1e-5, (name, "torchvision", worst)
    return f", from torchvision by {worst:.1e}"


def check(name):
    side, model = SIDES.get(name, 64), of_torchvision(name)
    if model is not None:
        torch.save(model.state_dict(), FOLDER / f"{name}.pth")
    weights = "random" if model is None else f"{name}.pth"
    (FOLDER / f"{name}.toml").write_text(EXPERIMENT.format(name=name, side=side, weights=weights))
    run("run", f"{name}.toml")
    run("export", name, "--onnx", f"{name}.onnx")
    run("export", name, "--safetensors", f"{name}.safetensors")
    expected = predictions(name, side)
    worst, preprocessing = check_onnx(name, side, expected)
    check_names(name, tensors(name))
    rest = "" if model is None else check_torchvision(name, model, side, preprocessing, expected)
    print(f"{name}: onnxruntime is off by {worst:.1e}{rest}", flush=True)


FOLDER.mkdir(parents=True, exist_ok=True)
pictures()
for name in sys.argv[3:] or ALL:
    check(name)
