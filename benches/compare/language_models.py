"""Language models in the workbench `lm`, in PyTorch and in ONNX Runtime, in turn on one machine.

Prints a table of what was measured: training on words against PyTorch and against the bare step of
`works.rs`, training on characters against the bare step, drawing token after token against both
runtimes, and the memory of `lm eval` and `lm generate`. Linux only, as /proc tells the memory. See
README.md.
"""

import argparse
import atexit
import json
import os
import random
import signal
import statistics
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TOLERANCE = 1e-3  # of figures, as in main.rs
REDUCED_TOLERANCE = 0.05  # of figures of models in eight or sixteen bits

# What is measured.
WORDS = dict(steps=35, batch=20, input=650, hidden=650, layers=2)  # Zaremba et al. 2014, "medium"
DROPOUT = 50  # per cent, of WORDS
README = dict(steps=64, batch=32, input=64, hidden=128, layers=2)  # the model of the main README
EVAL_WINDOW = 64  # of `lm eval`, whose batch is 1


# ------------------------------------------------------------------------------------------ sides
class Side:
    """What takes its turn: each variant has a name and the rates of its blocks, in tokens/s."""

    def __init__(self, name):
        self.name, self.rates = name, {}

    def best(self):
        """The name of the fastest variant and its median rate."""
        medians = {name: statistics.median(rates) for name, rates in self.rates.items() if rates}
        if not medians:
            sys.exit(f"{self.name}: no variant could be measured; see the messages above")
        name = max(medians, key=medians.get)
        return f"{self.name}, {name}", medians[name]

    def close(self):
        pass


class Peer(Side):
    """A process that takes steps on request, by the protocol of peers/shared.py."""

    def __init__(self, name, command, tokens):
        super().__init__(name)
        self.tokens, self.figures = tokens, {}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        for kind, *fields in iter(self.answer, ["ready"]):
            match kind, fields:
                case "variant", [figure, variant]:
                    self.figures[variant], self.rates[variant] = float(figure), []
                case "failed", [reason, variant]:
                    note(f"{name}, {variant} failed: {reason}")
                case "missing", [module]:
                    sys.exit(f"error: Python has no module {module}; see {HERE / 'README.md'}")

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} ended; its messages are above")
        return line.rstrip("\n").split("\t")

    def run_block(self, seconds):
        for index, rates in enumerate(self.rates.values()):
            print(index, seconds, file=self.process.stdin, flush=True)
            (times,) = self.answer()
            rates.extend(self.tokens / float(time) for time in times.split())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Training(Side):
    """`lm train`, which is stopped while it is not its turn. Rates are those of its log."""

    def __init__(self, folder, flags):
        super().__init__("lm")
        self.rates["train"] = []
        command = [TARGET / "lm", "train", "--quiet", "--out", folder, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        atexit.register(self.process.kill)  # a stopped process would stay for ever
        self.log = folder / "log.jsonl"
        while len(self.lines()) < 3:
            self.expect_running()
            time.sleep(0.05)
        self.process.send_signal(signal.SIGSTOP)

    def expect_running(self):
        if self.process.poll() is not None:
            sys.exit("error: `lm train` ended too early; its messages are above")

    def events(self):
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines(True) if line.endswith("\n")]

    def lines(self):
        return [event for event in self.events() if event["event"] == "step"]

    def vocabulary(self):
        return self.events()[0]["vocabulary_size"]

    def run_block(self, seconds):
        before = len(self.lines())
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        while len(self.lines()) < before + 2:
            self.expect_running()
            time.sleep(0.05)
        self.process.send_signal(signal.SIGSTOP)
        during = self.lines()[before + 1 :]  # the first line has the pause in its time
        self.rates["train"].extend(line["tokens_per_second"] for line in during)

    def close(self):
        self.process.kill()
        self.process.wait()


