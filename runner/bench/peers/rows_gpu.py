"""Does the work of the GPU rows on demand in PyTorch: `rows_gpu.py DEVICE PRECISION`.

Each line of standard input names a row; each line of standard output is the seconds that one piece
of work took. `forward_<batch>_<side>` is VGG16's conv base on images of the host, features back to
the host; `block5_<batch>_<side>` and `full_<batch>_<side>` are forward, backward and an RMSProp step
of its last block and of all of it. `epoch SIDE PHOTOS` trains block5 and a head for one epoch on augmented
photos, decoding included. Each row runs in the memory format that is faster for it.
"""

import os
import sys
import time

import torch
from torch import nn

BLOCKS = [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]
FORMATS = [torch.contiguous_format, torch.channels_last]
# Steps that follow each other before the card is waited for, as in training.
STEPS = 10


def stack(blocks, channels):
    layers = []
    for block in blocks:
        for filters in block:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(inplace=True)]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class Card:
    def __init__(self, device, precision):
        self.device = torch.device(device)
        is_tf32 = precision != "f32"
        torch.backends.cuda.matmul.allow_tf32 = is_tf32
        torch.backends.cudnn.allow_tf32 = is_tf32
        torch.backends.cudnn.benchmark = True
        self.half = precision == "bf16"

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def rmsprop(model):
    return torch.optim.RMSprop(model.parameters(), 1e-5, alpha=0.9, eps=1e-7)


def forward(card, memory_format, batch, side):
    base = stack(BLOCKS, 3).to(card.device, memory_format=memory_format)
    images = torch.rand(batch, 3, side, side)
    if card.device.type == "cuda":
        images = images.pin_memory()

    def work():
        with torch.inference_mode(), card.autocast():
            on_card = images.to(card.device, non_blocking=True)
            base(on_card.contiguous(memory_format=memory_format)).cpu()

    return work, 1


def training(card, memory_format, model, shape):
    model = model.to(card.device, memory_format=memory_format)
    maps = torch.rand(shape).to(card.device).contiguous(memory_format=memory_format)
    optimizer = rmsprop(model)

    def work():
        for _ in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            with card.autocast():
                loss = model(maps).float().square().mean()
            loss.backward()
            optimizer.step()
        card.wait()

    return work, STEPS


def prepare(card, row):
    """The work of a row, and how many pieces it does at a time."""
    kind, batch, side = row.split("_")
    batch, side = int(batch), int(side)

    def one(memory_format):
        if kind == "forward":
            return forward(card, memory_format, batch, side)
        if kind == "block5":
            shape = (batch, 512, side // 16, side // 16)
            return training(card, memory_format, stack(BLOCKS[-1:], 512), shape)
        return training(card, memory_format, stack(BLOCKS, 3), (batch, 3, side, side))

    return min((one(memory_format) for memory_format in FORMATS), key=seconds)


def seconds(prepared, rounds=2):
    """The best of some rounds: which memory format is faster must not be left to chance."""
    work, pieces = prepared
    work()
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best / pieces


class Epochs:
    """Block5 and the textbook's head on augmented photos; the model and the loader stay."""

    def __init__(self, card, photos, side, batch=20):
        from torchvision import datasets, transforms

        self.card = card
        change = transforms.Compose(
            [
                transforms.Resize((side, side)),
                transforms.RandomAffine(40, translate=(0.2, 0.2), scale=(0.8, 1.2), shear=11.5),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
            ]
        )
        self.loader = torch.utils.data.DataLoader(
            datasets.ImageFolder(photos, change),
            batch_size=batch,
            shuffle=True,
            num_workers=os.cpu_count() or 1,
            persistent_workers=True,
            pin_memory=card.device.type == "cuda",
        )
        to = {"device": card.device, "memory_format": torch.channels_last}
        self.frozen = stack(BLOCKS[:-1], 3).to(**to)
        values = 512 * (side // 32) ** 2
        head = [nn.Flatten(), nn.Linear(values, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 1)]
        self.trained = nn.Sequential(*stack(BLOCKS[-1:], 512), *head).to(**to)
        self.optimizer = rmsprop(self.trained)
        # Once without the loader: algorithms are chosen, memory is taken.
        self.step(torch.rand(batch, 3, side, side), torch.zeros(batch))

    def step(self, images, labels):
        images = images.to(self.card.device, non_blocking=True)
        labels = labels.to(self.card.device, non_blocking=True).float()
        self.optimizer.zero_grad(set_to_none=True)
        with self.card.autocast():
            with torch.no_grad():
                maps = self.frozen(images.contiguous(memory_format=torch.channels_last))
            logits = self.trained(maps)[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def run(self):
        start = time.perf_counter()
        losses = [self.step(images, labels) for images, labels in self.loader]
        torch.stack(losses).mean().item()
        return time.perf_counter() - start


def main():
    card = Card(*sys.argv[1:3])
    rows, epochs = {}, {}
    for line in sys.stdin:
        row = line.strip()
        if row.startswith("epoch "):
            if row not in epochs:
                side, photos = row.removeprefix("epoch ").split(" ", 1)
                epochs[row] = Epochs(card, photos, int(side))
            print(epochs[row].run(), flush=True)
            continue
        if row not in rows:
            rows[row] = prepare(card, row)
        work, pieces = rows[row]
        start = time.perf_counter()
        work()
        print((time.perf_counter() - start) / pieces, flush=True)


if __name__ == "__main__":
    main()
