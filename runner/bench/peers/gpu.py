"""Times this project beside PyTorch on one GPU, taking turns, and says where a bound is missed.

Prints `RATIO <row> <precision> <median ratio> <bound>` for each row: ours over PyTorch's faster
memory format, in the same precision. `first_use_*` are seconds, not a ratio: how much longer a run
takes while no kernel is compiled yet. Ends with 1 where something is above its bound, and names it.

`--side`, `--batch`, `--rounds`, `--epochs`, `--epoch-photos` and `--job-photos` make everything small,
for a dry run without a card: `--device vulkan --torch-device cpu --precision f32`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow.parquet as parquet

from compare import Worker, photos, timed

HERE = Path(__file__).parent
BOUNDS = {
    "forward_20_150": 0.75,
    "forward_64_224": 0.75,
    "block5_20_150": 0.90,
    "full_20_150": 0.90,
    "epoch": 0.50,
    "first_use_features": 10,
    "first_use_whole_base": 15,
}
# Rows beside PyTorch.
ROWS = ["forward_20_150", "forward_64_224", "block5_20_150", "full_20_150"]
# What was above its bound.
MISSED = []

EXPERIMENT = """
[experiment]
name = "{name}"
seed = 42
[dataset]
train = "{data}/train"
validation = "{data}/validation"
test = "{data}/test"
image_size = [{side}, {side}]
preprocessing = "rescale"
[model]
architecture = "vgg16"
weights = "{weights}"
[model.head]
pooling = "flatten"
hidden = [256]
dropout = 0.5
{augmentation}
[[stage]]
name = "stage"
frozen = {frozen}
augment = {augment}
epochs = {epochs}
batch_size = 20
optimizer = {{ name = "rmsprop", learning_rate = 1e-5 }}
[run]
device = "{device}"
precision = "{precision}"
"""

AUGMENTATION = """
[augmentation]
rotation = 40
width_shift = 0.2
height_shift = 0.2
shear = 0.2
zoom = 0.2
horizontal_flip = true
"""


def report(row, precision, value, unit=""):
    bound = BOUNDS[row]
    print(f"RATIO {row} {precision} {value:.3f}{unit} {bound:.2f}", flush=True)
    if value > bound:
        MISSED.append(f"{row} {precision}: {value:.3f}{unit} is above {bound:.2f}")


def sized(row, arguments):
    """The row, or a smaller one in its place."""
    kind, batch, side = row.split("_")
    return f"{kind}_{arguments.batch or batch}_{arguments.side or side}"


def rows(arguments, precision):
    ours = [arguments.bench, "--device", arguments.device, "--precision", precision]
    torch = [arguments.python, HERE / "rows_gpu.py", arguments.torch_device, precision]
    workers = {"ours": Worker("ours", ours), "torch": Worker("torch", torch)}
    for row in ROWS:
        times = {name: [] for name in workers}
        for turn in range(arguments.rounds + 1):
            for name, worker in workers.items():
                seconds = worker.seconds(sized(row, arguments))
                # The first turn warms up.
                if turn:
                    times[name].append(seconds)
        medians = {name: statistics.median(values) for name, values in times.items()}
        every = ", ".join(f"{name} {1e3 * value:.3f} ms" for name, value in medians.items())
        print(f"{sized(row, arguments)} {precision}: {every}; {arguments.rounds} rounds")
        report(row, precision, medians["ours"] / medians["torch"])
    for worker in workers.values():
        worker.process.stdin.close()
        worker.process.wait()


class Utilization:
    """How busy the card is, ten times a second, where `nvidia-smi` says it."""

    def __enter__(self):
        self.samples, self.process = [], None
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        try:
            self.process = subprocess.Popen([*query, "-lms", "100"], stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            return self
        threading.Thread(target=self.read, daemon=True).start()
        return self

    def read(self):
        for line in self.process.stdout:
            if line.strip().isdigit():
                self.samples.append((time.monotonic(), int(line)))

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()

    def of_last(self, seconds):
        since = time.monotonic() - seconds
        busy = [value for moment, value in self.samples if moment >= since]
        return f"{statistics.mean(busy):.0f}%" if busy else "unknown"


def experiment(arguments, folder, name, **settings):
    file = folder / f"{name}.toml"
    text = EXPERIMENT.format(
        name=name, data=folder / settings.pop("data"), weights=arguments.weights,
        side=arguments.side or 150, device=arguments.device, augmentation=AUGMENTATION if settings["augment"] == "true" else "",
        **settings,
    )
    file.write_text(text)
    return [arguments.runner, "run", file, "--results", folder / "results", "--quiet"]


def last_run(folder, name):
    return max((folder / "results" / name).glob("2*"))


def epochs_of(run):
    return parquet.read_table(run / "epochs.parquet").to_pylist()


def rehearsed(run):
    """Seconds before the first epoch in which kernels were made ready and photos were decoded."""
    lines = [json.loads(line)["fields"] for line in (run / "log.jsonl").open()]
    of_stage = [line for line in lines if line["message"] == "kernels" and line["of"] == "stage"]
    return sum(line["seconds"] for line in of_stage)


def with_weights(cache):
    """An empty cache folder in which downloaded weights are found."""
    own = Path(os.environ.get("RUNNER_CACHE") or Path.home() / ".cache/runner")
    cache.mkdir(parents=True)
    (cache / "weights").symlink_to(own / "weights")
    return cache


def epoch(arguments, precision, folder, environment):
    """Augmented training of block5; photos are decoded before and in the first epoch, all of which
    counts, and stay decoded."""
    command = experiment(
        arguments, folder, "epoch", data="all", precision=precision, augment="true",
        epochs=arguments.epochs, frozen='["block1", "block2", "block3", "block4"]',
    )
    timed(command, environment)
    with Utilization() as busy:
        timed(command, environment)
        run = last_run(folder, "epoch")
        table = epochs_of(run)
        share = busy.of_last(sum(row["duration_s"] for row in table))
    count = sum(1 for _ in (folder / "all/train").glob("*/*"))
    # Validation is no part of it: PyTorch's side has none.
    ours = [count / row["images_per_s"] for row in table]
    ours[0] += rehearsed(run)
    torch = Worker("torch", [arguments.python, HERE / "rows_gpu.py", arguments.torch_device, precision])
    row = f"epoch {arguments.side or 150} {folder / 'all/train'}"
    theirs = [torch.seconds(row) for _ in range(arguments.epochs)]
    torch.process.stdin.close()
    torch.process.wait()
    print(f"epoch {precision}, {count} photos, seconds: ours", *(f"{value:.2f}" for value in ours),
          "torch", *(f"{value:.2f}" for value in theirs), f"; the card was busy {share} of the time")
    # The first ones: later PyTorch decodes again, and ours does not.
    report("epoch", precision, ours[0] / theirs[0])


def first_use(arguments, precision, folder, environment):
    """Seconds beyond the warm run while no kernel is compiled, neither by us nor by the driver."""
    for row, frozen in (("first_use_features", '"all"'), ("first_use_whole_base", "[]")):
        command = experiment(
            arguments, folder, row, data="some", precision=precision, augment="false", epochs=1,
            frozen=frozen,
        )
        with tempfile.TemporaryDirectory() as fresh:
            fresh = Path(fresh)
            cache = with_weights(fresh / "runner")
            own = {**environment, "RUNNER_CACHE": str(cache), "CUDA_CACHE_PATH": str(fresh / "nv")}
            seconds = []
            for _ in range(1 + arguments.warm_runs):
                # Kernels stay, features go.
                shutil.rmtree(cache / "features", ignore_errors=True)
                seconds.append(timed(command, own))
        cold, warm = seconds[0], statistics.median(seconds[1:])
        print(f"{row} {precision}: first {cold:.2f} s, then {warm:.2f} s")
        report(row, precision, cold - warm, " s")


def main():
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--python", required=True, help="that of PyTorch's environment")
    parser.add_argument("--bench", required=True, help="our rows: the program runner-bench")
    parser.add_argument("--runner", required=True, help="the program runner")
    parser.add_argument("--photos", type=Path, required=True, help="train, validation, test")
    parser.add_argument("--weights", default="imagenet", help="or VGG16's conv base as .h5")
    parser.add_argument("--device", default="cuda", help="ours")
    parser.add_argument("--torch-device", default="cuda", help="PyTorch's")
    parser.add_argument("--precision", nargs="+", default=["tf32", "bf16"])
    parser.add_argument("--only", nargs="+", default=["rows", "epoch", "first_use"])
    parser.add_argument("--rounds", type=int, default=15, help="of each row")
    parser.add_argument("--epochs", type=int, default=4, help="of augmented training")
    parser.add_argument("--warm-runs", type=int, default=3, help="after the first use")
    parser.add_argument("--batch", type=int, help="images per batch, in place of the rows' own")
    parser.add_argument("--side", type=int, help="pixels, in place of the rows' and the runs' own")
    parser.add_argument("--epoch-photos", type=int, default=0, help="in all splits; 0: all there are")
    parser.add_argument("--job-photos", type=int, default=400, help="in all splits, of the first use")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        photos(arguments.photos, folder / "all", arguments.epoch_photos)
        photos(arguments.photos, folder / "some", arguments.job_photos)
        environment = {**os.environ, "RUNNER_CACHE": str(with_weights(folder / "cache"))}
        for precision in arguments.precision:
            if "rows" in arguments.only:
                rows(arguments, precision)
            if "epoch" in arguments.only:
                epoch(arguments, precision, folder, environment)
            if "first_use" in arguments.only:
                first_use(arguments, precision, folder, environment)
    for missed in MISSED:
        print(f"missed: {missed}")
    sys.exit(1 if MISSED else 0)


if __name__ == "__main__":
    main()