class Generation(Side):
    """`lm generate`: the rate is that of a long text less a short one, so start-up does not count."""

    def __init__(self, folder, short, long, *flags):
        super().__init__("lm")
        self.folder, self.short, self.long, self.flags = folder, short, long, flags
        self.variant = " ".join(["generate", *flags])
        self.rates[self.variant] = []

    def run_block(self, _):
        extra = self.seconds(self.long) - self.seconds(self.short)
        self.rates[self.variant].append((self.long - self.short) / extra)

    def seconds(self, length):
        begin = time.perf_counter()
        command = generate(self.folder, length, *self.flags)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begin


def generate(folder, length, *flags):
    return [TARGET / "lm", "generate", "--run", folder, "--length", str(length), *flags]


def in_turn(sides, rounds, seconds):
    for _ in range(rounds):
        for side in sides:
            side.run_block(seconds)


def layers(sizes):
    return f"{sizes['layers']} × {sizes['hidden']}"


def named(sizes):
    return [f"{name}={size}" for name, size in sizes.items()]


def bare_step(work, sizes, args):
    """The step of works.rs alone: no text to read, nothing to log, no dropout."""
    command = [TARGET / "compare", "--work", work, "--threads", str(args.threads), "--serve"]
    return Peer("bare step", command + named(sizes), sizes["steps"] * sizes["batch"])


def python_peer(name, script, work, threads, sizes, args):
    """A peer in Python. A step of training is T · B tokens; a step of generation is one."""
    command = [args.python, "-B", "-W", "ignore", HERE / "peers" / script, work, str(threads)]
    tokens = 1 if work.startswith("generation") else sizes["steps"] * sizes["batch"]
    return Peer(name, command + named(sizes), tokens)


# ------------------------------------------------------------------------------------------ texts
def write_texts(folder, symbols, between, train, validation):
    """Draws texts of these symbols by Zipf's law, with a line break after each twenty."""
    rng = random.Random(0)
    weights = [1 / rank for rank in range(1, len(symbols) + 1)]
    flags = []
    for part, count in ("train", train), ("validation", validation):
        drawn = rng.choices(symbols, weights, k=count)
        if part == "train":
            drawn = symbols + drawn  # each occurs
        lines = (between.join(drawn[i : i + 20]) for i in range(0, len(drawn), 20))
        path = folder / f"{part}.txt"
        path.write_text("\n".join(lines) + "\n")
        flags += [f"--{part}", path]
    return flags


def words(folder):
    """A text of 10 000 different words, <unk> and <eos> among them."""
    folder.mkdir()
    symbols = [f"w{number}" for number in range(9998)]
    flags = write_texts(folder, symbols, " ", train=300_000, validation=2_000)
    return [*flags, "--units", "words", "--vocabulary-size", "10000"]


def characters(folder):
    """A text of 65 different characters, the line break among them: as many as tiny Shakespeare."""
    folder.mkdir()
    symbols = list(string.ascii_letters + " .,;:!?-'&3$")
    return write_texts(folder, symbols, "", train=300_000, validation=2_000)


def model_flags(sizes):
    flags = dict(
        window=sizes["steps"],
        batch_size=sizes["batch"],
        embedding_size=sizes["input"],
        hidden_size=sizes["hidden"],
        layers=sizes["layers"],
        validate_every=10**9,
    )
    return [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]


# ----------------------------------------------------------------------------------- measurements
def train_words(args, work):
    """Returns the rows of training on words, and the folder of the run and its vocabulary."""
    note("training on words")
    run = work / "words-run"
    flags = words(work / "words") + model_flags(WORDS) + threads_flag(args)
    flags += ["--optimizer=sgd", "--schedule=constant", "--learning-rate=1", "--clip=5"]
    flags += [f"--dropout={DROPOUT / 100}", "--steps=500"]  # up to 500, each has a line of the log
    lm = Training(run, flags)
    sizes = WORDS | dict(vocabulary=lm.vocabulary())
    bare = bare_step("lm_medium", sizes, args)
    noisy = sizes | dict(dropout=DROPOUT)
    torch = python_peer("PyTorch", "torch_peer.py", "lm_medium", args.threads, noisy, args)
    in_turn([lm, bare, torch], args.rounds, args.block)
    rows = [
        rate_row(f"training, {sizes['vocabulary']} words, {layers(WORDS)}", "> 1", lm, [torch]),
        rate_row("the same against its bare step", "", lm, [bare]),
    ]
    close(lm, bare, torch)
    return rows, run, sizes["vocabulary"]


