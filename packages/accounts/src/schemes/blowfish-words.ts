/** Blowfish begins with the fraction of π: 18 subkeys, then four boxes of 256 words. */
const words = 18 + 4 * 256
const guardBits = 64n

let made: Uint32Array | undefined

/** Computed once (some milliseconds) instead of a table of a thousand numbers. */
export function blowfishWords(): Uint32Array {
  made ??= computeWords()
  return made
}

/** Machin: π = 16 arctan 1/5 − 4 arctan 1/239. */
function computeWords(): Uint32Array {
  const bits = BigInt(words * 32) + guardBits
  const one = 1n << bits
  const pi = 16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one)
  const hex = ((pi - 3n * one) >> guardBits).toString(16).padStart(words * 8, '0')
  return Uint32Array.from({ length: words }, (_, i) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16))
}

function arctanOfInverse(x: bigint, one: bigint): bigint {
  const square = x * x
  let power = one / x
  let sum = power
  for (let n = 3n, sign = -1n; power !== 0n; n += 2n, sign = -sign) {
    power /= square
    sum += (sign * power) / n
  }
  return sum
}
