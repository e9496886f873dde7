"""Makes the small weight files of this folder, one per format, all with the same numbers.

    pip install numpy h5py keras jax onnx safetensors && python tests/weights/make.py

The network is three layers: block1_conv1 (3 -> 2), block1_conv2 (2 -> 4), each 3x3, and a dense
layer `output` (in: 2 x 2 x 4 flattened, out: 3). `keras3` is written by Keras itself, `legacy` in
the layout of Keras's published files, `torch.pth` in the layout of torch.save (a zip with a
pickle), which is written by hand so that nobody needs PyTorch for it.
"""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "files"


def ramp(*shape, start):
    """start, start + 1, ... in Keras's order of dimensions."""
    return (np.arange(np.prod(shape), dtype=np.float32) + start).reshape(shape)


CONV = {
    "block1_conv1": (ramp(3, 3, 3, 2, start=100), ramp(2, start=1)),
    "block1_conv2": (ramp(3, 3, 2, 4, start=1000), ramp(4, start=11)),
}
DENSE = (ramp(16, 3, start=5000), ramp(3, start=21))


def oihw(kernel):
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def torch_dense(kernel):
    """[h * w * c, out] to [out, c * h * w]."""
    return np.ascontiguousarray(kernel.reshape(2, 2, 4, 3).transpose(3, 2, 0, 1).reshape(3, 16))


def legacy():
    with h5py.File(HERE / "legacy.h5", "w") as file:
        layers = ["input_1", *CONV, "block1_pool"]
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for name in layers:
            group = file.create_group(name)
            weights = []
            if name in CONV:
                for part, value in zip(["W", "b"], CONV[name]):
                    weights.append(f"{name}_{part}_1:0".encode())
                    group.create_dataset(weights[-1].decode(), data=value)
            group.attrs["weight_names"] = weights


def theano():
    """Keras 1 on Theano: [out, in, 3, 3], turned by 180 degrees, flattened channel by channel."""
    turned = {name: (oihw(kernel)[:, :, ::-1, ::-1], bias) for name, (kernel, bias) in CONV.items()}
    rows = DENSE[0].reshape(2, 2, 4, 3).transpose(2, 0, 1, 3).reshape(16, 3)
    tops = {**turned, "predictions": (rows, DENSE[1])}
    for file, kernels in [
        ("theano_th_kernels.h5", tops),
        ("theano_tf_kernels.h5", {name: (oihw(k), b) for name, (k, b) in CONV.items()}),
        ("theano_unclear.h5", turned),
    ]:
        with h5py.File(HERE / file, "w") as out:
            for name, values in kernels.items():
                for part, value in zip(["W", "b"], values):
                    out.create_dataset(f"{name}/{name}_{part}", data=value)
    # Keras 2 on Theano: TensorFlow's order, and the attribute says who is to turn.
    with h5py.File(HERE / "theano_backend.h5", "w") as out:
        out.attrs["backend"], out.attrs["keras_version"] = b"theano", b"2.0.8"
        for name, (kernel, bias) in CONV.items():
            out.create_dataset(f"{name}/{name}/kernel:0", data=kernel[::-1, ::-1])
            out.create_dataset(f"{name}/{name}/bias:0", data=bias)


def whole_model():
    """`model.save("book.h5")`: a base within a model, its head, the state of an optimizer."""
    with h5py.File(HERE / "book.h5", "w") as out:
        out.attrs["keras_version"] = "2.15.0"
        out.attrs["model_config"] = '{"class_name": "Sequential"}'
        group = out.create_group("model_weights")
        group.attrs["backend"] = "tensorflow"
        for name, (kernel, bias) in CONV.items():
            group.create_dataset(f"vgg16/{name}/kernel:0", data=kernel)
            group.create_dataset(f"vgg16/{name}/bias:0", data=bias)
        group.create_dataset("dense_1/dense_1/kernel:0", data=DENSE[0])
        group.create_dataset("dense_1/dense_1/bias:0", data=DENSE[1])
        state = out.create_group("optimizer_weights")
        state.create_dataset("RMSprop/block1_conv1/kernel:0", data=CONV["block1_conv1"][0])


