//! Progress on the terminal, signals, and the memory of the machine.
