// Experiments with a name. An epoch is 256 sequences, so 20 epochs of batches of 32 are 160 updates.

const continuation = { hidden: [16], length: 24, batch: 32, updates: 160 };

export const presets = {
  "first-steps": ["First steps: a sine", {}],
  "rate-low": ["Learning rate: low, after 20 epochs", { ...continuation, rate: 0.0001 }],
  "rate-medium": ["Learning rate: medium, after 10 epochs", { ...continuation, rate: 0.03, updates: 80 }],
  "rate-high": ["Learning rate: high, after 20 epochs", { ...continuation, rate: 1 }],
  "batch-low": ["Batch size: 1, after 1 epoch", { ...continuation, batch: 1, updates: 256 }],
  "batch-medium": ["Batch size: 32, after 10 epochs", { ...continuation, updates: 80 }],
  "batch-high": ["Batch size: 256, after 20 epochs", { ...continuation, batch: 256, updates: 20 }],
  "noise-none": ["Noise: none, after 20 epochs", continuation],
  "noise-some": ["Noise: some, after 20 epochs", { ...continuation, noise: 0.2 }],
  "noise-high": ["Noise: high, after 20 epochs", { ...continuation, noise: 2 }],
  "saw": ["Function: saw", { ...continuation, task: "saw", updates: 400 }],
  "square": ["Function: square wave", { ...continuation, task: "square", updates: 400 }],
  "sines": ["Function: sum of two sines", { ...continuation, task: "sines", length: 48, updates: 600 }],
  "text": ["Text, by characters", { task: "text", hidden: [64], length: 40, batch: 16, updates: 400 }],
  "network": ["Network: two layers", { hidden: [8, 8] }],
  "cell": ["LSTM cell: its four steps", { hidden: [4], updates: 200 }],
  "vanishing": ["Vanishing gradient: Elman net", { cell: "elman", hidden: [16], length: 60 }],
  "remembering": ["The same with an LSTM", { cell: "lstm", hidden: [16], length: 60 }],
};