def keras_names(group, dtype=np.float32):
    """Keras 3's names, for a base within a model."""
    for at, (kernel, bias) in enumerate(CONV.values()):
        layer = f"layers/functional/layers/conv2d{'' if at == 0 else f'_{at}'}/vars"
        group.create_dataset(f"{layer}/0", data=kernel.astype(dtype))
        group.create_dataset(f"{layer}/1", data=bias.astype(dtype))
    group.create_dataset("layers/dense/vars/0", data=DENSE[0].astype(dtype))
    group.create_dataset("layers/dense/vars/1", data=DENSE[1].astype(dtype))
    group.create_dataset("optimizer/vars/0", data=np.int64(3))


def keras_archive():
    with h5py.File(HERE / "half.weights.h5", "w") as out:
        keras_names(out, np.float16)
    data = io.BytesIO()
    with h5py.File(data, "w") as out:
        keras_names(out)
    with zipfile.ZipFile(HERE / "model.keras", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.0"}')
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", data.getvalue())


def keras3():
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(2, 3, padding="same", name="block1_conv1"),
            keras.layers.Conv2D(4, 3, padding="same", name="block1_conv2"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="output"),
        ]
    )
    model.set_weights([*CONV["block1_conv1"], *CONV["block1_conv2"], *DENSE])
    model.save_weights(HERE / "keras3.weights.h5")


def torch_tensors():
    tensors = {}
    for index, name in zip([0, 2], CONV):
        kernel, bias = CONV[name]
        tensors[f"features.{index}.weight"] = oihw(kernel)
        tensors[f"features.{index}.bias"] = bias
    return tensors


class Storage:
    """Pickles as torch does a storage: a persistent id."""

    def __init__(self, key, count):
        self.id = ("storage", FloatStorage, key, "cpu", count)


class FloatStorage:
    pass


FloatStorage.__module__, FloatStorage.__qualname__, FloatStorage.__name__ = (
    "torch",
    "FloatStorage",
    "FloatStorage",
)


def rebuild(*_):
    """Stands for torch._utils._rebuild_tensor_v2."""


rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = (
    "torch._utils",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v2",
)


class Tensor:
    def __init__(self, key, value):
        self.key, self.value = key, value

    def __reduce__(self):
        strides = tuple(stride // 4 for stride in self.value.strides)
        storage = Storage(self.key, self.value.size)
        return rebuild, (storage, 0, self.value.shape, strides, False, {})


class Pickler(pickle._Pickler):  # the Python one, so that names need not be importable
    def persistent_id(self, thing):
        return thing.id if isinstance(thing, Storage) else None

    def save_global(self, thing, name=None):
        self.write(b"c" + thing.__module__.encode() + b"\n" + thing.__qualname__.encode() + b"\n")
        self.memoize(thing)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[type] = save_global
    dispatch[type(rebuild)] = save_global


class Tensors(dict):
    """Tensors on their way into a file: each is a storage of its own."""

    def __init__(self):
        self.values_in_order = []

    def add(self, value):
        self.values_in_order.append(value)
        return Tensor(str(len(self.values_in_order) - 1), value)


def save_torch(name, build):
    tensors, data = Tensors(), io.BytesIO()
    Pickler(data, protocol=2).dump(build(tensors.add))
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", data.getvalue())
        archive.writestr("archive/byteorder", "little")
        for at, value in enumerate(tensors.values_in_order):
            archive.writestr(f"archive/data/{at}", value.tobytes())
        archive.writestr("archive/version", "3\n")


def torch_pth():
    def state(add, prefix="", change=0):
        return {prefix + n: add((v + change).astype(v.dtype)) for n, v in torch_tensors().items()}

    save_torch("torch.pth", state)
    save_torch("wrapped.ckpt", lambda add: state(add, "_orig_mod.module.backbone."))
    save_torch(
        "averaged.pth.tar",
        lambda add: {
            "epoch": 3,
            "arch": "vgg",
            "state_dict": state(add, "module.", 1),
            "state_dict_ema": state(add, "module."),
            "optimizer": {"state": {0: {"exp_avg": add(CONV["block1_conv1"][1])}}},
        },
    )
    save_torch("nested.bin", lambda add: {"net": state(add), "head": {"weight": add(DENSE[0])}})

    def batch_norm(add):
        found = state(add)
        found["features.1.running_mean"] = add(CONV["block1_conv1"][1])
        return found

    save_torch("batch_norm.pth", batch_norm)
    save_torch("two.pth", lambda add: {**state(add, "student."), **state(add, "teacher.")})


def safetensors_files():
    save_file(torch_tensors(), HERE / "torchvision.safetensors")
    named = {}
    for name, (kernel, bias) in CONV.items():
        named[f"{name}.kernel"], named[f"{name}.bias"] = kernel, bias
    named["head.output.kernel"], named["head.output.bias"] = DENSE
    save_file(named, HERE / "keras_names.safetensors")
    half = {name: value.astype(np.float16) for name, value in torch_tensors().items()}
    save_file(half, HERE / "half.safetensors")


def onnx_file():
    nodes, initializers, source = [], [], "x"
    for at, (name, (kernel, bias)) in enumerate(CONV.items()):
        initializers += [
            numpy_helper.from_array(oihw(kernel), f"w{at}"),
            numpy_helper.from_array(bias, f"b{at}"),
        ]
        nodes.append(helper.make_node("Conv", [source, f"w{at}", f"b{at}"], [f"c{at}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{at}"], [f"r{at}"]))
        source = f"r{at}"
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, [1, 4, 4, 4])],
        list(reversed(initializers)),
    )
    onnx.save(helper.make_model(graph), HERE / "tiny.onnx")


