"""Times this project beside Keras and PyTorch, taking turns, and says where a bound is missed.

Prints `RATIO <row> <median ratio> <bound>` with the spread for each row: ours over the faster of
the others, by their medians. Ends with 1 where a ratio is above its bound.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SPLITS = {"train": 2, "validation": 1, "test": 1}
BOUNDS = {
    "forward": 0.35,
    "block5": 0.40,
    "full": 0.40,
    "resnet50_forward": 0.80,
    "resnet50_last_stage_step": 0.80,
    "resnet50_keras_forward": 0.80,
    "resnet50_keras_last_stage_step": 0.80,
    "mobilenet_v2_forward": 0.80,
    "efficientnet_b0_forward": 0.80,
    "job_cold": 0.40,
    "job_warm": 0.08,
}
ROUNDS = {
    "forward": 15,
    "block5": 15,
    "full": 7,
    "resnet50_forward": 7,
    "resnet50_last_stage_step": 7,
    "resnet50_keras_forward": 7,
    "resnet50_keras_last_stage_step": 7,
    "mobilenet_v2_forward": 15,
    "efficientnet_b0_forward": 15,
}
# Keras's ResNet-50 has its strides in other places than PyTorch's, and 6 % fewer products: `resnet50_keras`
# is that network, of which PyTorch has none.
ONLY = {"resnet50_keras_forward": ["keras"], "resnet50_keras_last_stage_step": ["keras"]}
# Threads of the one before have gone to sleep by then.
PAUSE = 0.2

EXPERIMENT = """
[experiment]
name = "feature_extraction"
seed = 42
[dataset]
train = "{data}/train"
validation = "{data}/validation"
test = "{data}/test"
image_size = [150, 150]
preprocessing = "rescale"
[model]
architecture = "vgg16"
weights = "{weights}"
[model.head]
pooling = "flatten"
hidden = [256]
dropout = 0.5
[[stage]]
name = "head"
frozen = "all"
epochs = 30
batch_size = 20
optimizer = {{ name = "rmsprop", learning_rate = 2e-5 }}
[run]
device = "cpu"
"""


class Worker:
    """A process that does one row per line."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, row):
        self.process.stdin.write(row + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended in the row {row}")
        time.sleep(PAUSE)
        return float(line)


def report(row, ours, others):
    """One line of medians, one of the ratio; whether the bound holds."""
    medians = {name: statistics.median(times) for name, times in others.items()}
    best = min(medians, key=medians.get)
    ratios = sorted(a / b for a, b in zip(ours, others[best]))
    ratio, bound = statistics.median(ours) / medians[best], BOUNDS[row]
    every = ", ".join(f"{name} {value:.3f} s" for name, value in medians.items())
    print(f"{row}: ours {statistics.median(ours):.3f} s, {every}; {len(ours)} rounds")
    print(
        f"RATIO {row} {ratio:.3f} {bound:.2f}"
        f"  (to {best}; rounds {ratios[0]:.3f} to {ratios[-1]:.3f})",
        flush=True,
    )
    return ratio <= bound


def rows(arguments):
    python = arguments.python
    workers = [
        Worker("ours", [arguments.bench]),
        Worker("keras", [python, HERE / "rows.py", "keras"]),
        Worker("torch", [python, HERE / "rows.py", "torch"]),
    ]
    held = True
    for row in arguments.rows or ROUNDS:
        rounds = ROUNDS[row]
        taking = [it for it in workers if it.name in ["ours", *ONLY.get(row, [it.name])]]
        times = {worker.name: [] for worker in taking}
        for turn in range(rounds + 1):
            for worker in taking:
                seconds = worker.seconds(row)
                # The first turn warms up.
                if turn:
                    times[worker.name].append(seconds)
        held &= report(row, times.pop("ours"), times)
    for worker in workers:
        worker.process.stdin.close()
        worker.process.wait()
    return held


def photos(source, into, count):
    """Links `count` photos of the data set, as many of each class, into `into`."""
    parts = sum(SPLITS.values())
    for split, share in SPLITS.items():
        for folder in sorted(path for path in (source / split).iterdir() if path.is_dir()):
            files = sorted(folder.iterdir())
            if count:
                files = files[: count * share // parts // 2]
            target = into / split / folder.name
            target.mkdir(parents=True)
            for file in files:
                (target / file.name).symlink_to(file.resolve())


def timed(command, environment):
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    time.sleep(PAUSE)
    return time.perf_counter() - start - PAUSE


def empty(cache):
    """A cache without features; downloaded weights stay."""
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir()
    own = Path(os.environ.get("RUNNER_CACHE") or Path.home() / ".cache/runner")
    (cache / "weights").symlink_to(own / "weights")


def job(arguments):
    """Whole processes: ours without and with cached features, and the textbook's script."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = folder / "data"
        photos(arguments.photos, data, arguments.count)
        file = folder / "job.toml"
        file.write_text(EXPERIMENT.format(data=data, weights=arguments.weights))
        environment = {**os.environ, "RUNNER_CACHE": str(folder / "cache")}
        ours = [arguments.runner, "run", file, "--results", folder / "results", "--quiet"]
        script = [arguments.python, HERE / "textbook.py", data, arguments.weights]
        cold, warm, keras = [], [], []
        for _ in range(arguments.rounds):
            empty(folder / "cache")
            cold.append(timed(ours, environment))
            warm.append(timed(ours, environment))
            keras.append(timed(script, environment))
    held = report("job_cold", cold, {"keras": keras})
    return report("job_warm", warm, {"keras": keras}) and held


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="that of the others' environment")
    parser.add_argument("--bench", required=True, help="our rows: the program runner-bench")
    parser.add_argument("--runner", required=True, help="the program runner")
    parser.add_argument("--photos", type=Path, required=True, help="train, validation, test")
    parser.add_argument("--weights", default="imagenet", help="or VGG16's conv base as .h5")
    parser.add_argument("--count", type=int, default=400, help="photos of the job, 0: all")
    parser.add_argument("--rounds", type=int, default=3, help="of the job")
    parser.add_argument(
        "--rows", nargs="+", choices=ROUNDS, metavar="ROW", help=f"no job, only {', '.join(ROUNDS)}"
    )
    arguments = parser.parse_args()
    held = rows(arguments)
    if not arguments.rows:
        held &= job(arguments)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
