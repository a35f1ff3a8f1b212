"""What the works with matrix states compute from: the arrays of `works/matrices.rs`."""

import shared
from shared import SIZES, WORK

NAME, BACKWARD = WORK.removesuffix("_forward"), not WORK.endswith("_forward")
HEAD = SIZES.hidden // max(SIZES.heads, 1)


def drawn():
    """The weights, then the memory [B, S, H] if steps read one, then the inputs [T, B, I]."""
    numbers, hidden = shared.Numbers(), SIZES.hidden
    draw = lambda *shape: numbers.uniform(hidden**-0.5, *shape)
    arrays = [draw(*shape) for shape in weights(SIZES.input, hidden)]
    if NAME == "attention_lstm":
        arrays.append(numbers.uniform(1.0, SIZES.batch, SIZES.slots, hidden))
    return [*arrays, numbers.sequence(SIZES.input)]


def weights(inputs, hidden):
    """The shapes of the weights."""
    heads, slots, rank = SIZES.heads, SIZES.slots, SIZES.rank
    match NAME:
        case "m_lstm":  # w_ih, w_ih_if, b, b_if
            return [(inputs, 4 * hidden), (inputs, 2 * heads), (4 * hidden,), (2 * heads,)]
        case "s_lstm":  # w_ih, w_hh, b
            return [(inputs, 4 * hidden), (heads, HEAD, 4 * HEAD), (4 * hidden,)]
        case "delta_net":  # w_ih, w_i_beta
            return [(inputs, 3 * hidden), (inputs, heads)]
        case "selective_scan":  # w_in, w_ir, w_r_delta, b_delta, w_ib, w_ic, a, d
            low_rank, of_channels = [(hidden, rank), (rank, hidden), (hidden,)], (hidden, slots)
            return [(inputs, hidden), *low_rank, *[of_channels] * 3, (hidden,)]
        case "attention_lstm":  # w_ih, w_hh, b, w_q
            read = [(inputs + hidden, 4 * hidden), (hidden, 4 * hidden)]
            return [*read, (4 * hidden,), (hidden, hidden)]
