"""A sweep as a job array of a real Slurm: stopped, killed and cancelled tasks, and still the same bits.

    python tests/slurm.py path/to/runner empty/folder

Needs a Slurm that takes jobs from root, on this machine; says that it was skipped where there is none.
Slurm starts what is queued again two minutes later, so this takes four.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet

RUNNER, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()

BASE = """
[dataset]
train = "data/shapes/train"
validation = "data/shapes/validation"
test = "data/shapes/test"
image_size = [48, 48]
[model]
architecture = "convnet"
[model.head]
pooling = "average"
hidden = []
[[stage]]
name = "all"
frozen = "none"
epochs = 40
batch_size = 20
optimizer = { name = "rmsprop", learning_rate = 1e-3 }
"""

SWEEP = """
extends = "base.toml"
[experiment]
name = "rates"
[sweep]
grid = { stage.all.optimizer.learning_rate = [1e-4, 3e-4, 1e-3] }
seeds = [1, 2]
"""

FAILS = """
extends = "base.toml"
[experiment]
name = "fails"
[sweep]
grid = { stage.all.optimizer.learning_rate = [1e30, 1e-3] }
"""

# Columns that two runs of one plan differ in.
TIMES = ["run_id", "started_at", "finished_at", "duration_s", "images_per_s", "waiting_s",
         "peak_rss_bytes"]
TABLES = ["run", "params", "layers", "epochs", "predictions", "confusion"]


def skip(why):
    print(f"Slurm: skipped, {why}")
    sys.exit()


def call(*command, cwd=None, fails=False):
    environment = dict(os.environ, RUNNER_CACHE=str(cwd or FOLDER) + "/cache", NO_COLOR="1")
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert fails or done.returncode == 0, (command, done)
    return done.stdout


def place(name):
    folder = FOLDER / name
    folder.mkdir(parents=True)
    for file, text in [("base", BASE), ("sweep", SWEEP), ("fails", FAILS)]:
        (folder / f"{file}.toml").write_text(text)
    call(RUNNER, "dataset", "generate", "shapes", cwd=folder)
    return folder


def read(path):
    # At once: pyarrow opens a file twice, and a run may have written another one between. In this
    # thread alone: pyarrow's own, where one still holds bytes of Python at the end, abort the
    # interpreter (apache/arrow#34314, #50482).
    data = io.BytesIO(path.read_bytes())
    return pyarrow.parquet.read_table(data, use_threads=False, pre_buffer=False).to_pylist()


def runs(folder, experiment="rates"):
    """Name of the member to the folders of its runs."""
    found = {}
    for table in sorted(folder.glob(f"results/{experiment}/*/run.parquet")):
        found.setdefault(read(table)[0]["member"], []).append(table.parent)
    return found


def wait(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, (what.__doc__ or what, call("squeue", "--array"))
        time.sleep(0.2)
    return found


def state(job, member):
    answer = call("squeue", "-h", "-r", "-o", "%F %K %T", "--jobs", job, fails=True)
    found = re.search(rf"^{job} {member} (\w+)", answer, re.M)
    return found and found[1]


def submit(folder, file, *arguments):
    said = call(RUNNER, "submit", file, "--engine", "slurm", *arguments, cwd=folder)
    job = re.search(r"^job (\d+): (\d+) task", said, re.M)
    return (int(job[1]), int(job[2]), said) if job else (None, 0, said)


def process_of(plans, member):
    """The program that runs a member."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0] == str(RUNNER) and words[1:2] == ["task"] and plans in words[2] and words[3] == str(member):
            return int(path.parent.name)


def has_epochs(folder, name):
    rows = [read(run / "epochs.parquet") for run in runs(folder).get(name, [])]
    return any(len(row) > 1 for row in rows)


def same(one, other):
    weights = [(run / "model.safetensors").read_bytes() for run in (one, other)]
    assert weights[0] == weights[1], (one, other)
    assert (one / "plan.toml").read_text() == (other / "plan.toml").read_text()
    assert (one / "experiment.toml").read_text() == (other / "experiment.toml").read_text()
    for table in TABLES:
        rows = [read(run / f"{table}.parquet") for run in (one, other)]
        for row in rows[0] + rows[1]:
            for column in TIMES:
                row.pop(column, None)
        assert rows[0] == rows[1], (table, one, other)


