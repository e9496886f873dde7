"""Does the work of rows on demand in another framework: `rows.py keras` or `rows.py torch`.

Each line of standard input names a row; each line of standard output is the seconds it took.
Weights and pixels are random, which changes no time.
"""

import os
import sys
import time

BATCH, SIDE = 20, 150
# Of the backbones that are published for it.
LARGE_SIDE = 224
BLOCKS = [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]


def keras_rows():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import numpy as np
    import tensorflow as tf

    base = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(SIDE, SIDE, 3)
    )
    images = tf.constant(np.random.rand(BATCH, SIDE, SIDE, 3).astype("float32"))
    block5 = keras.Sequential(
        [keras.Input((9, 9, 512))]
        + [keras.layers.Conv2D(512, 3, padding="same", activation="relu") for _ in range(3)]
        + [keras.layers.MaxPooling2D(2)]
    )
    maps = tf.constant(np.random.rand(BATCH, 9, 9, 512).astype("float32"))
    optimizer = keras.optimizers.RMSprop(1e-5)
    optimizer.build(block5.trainable_variables)

    @tf.function
    def infer(x):
        return base(x, training=False)

    def gradients(model, x, training=True):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=training)))
        return tape.gradient(loss, model.trainable_variables)

    @tf.function
    def step(x):
        optimizer.apply(gradients(block5, x), block5.trainable_variables)

    @tf.function
    def whole(x):
        return gradients(base, x)

    def backbone(build):
        """A function that keeps a network from being built before its row is timed."""
        model, photos = [], tf.constant(np.random.rand(BATCH, LARGE_SIDE, LARGE_SIDE, 3), "float32")

        @tf.function
        def run(x):
            return model[0](x, training=False)

        def work():
            if not model:
                model.append(build(weights=None, include_top=False))
            run(photos).numpy()

        return work

    def last_stage():
        """Forward, gradients and an SGD step of ResNet-50's last stage on given maps, normalized
        by kept statistics."""
        parts = []

        def build():
            whole = keras.applications.ResNet50(
                weights=None, include_top=False, input_shape=(LARGE_SIDE, LARGE_SIDE, 3)
            )
            entrance = whole.get_layer("conv4_block6_out").output
            stage = keras.Model(entrance, whole.output)
            optimizer = keras.optimizers.SGD(1e-5)
            optimizer.build(stage.trainable_variables)
            maps = tf.constant(np.random.rand(BATCH, *entrance.shape[1:]), "float32")

            @tf.function
            def step(x):
                optimizer.apply(gradients(stage, x, False), stage.trainable_variables)

            return step, maps

        def work():
            if not parts:
                parts.extend(build())
            step, maps = parts
            step(maps)

        return work

    applications = keras.applications
    return {
        "resnet50_forward": backbone(applications.ResNet50),
        "resnet50_last_stage_step": last_stage(),
        "resnet50_keras_forward": backbone(applications.ResNet50),
        "resnet50_keras_last_stage_step": last_stage(),
        "mobilenet_v2_forward": backbone(applications.MobileNetV2),
        "efficientnet_b0_forward": backbone(applications.EfficientNetB0),
        "forward": lambda: infer(images).numpy(),
        "block5": lambda: step(maps),
        "full": lambda: [gradient.numpy() for gradient in whole(images)],
    }, lambda name: backbone(getattr(applications, name))


def torch_rows():
    import torch
    from torch import nn
    from torchvision import models

    def stack(blocks, channels):
        layers = []
        for block in blocks:
            for filters in block:
                layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
                channels = filters
            layers.append(nn.MaxPool2d(2))
        return nn.Sequential(*layers)

    def rows(memory_format):
        base = stack(BLOCKS, 3).to(memory_format=memory_format)
        images = torch.rand(BATCH, 3, SIDE, SIDE).to(memory_format=memory_format)
        block5 = stack(BLOCKS[-1:], 512).to(memory_format=memory_format)
        maps = torch.rand(BATCH, 512, 9, 9).to(memory_format=memory_format)
        optimizer = torch.optim.RMSprop(block5.parameters(), 1e-5, alpha=0.9, eps=1e-7)

        def infer():
            with torch.inference_mode():
                base(images)

        def step():
            optimizer.zero_grad()
            block5(maps).square().mean().backward()
            optimizer.step()

        def whole():
            base.zero_grad()
            base(images).square().mean().backward()

        return {"forward": infer, "block5": step, "full": whole}

    def backbone(build):
        layout = torch.channels_last
        # What is only there for training is no part of a row.
        options = {"aux_logits": False, "init_weights": False} if build is models.inception_v3 else {}
        model = build(weights=None, **options).eval()
        model = nn.Sequential(*list(model.children())[:-1]).to(memory_format=layout)
        photos = torch.rand(BATCH, 3, LARGE_SIDE, LARGE_SIDE).to(memory_format=layout)

        def infer():
            with torch.inference_mode():
                model(photos)

        return infer

    def last_layers(stage, channels, side):
        """Forward, gradients and an SGD step of some layers on given maps, normalized by kept
        statistics."""
        stage = stage.eval().to(memory_format=torch.channels_last)
        maps = torch.rand(BATCH, channels, side, side).to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(stage.parameters(), 1e-5)

        def step():
            optimizer.zero_grad()
            stage(maps).square().mean().backward()
            optimizer.step()

        return step

    # Each row of VGG in the memory format that is faster for it.
    both = [rows(torch.contiguous_format), rows(torch.channels_last)]
    fastest = {name: min((own[name] for own in both), key=seconds) for name in both[0]}
    return fastest | {
        "resnet50_forward": backbone(models.resnet50),
        "resnet50_last_stage_step": last_layers(models.resnet50(weights=None).layer4, 1024, 14),
        "mobilenet_v2_forward": backbone(models.mobilenet_v2),
        "mobilenet_v2_last_blocks_step": last_layers(
            models.mobilenet_v2(weights=None).features[15:], 160, 7
        ),
        "efficientnet_b0_forward": backbone(models.efficientnet_b0),
    }, lambda name: backbone(getattr(models, name))


def seconds(work):
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    rows, forward = {"keras": keras_rows, "torch": torch_rows}[sys.argv[1]]()
    warm = set()
    for line in sys.stdin:
        name = line.strip()
        if name not in rows:
            # Any other backbone, by the framework's name for it.
            rows[name] = forward(name.removesuffix("_forward"))
        if name not in warm:
            rows[name]()
            warm.add(name)
        start = time.perf_counter()
        rows[name]()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