def train_readme(args, work):
    note("training on characters, the README's model")
    flags = model_flags(README) + threads_flag(args)
    flags += ["--learning-rate=0.006", "--clip=1", "--steps=20000"]
    lm = Training(work / "readme-run", flags)
    sizes = README | dict(vocabulary=lm.vocabulary())
    bare = bare_step("char_lm", sizes, args)
    in_turn([lm, bare], args.rounds, args.block)
    rows = [rate_row(f"training, characters, {layers(README)}", "≥ 0.85", lm, [bare])]
    close(lm, bare)
    return rows


def train_characters(args, work):
    """Returns the folder of a run of a model of characters as large as that of words."""
    run = work / "characters-run"
    flags = characters(work / "characters") + model_flags(WORDS) + threads_flag(args)
    lm = Training(run, flags)
    lm.close()
    return run, lm.vocabulary()


def generation(args, run, vocabulary, of):
    """Returns rows against both runtimes: in full precision, with --half, and against eight bits."""
    note(f"generation of {of}")
    full = Generation(run, 200, args.length)
    half = Generation(run, 200, args.length, "--half")
    sizes = WORDS | dict(steps=3, batch=1, vocabulary=vocabulary)  # the three tokens that are given
    scripts = {"PyTorch": "torch_peer.py", "ONNX Runtime": "onnx_peer.py"}
    peers = {}
    for framework, script in scripts.items():
        for work in "generation", "generation_reduced":
            for threads in sorted({1, args.threads}):  # one thread may be faster than several
                name = f"{framework}, threads: {threads}"
                peer = python_peer(name, script, work, threads, sizes, args)
                peers.setdefault((framework, work), []).append(peer)
    exact = [peer for framework in scripts for peer in peers[framework, "generation"]]
    reduced = [peer for framework in scripts for peer in peers[framework, "generation_reduced"]]
    expect_agreement(exact, TOLERANCE)
    expect_agreement([*exact[:1], *reduced], REDUCED_TOLERANCE)
    in_turn([full, half, *exact, *reduced], args.rounds, args.block)
    what = f"generation, {vocabulary} {of}, {layers(WORDS)}"
    rows = []
    for framework in scripts:
        exact_peers, reduced_peers = (peers[framework, f"generation{it}"] for it in ("", "_reduced"))
        rows += [
            rate_row(what, "", full, exact_peers),
            rate_row(f"{what}, `--half`", "≥ 2", half, exact_peers),
            rate_row(f"{what}, `--half` against reduced precision", "", half, reduced_peers),
        ]
    close(*exact, *reduced)
    return rows


def expect_agreement(peers, tolerance):
    """Ends the program if a variant's logits differ from those of the first variant."""
    truth = next(iter(peers[0].figures.values()))
    for peer in peers:
        for variant, figure in peer.figures.items():
            if abs(figure - truth) > tolerance * truth:
                sys.exit(f"error: {peer.name}, {variant} computes {figure}, not {truth}")