def stops_and_kills(folder):
    """Six members: one is queued again from outside, one killed, one asked to stop, one cancelled."""
    job, count, said = submit(folder, "sweep.toml", "--jobs-at-once", "3")
    assert count == 6 and f"scancel {job}" in said, said
    # What was submitted is what runs.
    (folder / "sweep.toml").write_text("nonsense")
    (folder / "base.toml").write_text("nonsense")
    call("scancel", f"{job}_6")
    names = [f"learning_rate={rate}, seed={seed}" for rate in ["1e-4", "3e-4", "1e-3"] for seed in [1, 2]]
    listed = call(RUNNER, "list", cwd=folder)
    assert re.search(rf"slurm {job}_5 {names[4]} +rates +waiting", listed), listed
    for member, name in enumerate(names[:3], 1):
        wait(lambda: has_epochs(folder, name), 120)
        if member == 1:
            call("scontrol", "requeue", f"{job}_1")
        elif member == 2:
            os.kill(wait(lambda: process_of(f"/{folder.name}/", 2)), signal.SIGKILL)
        else:
            call("scancel", "--batch", "--signal=TERM", f"{job}_3")
        wait(lambda: state(job, member) == "PENDING")
    listed = call(RUNNER, "list", cwd=folder)
    assert re.search(rf"slurm {job}_6 {names[5]} +rates +never started", listed), listed
    for name in names[:3]:
        assert re.search(rf"{runs(folder)[name][0].name} +rates +waiting", listed), listed
    # What is queued is not queued twice; what was cancelled is queued again.
    for file, text in [("base", BASE), ("sweep", SWEEP)]:
        (folder / f"{file}.toml").write_text(text)
    second, count, said = submit(folder, "sweep.toml")
    assert count == 1 and "queued or running, and left out: 1-" in said, said
    wait(lambda: all(state(j, m) is None for j in (job, second) for m in range(1, 7)), 420)
    for name in names:
        assert len(runs(folder)[name]) == 1, (name, runs(folder))
    logs = {member: next(folder.glob(f"results/rates/sweeps/*/slurm-{job}_{member}.log")).read_text()
            for member in (2, 3)}
    assert "ended with 137: queued again" in logs[2] and "ended with 130: queued again" in logs[3], logs
    table = read(next(folder.glob("results/rates/sweeps/*/sweep.parquet")))
    assert [(row["name"], row["status"]) for row in table] == [(name, "finished") for name in names], table
    assert "nothing is left to submit" in submit(folder, "sweep.toml")[2]
    return names


def fails_alone(folder):
    """A member that fails ends its own task with 4."""
    job, count, _ = submit(folder, "fails.toml", "--set", "stage.all.epochs=2")
    assert count == 2
    wait(lambda: state(job, 1) is None and state(job, 2) is None, 120)
    ends = {member: re.search(r"JobState=(\w+).*?ExitCode=(\d+):", call("scontrol", "show", "job", f"{job}_{member}"), re.S).groups()
            for member in (1, 2)}
    assert ends == {1: ("FAILED", "4"), 2: ("COMPLETED", "0")}, ends


def cancelled(folder):
    """A running task that is cancelled saves, and is not queued again."""
    job, _, _ = submit(folder, "base.toml", "--set", "experiment.name=one", "--set", "experiment.seed=9")
    wait(lambda: has_rows(folder))
    call("scancel", job)
    wait(lambda: state(job, 1) is None)
    run = runs(folder, "one")[None][0]
    assert read(run / "run.parquet")[0]["status"] == "interrupted"
    time.sleep(2)
    assert state(job, 1) is None
    again = ["--set", "experiment.name=one", "--set", "experiment.seed=9", "--resume", "last"]
    call(RUNNER, "run", "base.toml", *again, cwd=folder)
    assert read(run / "run.parquet")[0]["status"] == "finished"


def has_rows(folder):
    return any(len(read(run / "epochs.parquet")) > 1 for run in runs(folder, "one").get(None, []))


def main():
    if not shutil.which("sbatch"):
        skip("there is no sbatch")
    if os.geteuid() != 0:
        skip("it needs root")
    if not re.search("idle|mix|alloc", call("sinfo", "-h", "-o", "%t", fails=True)):
        skip("no node takes jobs")
    plain, queued = place("plain"), place("it's queued 100%")
    began = time.monotonic()
    names = stops_and_kills(queued)
    call(RUNNER, "run", "sweep.toml", "--quiet", cwd=plain)
    for name in names:
        same(runs(queued)[name][0], runs(plain)[name][0])
    # Each skips what the other finished.
    done = call(RUNNER, "run", "sweep.toml", "--dry-run", cwd=queued)
    assert done.count("is finished, and skipped") == 6, done
    assert "nothing is left to submit" in submit(plain, "sweep.toml")[2]
    fails_alone(queued)
    cancelled(queued)
    print(f"Slurm: 6 members, bit for bit those of `runner run` ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
