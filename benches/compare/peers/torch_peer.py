"""The works in PyTorch; see `shared.py`."""

import os
import sys
import time

import matrices
import shared
from shared import SIZES, THREADS, WORK, Numbers, say

os.environ["OMP_NUM_THREADS"] = str(THREADS)
try:
    import torch
except ImportError:
    say("missing", "torch")
    sys.exit()
import torch.nn.functional as F
import torch_matrices
from torch import nn

torch.set_num_threads(THREADS)


# ------------------------------------------------------------------------- float32 at its fastest
def use_fastest_float32():
    """Takes the faster kernels of products: "medium" allows others, of which some are bfloat16.

    Those, on processors with AMX, are not float32: an error larger than float32's rules them out.
    """
    speeds = {}
    for precision in ("highest", "medium"):
        torch.set_float32_matmul_precision(precision)
        if errors_are_of_float32():
            speeds[precision] = seconds_of_products()
    torch.set_float32_matmul_precision(min(speeds, key=speeds.get))


def errors_are_of_float32():
    torch.manual_seed(0)
    a, b = torch.randn(64, 2048), torch.randn(2048, 512)
    product = (a @ b - a.double() @ b.double()).abs().max()
    lstm, x = nn.LSTM(64, 64), torch.randn(20, 8, 64)
    exact = nn.LSTM(64, 64).double()
    exact.load_state_dict({name: w.double() for name, w in lstm.state_dict().items()})
    with torch.no_grad():
        layer = (lstm(x)[0] - exact(x.double())[0]).abs().max()
    return float(product) < 2e-3 and float(layer) < 1e-5  # bfloat16's are above 0.1 and 1e-3


def seconds_of_products():
    a, b = torch.randn(32, 256), torch.randn(256, 1024)
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begin)
    return sorted(times)[100]


# ----------------------------------------------------------------------------------------- layers
def tensors(arrays, trained=True):
    return [torch.from_numpy(a.copy()).requires_grad_(trained) for a in arrays]


def library_layer(kind, layers, dropout=0.0):
    """nn.LSTM or nn.RNN with these [W, R, b]; its second biases stay at zero, as we have none."""
    (w_ih, w_hh, _), *_ = layers
    module = kind(w_ih.shape[0], w_hh.shape[0], len(layers), dropout=dropout)
    with torch.no_grad():
        for k, (w_ih, w_hh, b) in enumerate(layers):
            getattr(module, f"weight_ih_l{k}").copy_(torch.from_numpy(w_ih.T.copy()))
            getattr(module, f"weight_hh_l{k}").copy_(torch.from_numpy(w_hh.T.copy()))
            getattr(module, f"bias_ih_l{k}").copy_(torch.from_numpy(b))
            getattr(module, f"bias_hh_l{k}").zero_().requires_grad_(False)
    return module


def trained(module):
    return [p for p in module.parameters() if p.requires_grad]


def lstm_layer(backward):
    numbers = Numbers()
    layer = library_layer(nn.LSTM, [numbers.gates(4, SIZES.input, SIZES.hidden)])
    x, cotangent = tensors([numbers.sequence(SIZES.input), numbers.sequence(SIZES.hidden)], False)
    if not backward:

        def step():
            with torch.inference_mode():
                return [layer(x)[0]]

        return step

    x.requires_grad_()
    sources = [*trained(layer), x]
    return lambda: torch.autograd.grad(layer(x)[0], sources, cotangent)


# ------------------------------------------------------------- cells written out, and their loops
# `outputs(x, *weights)` [T, B, H] with the products of the inputs taken at once, outside the loop
# ("hoisted") or in each step. Weights here are [O, I] as PyTorch has them.
def zeros():
    return torch.zeros(SIZES.batch, SIZES.hidden)


def loop(step, xs, state):
    ys = []
    for x in xs.unbind(0):
        state = step(x, *state)
        ys.append(state[0])
    return torch.stack(ys)


def cell_1997(z, c):
    g, i, o = z.chunk(3, 1)
    c = c + torch.tanh(g) * torch.sigmoid(i)
    return torch.tanh(c) * torch.sigmoid(o), c


def lstm_1997(x, w_ih, w_hh, b):
    step = lambda x, h, c: cell_1997(F.linear(x, w_ih, b) + F.linear(h, w_hh), c)
    return loop(step, x, (zeros(), zeros()))


def lstm_1997_hoisted(x, w_ih, w_hh, b):
    step = lambda read, h, c: cell_1997(torch.addmm(read, h, w_hh.t()), c)
    return loop(step, F.linear(x, w_ih, b), (zeros(), zeros()))


def cell_peephole(read, h, c, w_hh, gain_h, bias_h, b, p, gain_c, bias_c):
    recur = F.layer_norm(F.linear(h, w_hh), (4 * SIZES.hidden,), gain_h, bias_h)
    i, f, g, o = (read + recur + b).chunk(4, 1)
    i = torch.sigmoid(i + p[0] * c)
    f = torch.sigmoid(f + p[1] * c)
    c = f * c + i * torch.tanh(g)
    o = torch.sigmoid(o + p[2] * c)
    return o * torch.tanh(F.layer_norm(c, (SIZES.hidden,), gain_c, bias_c)), c


