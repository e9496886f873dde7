# Every command of the project. `just` alone lists them.

set positional-arguments

# CUDA is compiled in where an NVIDIA driver is installed.
features := if path_exists("/proc/driver/nvidia/version") == "true" { "--features cuda" } else if path_exists("/dev/nvidiactl") == "true" { "--features cuda" } else { "" }
# One profile for everything, so that dependencies are built once.
cargo_run := "cargo run --release --bin runner --quiet " + features + " --"
# Shows what is compiled: the first time that takes minutes.
build := "cargo build --release --bin runner " + features

[private]
default:
    @just --list --unsorted

# Run an experiment: just run experiments/quickstart.toml
[group('experiments')]
run *arguments:
    @{{ build }}
    @{{ cargo_run }} run "$@"

# Submit an experiment or a sweep to Slurm: just submit FILE --engine slurm
[group('experiments')]
submit *arguments:
    @{{ build }}
    @{{ cargo_run }} submit "$@"

# Check experiment files and print their plans; runs nothing
[group('experiments')]
check *arguments:
    @{{ cargo_run }} check "$@"

# List runs, newest first
[group('results')]
list *arguments:
    @{{ cargo_run }} list "$@"

# Show one run: just show last
[group('results')]
show *arguments:
    @{{ cargo_run }} show "$@"

# Compare runs: changed parameters beside scores
[group('results')]
compare *arguments:
    @{{ cargo_run }} compare "$@"

# Say what differs between two runs or groups of seeds: just diff RUN RUN
[group('results')]
diff *arguments:
    @{{ cargo_run }} diff "$@"

# Watch running runs live, with their curves
[group('results')]
watch *arguments:
    @{{ cargo_run }} watch "$@"

# Bring runs into other tools: just export RUN --mlflow DIR, or --tensorboard DIR
[group('results')]
export *arguments:
    @{{ cargo_run }} export "$@"

# One page of HTML about runs: just report last --out report.html
[group('results')]
report *arguments:
    @{{ cargo_run }} report "$@"

# Any command of the program: just runner weights list
[group('experiments')]
runner *arguments:
    @{{ cargo_run }} "$@"

# Build, bring the ImageNet weights and the shapes, say what else is there
[group('development')]
setup:
    @{{ build }}
    @{{ cargo_run }} weights fetch imagenet
    @test -d data/shapes || {{ cargo_run }} dataset generate shapes
    @echo
    @echo "ready: just run experiments/quickstart.toml"
    @echo "cats and dogs (68 MB), for the other experiments:"
    @echo "  just runner dataset fetch cats_and_dogs_filtered"
    @echo
    @echo "{{ if features == "" { "built for the CPU: no NVIDIA driver was found" } else { "built with CUDA: an NVIDIA driver was found" } }}; what can compute here:"
    @{{ cargo_run }} devices

# Format, lints, unit and end-to-end tests, type-check of the CUDA build
[group('development')]
test: format-check lint
    cargo test --release --workspace
    DOCS_RS=1 cargo check --release --workspace --features cuda

# Only the tests whose name contains FILTER
[group('development')]
test-only filter:
    cargo test --release --workspace -- {{ filter }}

# Kernels and whole runs on a GPU against the CPU's; where there is none, in software (SwiftShader)
[group('development')]
test-gpu:
    #!/usr/bin/env bash
    set -euo pipefail
    . tests/software_gpu/env
    if [ ! -e /dev/nvidiactl ] && ! ls /dev/dri/renderD* > /dev/null 2>&1; then
        software_gpu "${CARGO_TARGET_DIR:-target}/software-gpu" ||
            echo "no GPU and no SwiftShader: tests of the GPU will say that they were skipped"
    fi
    cargo test --release --workspace --features vulkan --lib --test e2e -- gpu

# The CPU's kernels compiled for arm64, their unit tests under emulation; says what is missing
[group('development')]
test-arm64:
    #!/usr/bin/env bash
    set -euo pipefail
    target=aarch64-unknown-linux-gnu
    missing=()
    command -v aarch64-linux-gnu-gcc > /dev/null ||
        missing+=("a linker: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    command -v qemu-aarch64 > /dev/null || missing+=("an emulator: apt-get install qemu-user")
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] ||
        missing+=("the standard library: rustup target add $target")
    if [ ${#missing[@]} -gt 0 ]; then
        echo "tests for arm64 need:"
        printf '  %s\n' "${missing[@]}"
        exit 1
    fi
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    cargo test --release -p runner-convolution --lib --target "$target"

# Where maturin is installed, with Zig as a linker that knows older C libraries.
maturin := env("RUNNER_MATURIN", justfile_directory() / "target/maturin")

# A wheel in dist/ for Linux from glibc 2.28 on: pip install dist/*.whl; without Zig: just wheel --profile release
[group('development')]
wheel *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    test -d "{{ maturin }}" || python3 -m venv "{{ maturin }}"
    "{{ maturin }}/bin/pip" install --quiet --disable-pip-version-check 'maturin[zig]>=1.9,<2'
    options=()
    if [ $# -eq 0 ] && [ "$(uname -s)" = Linux ]; then options=(--zig --compatibility manylinux_2_28); fi
    PATH="{{ maturin }}/bin:$PATH" maturin build --manifest-path runner/cli/Cargo.toml \
        --out dist --strip "${options[@]}" "$@"

# Lints, warnings denied
[group('development')]
lint:
    cargo clippy --release --workspace --all-targets -- --deny warnings

# Format the code
[group('development')]
format:
    cargo fmt

[private]
format-check:
    cargo fmt --check

# Time every step; says how much faster or slower than the last time
[group('benchmarks')]
bench *arguments:
    cargo bench --workspace --bench rows -- "$@"

# Where Keras and PyTorch are installed for the comparison, and the weights they start from.
peers := env("RUNNER_PEERS", justfile_directory() / "target/peers")
peer_weights := env("RUNNER_PEERS_WEIGHTS", "imagenet")

[private]
peers:
    @test -d {{ peers }} || python3 -m venv {{ peers }}
    @{{ peers }}/bin/pip install --quiet --requirement runner/bench/peers/requirements.txt
    cargo build --release --workspace

# Beside Keras and PyTorch, in turns, on 400 photos: under 15 minutes; fails where a bound is missed
[group('benchmarks')]
bench-peers photos="data/cats_and_dogs_small" *arguments: peers
    @{{ peers }}/bin/python runner/bench/peers/compare.py --python {{ peers }}/bin/python \
        --bench "${CARGO_TARGET_DIR:-target}/release/runner-bench" \
        --runner "${CARGO_TARGET_DIR:-target}/release/runner" \
        --weights {{ peer_weights }} --photos "$@"

# Beside PyTorch on a GPU: single steps, the augmented epoch, the first use; fails where a bound is missed
[group('benchmarks')]
bench-gpu photos="data/cats_and_dogs_small" *arguments:
    @test -d {{ peers }} || python3 -m venv {{ peers }}
    @{{ peers }}/bin/pip install --quiet torch torchvision pyarrow
    cargo build --release --workspace {{ if features == "" { "--features cuda" } else { features } }}
    @{{ peers }}/bin/python runner/bench/peers/gpu.py --python {{ peers }}/bin/python \
        --bench "${CARGO_TARGET_DIR:-target}/release/runner-bench" \
        --runner "${CARGO_TARGET_DIR:-target}/release/runner" \
        --weights {{ peer_weights }} --photos "$@"

# The same with the whole job on all photos
[group('benchmarks')]
bench-peers-full photos="data/cats_and_dogs_small": (bench-peers photos "--count" "0")
