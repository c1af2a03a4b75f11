const lf = 0x0a
const greater = 0x3e
const quoted = Buffer.from('>From ')

/** `>From ` at the beginning of a line loses one `>` (mboxrd; the first of mboxo, too). */
export function unquoteFrom(octets: Buffer): Buffer {
  const kept: Buffer[] = []
  let from = 0
  for (let at = octets.indexOf(quoted); at >= 0; at = octets.indexOf(quoted, at + quoted.length)) {
    let start = at
    while (start > 0 && octets[start - 1] === greater) start--
    if (start > 0 && octets[start - 1] !== lf) continue
    kept.push(octets.subarray(from, start))
    from = start + 1
  }
  if (kept.length === 0) return octets
  kept.push(octets.subarray(from))
  return Buffer.concat(kept)
}

/** `From ` and `>From ` at the beginning of a line get one `>` more: mboxrd, which loses nothing. */
export function quoteFrom(octets: Buffer): Buffer {
  const parts: Buffer[] = []
  let from = 0
  for (let at = octets.indexOf('From '); at >= 0; at = octets.indexOf('From ', at + 5)) {
    let start = at
    while (start > 0 && octets[start - 1] === greater) start--
    if (start > 0 && octets[start - 1] !== lf) continue
    parts.push(octets.subarray(from, start), Buffer.from('>'))
    from = start
  }
  if (parts.length === 0) return octets
  parts.push(octets.subarray(from))
  return Buffer.concat(parts)
}
