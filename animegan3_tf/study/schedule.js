"use strict";

// What one rater sees, from a seed: schedule.py draws the same, number for number.

function mulberry32(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) * n) / 4294967296);
  };
}

function shuffle(values, below) {
  for (let i = values.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

function schedule(study, seed, block) {
  const below = mulberry32(seed), half = Math.floor(study.items / 2), orders = new Map();
  const count = study.trials.length;
  const trials = shuffle(Array.from({ length: study.items }, (_, i) => (block * study.items + i) % count), below);
  const once = (trial) => ({ trial, repeat: false });
  const late = trials.slice(half).map(once);
  late.push(...trials.slice(0, study.repeats).map((trial) => ({ trial, repeat: true })));
  return trials.slice(0, half).map(once).concat(shuffle(late, below)).map(({ trial, repeat }) => {
    if (!repeat) orders.set(trial, shuffle([...study.trials[trial][1]], below));
    const pictures = repeat ? [...orders.get(trial)].reverse() : orders.get(trial);
    return { trial, photo: study.trials[trial][0], pictures };
  });
}
