const lineFeed = 0x0a
const colon = 0x3a
const blank = 0x20
const tab = 0x09

/** Offset of the colon of the line that begins at `start`, when it is this field's; else -1. RFC 5322 §2.2. */
export const colonOf = (bytes: Buffer, start: number, name: Buffer): number => {
  let at = start + name.length
  if (bytes.compare(name, 0, name.length, start, Math.min(at, bytes.length)) !== 0) return -1
  while (bytes[at] === blank || bytes[at] === tab) at++
  return bytes[at] === colon ? at : -1
}

/**
 * Whether what was found at `at` of a folded header (its first line end at `from`) stands in a field of this
 * name: 'value' behind its colon, 'name' as the name itself.
 */
export const fieldBefore = (
  bytes: Buffer,
  from: number,
  at: number,
  name: Buffer,
  place: 'value' | 'name',
): boolean => {
  let start = at
  while (start > from && bytes[start - 1] !== lineFeed) start--
  const end = colonOf(bytes, start, name)
  return end >= 0 && (place === 'name' ? at === start : at > end)
}

/** The next field of this name at or after `from`: where its value begins and ends. */
export const fieldValue = (
  head: Buffer,
  name: Buffer,
  from: number,
): { readonly start: number; readonly end: number } | undefined => {
  for (let line = head.indexOf(lineFeed, from); line >= 0; line = head.indexOf(lineFeed, line + 1)) {
    if (head[line + 1] !== name[0]) continue
    const at = colonOf(head, line + 1, name)
    if (at < 0) continue
    const end = head.indexOf(lineFeed, at)
    return { start: at + 1, end: end < 0 ? head.length : end }
  }
  return undefined
}
