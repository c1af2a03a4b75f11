/** 0 to `below` - 1. */
export type Random = (below: number) => number

/** Small and repeatable: mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) % below
  }
}

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[random(choices.length)] as T
}