def peephole(x, w_ih, w_hh, gain_x, bias_x, *rest):
    read = lambda x: F.layer_norm(F.linear(x, w_ih), (4 * SIZES.hidden,), gain_x, bias_x)
    step = lambda x, h, c: cell_peephole(read(x), h, c, w_hh, *rest)
    return loop(step, x, (zeros(), zeros()))


def peephole_hoisted(x, w_ih, w_hh, gain_x, bias_x, *rest):
    read = F.layer_norm(F.linear(x, w_ih), (4 * SIZES.hidden,), gain_x, bias_x)
    step = lambda read, h, c: cell_peephole(read, h, c, w_hh, *rest)
    return loop(step, read, (zeros(), zeros()))


def elman_hoisted(x, w_ih, w_hh, b):
    step = lambda read, h: (torch.tanh(torch.addmm(read, h, w_hh.t())),)
    return loop(step, F.linear(x, w_ih, b), (zeros(),))


def gradients(outputs, draw):
    """Gradients of the sum of squares of the outputs; `draw` gives weights [I, O]."""
    numbers = Numbers()
    weights = draw(numbers)
    weights[:2] = [w.T for w in weights[:2]]
    weights, (x,) = tensors(weights), tensors([numbers.sequence(SIZES.input)])

    def step():
        y = outputs(x, *weights)
        return torch.autograd.grad((y * y).sum(), [*weights, x])

    return step


def library_gradients(kind, gates):
    numbers = Numbers()
    layer = library_layer(kind, [numbers.gates(gates, SIZES.input, SIZES.hidden)])
    (x,) = tensors([numbers.sequence(SIZES.input)])
    sources = [*trained(layer), x]

    def step():
        y, _ = layer(x)
        return torch.autograd.grad((y * y).sum(), sources)

    return step


def custom(outputs, hoisted, draw):
    # Compiling the other loop too would double the minutes; in turn with this one, it was slower.
    return {
        "loop": lambda: gradients(outputs, draw),
        "loop, hoisted": lambda: gradients(hoisted, draw),
        "compiled, hoisted": lambda: gradients(torch.compile(hoisted), draw),
    }


def elman():
    draw = lambda numbers: numbers.gates(1, SIZES.input, SIZES.hidden)
    variants = {
        "nn.RNN": lambda: library_gradients(nn.RNN, 1),
        "loop, hoisted": lambda: gradients(elman_hoisted, draw),
    }
    if SIZES.steps <= 100:  # a loop is compiled step by step, and 100 take a minute or more
        variants["compiled, hoisted"] = lambda: gradients(torch.compile(elman_hoisted), draw)
    return variants


def of_matrices(loop):
    """Gradients of the mean of squares of the outputs, or these alone."""
    arrays = tensors(matrices.drawn(), matrices.BACKWARD)
    outputs = torch_matrices.WORKS[matrices.NAME]
    if matrices.BACKWARD:
        return lambda: torch.autograd.grad(outputs(loop, *arrays).square().mean(), arrays)

    def step():
        with torch.inference_mode():
            return [outputs(loop, *arrays)]

    return step


# -------------------------------------------------------------------------------- language models
class LanguageModel(nn.Module):
    def __init__(self, embedding, layers, output, bias):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.from_numpy(embedding), freeze=False)
        self.dropout = nn.Dropout(getattr(SIZES, "dropout", 0) / 100)  # as Zaremba et al. 2014
        self.lstm = library_layer(nn.LSTM, layers, self.dropout.p)
        self.output = nn.Linear(*output.shape)
        with torch.no_grad():
            self.output.weight.copy_(torch.from_numpy(output.T.copy()))
            self.output.bias.copy_(torch.from_numpy(bias))

    def forward(self, tokens, targets, state):
        hs, state = self.lstm(self.dropout(self.embedding(tokens)), state)
        logits = self.output(self.dropout(hs))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), state


def training(optimizer, clip, compiled):
    *weights, tokens, targets = shared.language_model(Numbers())
    model = LanguageModel(*weights)
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets)
    optimizer = optimizer(trained(model))
    forward = torch.compile(model) if compiled else model
    state = [torch.zeros(SIZES.layers, SIZES.batch, SIZES.hidden) for _ in range(2)]

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss, last = forward(tokens, targets, tuple(state))
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip, foreach=True)
        optimizer.step()
        state[:] = [s.detach() for s in last]
        return [loss]

    return step


def language_model(optimizer, clip=None):
    return {
        "nn.LSTM": lambda: training(optimizer, clip, compiled=False),
        "nn.LSTM, compiled around it": lambda: training(optimizer, clip, compiled=True),
    }


