const cr = 13
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
/** Makes the octets before a place in a word look like plain ones. */
const octetsBefore = [0, 0x20, 0x2020, 0x202020] as const

/** The part of a chunk that lies on whole 32-bit words; undefined when it is too short to matter. */
export function alignedWords(chunk: Uint8Array): Int32Array | undefined {
  const from = (chunk.byteOffset + 3) & ~3
  const count = (chunk.byteOffset + chunk.length - from) >> 2
  return count > 8 && isLittleEndian ? new Int32Array(chunk.buffer, from, count) : undefined
}

/**
 * The next octet from `from` on that is a control character up to CR (NUL, TAB, LF …), or the end.
 * @param words `alignedWords` of the chunk
 */
export function nextControl(chunk: Uint8Array, words: Int32Array | undefined, from: number): number {
  const end = chunk.length
  let at = from
  if (words !== undefined) {
    const wordsFrom = words.byteOffset - chunk.byteOffset
    for (; at < wordsFrom; at++) if (chunk[at]! <= cr) return at
    const begun = (at - wordsFrom) >> 2
    if (begun < words.length) {
      const first = controlsIn(words[begun]! | octetsBefore[((at - wordsFrom) & 3) as 0 | 1 | 2 | 3])
      if (first !== 0) return wordsFrom + (begun << 2) + firstOf(first)
      const found = skipPlainWords(words, begun + 1)
      at = wordsFrom + (found << 2)
      if (found < words.length) return at + firstOf(controlsIn(words[found]!))
    }
  }
  while (at < end && chunk[at]! > cr) at++
  return at
}

/** "hasless(word, 14)" of Bit Twiddling Hacks: not 0 as soon as one octet is below 14; the lowest bit is of the first. */
const controlsIn = (word: number): number => (word - 0x0e0e0e0e) & ~word & 0x80808080

const firstOf = (controls: number): number => (31 - Math.clz32(controls & -controls)) >> 3

/** The next word from `from` on that holds a control character, or the end. */
function skipPlainWords(words: Int32Array, from: number): number {
  const end = words.length
  const fours = end - 3
  let at = from
  while (at < fours) {
    const a = words[at]!
    const b = words[at + 1]!
    const c = words[at + 2]!
    const d = words[at + 3]!
    const found =
      ((a - 0x0e0e0e0e) & ~a) | ((b - 0x0e0e0e0e) & ~b) | ((c - 0x0e0e0e0e) & ~c) | ((d - 0x0e0e0e0e) & ~d)
    if ((found & 0x80808080) !== 0) break
    at += 4
  }
  while (at < end && controlsIn(words[at]!) === 0) at++
  return at
}