def torch_onnx_file():
    """As PyTorch exports: Gemm with transB, flattened channel by channel."""
    nodes, initializers, source = [], [], "x"
    for at, (name, (kernel, bias)) in enumerate(CONV.items()):
        initializers += [
            numpy_helper.from_array(oihw(kernel), f"features.{at}.weight"),
            numpy_helper.from_array(bias, f"features.{at}.bias"),
        ]
        inputs = [source, f"features.{at}.weight", f"features.{at}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [f"c{at}"], pads=[1] * 4))
        source = f"c{at}"
    initializers += [
        numpy_helper.from_array(torch_dense(DENSE[0]), "output.weight"),
        numpy_helper.from_array(DENSE[1], "output.bias"),
    ]
    nodes.append(helper.make_node("MaxPool", [source], ["p"], kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(helper.make_node("Flatten", ["p"], ["f"]))
    nodes.append(helper.make_node("Gemm", ["f", "output.weight", "output.bias"], ["y"], transB=1))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        initializers,
    )
    onnx.save(helper.make_model(graph), HERE / "torch.onnx")


def external_onnx_file():
    """As PyTorch exports by default: the values lie in a file beside the model."""
    model = onnx.load(HERE / "torch.onnx")
    onnx.save(
        model,
        HERE / "external.onnx",
        save_as_external_data=True,
        location="external.onnx.data",
        size_threshold=0,
    )


def norm_onnx_files():
    """Batch normalizations as nodes, and the same ones as part of the convolutions before them."""
    initializers = {"norms": [], "folded": []}
    nodes = {"norms": [], "folded": []}
    source, shape = {"norms": "x", "folded": "x"}, helper.make_tensor_value_info
    for at, (within, out) in enumerate([(3, 2), (2, 4)]):
        kernel = oihw(ramp(3, 3, within, out, start=-20) / 40)
        gamma, beta = ramp(out, start=2) / 2, ramp(out, start=-1) / 4
        mean, variance = ramp(out, start=1) / 8, ramp(out, start=1) / 2
        factor = gamma / np.sqrt(variance + np.float32(1e-3))
        of = {
            "norms": {"w": kernel, "gamma": gamma, "beta": beta, "mean": mean, "variance": variance},
            "folded": {"w": kernel * factor[:, None, None, None], "bias": beta - mean * factor},
        }
        for file, tensors in of.items():
            names = [f"{name}{at}" for name in tensors]
            initializers[file] += [numpy_helper.from_array(v, f"{k}{at}") for k, v in tensors.items()]
            width = 1 if file == "norms" else 2
            inputs = [source[file], *names[:width]]
            nodes[file].append(helper.make_node("Conv", inputs, [f"c{at}"], pads=[1] * 4))
            source[file] = f"c{at}"
            if file == "norms":
                inputs = [f"c{at}", *names[1:]]
                node = helper.make_node("BatchNormalization", inputs, [f"n{at}"], epsilon=1e-3)
                nodes[file].append(node)
                source[file] = f"n{at}"
    for file in nodes:
        graph = helper.make_graph(
            nodes[file],
            file,
            [shape("x", TensorProto.FLOAT, [1, 3, 4, 4])],
            [shape(source[file], TensorProto.FLOAT, [1, 4, 4, 4])],
            initializers[file],
        )
        onnx.save(helper.make_model(graph), HERE / f"{file}.onnx")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    legacy()
    theano()
    whole_model()
    keras_archive()
    keras3()
    torch_pth()
    safetensors_files()
    onnx_file()
    torch_onnx_file()
    external_onnx_file()
    norm_onnx_files()