def memory(args, run, vocabulary, of):
    """Peak memory beyond that of the same command with a tiny model, divided by weights and one window.

    A window is what layers hand on, without gates and other intermediates: for each position the
    embedding, the output of each layer, and the logits.
    """
    note(f"memory, {of}")
    tiny = tiny_run(run)
    position = 4 * (WORDS["input"] + WORDS["layers"] * WORDS["hidden"] + vocabulary)
    evaluate = [TARGET / "lm", "eval", "--quiet", "--window", str(EVAL_WINDOW), "--run"]
    rows = []
    for name, command, base_command, positions in (
        ("eval", [*evaluate, run], [*evaluate, tiny], EVAL_WINDOW),
        # the tiny model must write for long enough to be measured
        ("generate", generate(run, 500), generate(tiny, 100_000), 1),
    ):
        needed = weights_size(run) - weights_size(tiny) + positions * position
        used = peak(command) - peak(base_command)
        what = f"memory of `lm {name}`, {vocabulary} {of}, {layers(WORDS)}"
        sizes = (f"{used / 1e6:.1f} MB", f"weights + window {needed / 1e6:.1f} MB")
        rows.append((what, "≤ 1.2", *sizes, used / needed))
    return rows


def weights_size(run):
    return (run / "model.safetensors").stat().st_size


def tiny_run(run):
    """The folder of a run with the same text and 8 units."""
    folder = run.with_name(f"{run.name}-tiny")
    command = [TARGET / "lm", "train", "--quiet", "--config", run / "config.toml", "--out", folder]
    command += ["--hidden-size=8", "--embedding-size=8", "--steps=1"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return folder


def peak(command):
    """The largest resident set of a process, VmHWM. (getrusage counts that of the parent too.)"""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    largest = 0
    while process.poll() is None:
        largest = max(largest, resident(process.pid))
        time.sleep(0.001)
    if process.returncode:
        sys.exit(f"error: {command[1]} failed; its messages are above")
    return largest


def resident(process):
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((1024 * int(line[1]) for line in lines if line and line[0] == "VmHWM:"), 0)


# ---------------------------------------------------------------------------------------- results
def rate_row(what, bound, ours, theirs):
    _, our_rate = ours.best()
    name, rate = max((side.best() for side in theirs), key=lambda it: it[1])
    return what, bound, f"{our_rate:,.0f} tokens/s", f"{name}: {rate:,.0f} tokens/s", our_rate / rate


def print_table(rows):
    print("| | required | lm | other | ratio |\n|---|---|---|---|---|")
    for what, bound, ours, theirs, ratio in rows:
        print(f"| {what} | {bound} | {ours} | {theirs} | {ratio:.2f} |")


def print_machine(args):
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    print(f"- {cpu[0].split(':')[1].strip()}, {len(cpu)} cores; {args.threads} threads")
    print(f"- load of the machine before: {os.getloadavg()[0]:.1f}; it should be near 0")
    modules = "import platform, torch, onnxruntime; print('Python', platform.python_version(), "
    modules += "'· PyTorch', torch.__version__, '· ONNX Runtime', onnxruntime.__version__)"
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=ROOT).stdout
    python = subprocess.run([args.python, "-c", modules], capture_output=True, text=True).stdout
    print(f"- {rust.strip()} · {python.strip()}")
    print(f"- `python {' '.join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]])}`\n", flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def close(*sides):
    for side in sides:
        side.close()


def threads_flag(args):
    return [f"--threads={args.threads}"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the Python that has the runtimes")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side")
    parser.add_argument("--rounds", type=int, default=7, help="blocks of each side")
    parser.add_argument("--block", type=float, default=1.0, help="seconds of a block")
    parser.add_argument("--length", type=int, default=2000, help="tokens that `lm generate` writes")
    return parser.parse_args()


def main():
    args = parse()
    build = "cargo build --release --locked -p lm -p bptt-benches --bin lm --bin compare"
    subprocess.run(build.split(), check=True, cwd=ROOT)
    print_machine(args)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows, words_run, vocabulary = train_words(args, work)
        rows += train_readme(args, work)
        models = [(words_run, vocabulary, "words"), (*train_characters(args, work), "characters")]
        for measure in generation, memory:
            for model in models:
                rows += measure(args, *model)
    print_table(rows)


if __name__ == "__main__":
    main()