# ------------------------------------------------------------------------------------- generation
class NextToken(nn.Module):
    """Reads a token [1, 1]. Returns the next one, drawn, its logits [1, V], and the state [L, 1, H]."""

    def __init__(self, model):
        super().__init__()
        self.embedding, self.lstm, self.output = model.embedding, model.lstm, model.output

    def forward(self, token, h, c):
        ys, (h, c) = self.lstm(self.embedding(token), (h, c))
        return *self.draw(ys[0]), h, c

    def draw(self, y):
        logits = self.output(y)
        return torch.multinomial((logits / shared.TEMPERATURE).softmax(-1), 1), logits


class NextTokenByProducts(NextToken):
    """The same with one product a layer, of the input and the state side by side."""

    def __init__(self, model):
        super().__init__(model)
        self.weights, self.biases = [], []
        for w_ih, w_hh, b, _ in model.lstm.all_weights:
            self.weights.append(torch.cat([w_ih, w_hh], 1))
            self.biases.append(b)

    def forward(self, token, h, c):
        x, states = self.embedding(token)[0], []
        for w, b, h, c in zip(self.weights, self.biases, h, c):
            i, f, g, o = F.linear(torch.cat([x, h], 1), w, b).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            x = torch.sigmoid(o) * torch.tanh(c)
            states.append((x, c))
        return *self.draw(x), *map(torch.stack, zip(*states))


def generation(kind, prepare):
    """Draws token after token. The first ones are given, so that the figure is one of logits."""
    *weights, tokens, _ = shared.language_model(Numbers())
    reader = kind(LanguageModel(*weights).requires_grad_(False)).eval()
    given = list(torch.from_numpy(tokens).view(-1, 1, 1))
    carried = [given[0]] + [torch.zeros(SIZES.layers, 1, SIZES.hidden)] * 2
    with torch.inference_mode():
        reader = prepare(reader, carried)

    def step():
        with torch.inference_mode():
            token, *state = carried
            token, logits, *state = reader(given.pop(0) if given else token, *state)
            carried[:] = token, *state
            return [logits]

    return step


def traced(reader, example):
    return torch.jit.freeze(torch.jit.trace(reader, example, check_trace=False))


def generations():
    as_it_is = lambda reader, _: reader
    compiled = lambda reader, _: torch.compile(reader)
    return {
        "nn.LSTM": lambda: generation(NextToken, as_it_is),
        "nn.LSTM, TorchScript": lambda: generation(NextToken, traced),
        "products, TorchScript": lambda: generation(NextTokenByProducts, traced),
        "products, compiled": lambda: generation(NextTokenByProducts, compiled),
    }


def reduced_generations():
    """The same with weights of sixteen and of eight bits, which PyTorch and its users reduce to."""

    def to_bfloat16(reader, carried):
        reader.to(torch.bfloat16)
        reader.weights = [w.to(torch.bfloat16) for w in reader.weights]
        reader.biases = [b.to(torch.bfloat16) for b in reader.biases]
        carried[1:] = [state.to(torch.bfloat16) for state in carried[1:]]
        return reader

    def dynamic(dtype):
        quantize = torch.ao.quantization.quantize_dynamic
        return lambda reader, _: quantize(reader, {nn.LSTM, nn.Linear}, dtype=dtype)

    return {
        "nn.LSTM, int8": lambda: generation(NextToken, dynamic(torch.qint8)),
        "nn.LSTM, float16": lambda: generation(NextToken, dynamic(torch.float16)),
        "products, bfloat16": lambda: generation(NextTokenByProducts, to_bfloat16),
    }


def variants():
    if matrices.NAME in torch_matrices.WORKS:
        return {
            "loop, hoisted": lambda: of_matrices(torch_matrices.loop),
            "compiled, hoisted": lambda: of_matrices(torch_matrices.compiled()),
        }
    match WORK:
        case "char_lm":
            return language_model(lambda ps: torch.optim.Adam(ps, lr=2e-3, fused=True))
        case "lm_medium":
            return language_model(lambda ps: torch.optim.SGD(ps, lr=0.1, fused=True), clip=5.0)
        case "generation":
            return generations()
        case "generation_reduced":
            return reduced_generations()
        case "lstm_layer_forward":
            return {"nn.LSTM": lambda: lstm_layer(backward=False)}
        case "lstm_layer" | "lstm_4":
            return {"nn.LSTM": lambda: lstm_layer(backward=True)}
        case "lstm_1997":
            draw = lambda numbers: numbers.gates(3, SIZES.input, SIZES.hidden)
            return custom(lstm_1997, lstm_1997_hoisted, draw)
        case "layer_norm_peephole":
            return custom(peephole, peephole_hoisted, shared.layer_norm_peephole)
        case "elman" | "elman_small":
            return elman()


if __name__ == "__main__":
    use_fastest_float32()
    shared.serve(variants(), lambda results: [r.detach().float().numpy() for r in results])
