const lf = 0x0a
const cr = 0x0d

/** Bare LF becomes CRLF, as RFC 5322 §2.1 wants lines to end; the buffer itself when there is none. */
export function withCrlf(octets: Buffer): Buffer {
  let bare = 0
  for (let at = octets.indexOf(lf); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if (at === 0 || octets[at - 1] !== cr) bare++
  }
  if (bare === 0) return octets
  const result = Buffer.allocUnsafe(octets.length + bare)
  let from = 0
  let to = 0
  for (let at = octets.indexOf(lf); at >= 0; at = octets.indexOf(lf, at + 1)) {
    if (at > 0 && octets[at - 1] === cr) continue
    to += octets.copy(result, to, from, at)
    result[to++] = cr
    from = at
  }
  octets.copy(result, to, from)
  return result
}

/** CRLF becomes LF, as files of Unix have it. What is not a line end stays: a CR alone, an LF alone. */
export function withLf(octets: Buffer): Buffer {
  const result = Buffer.allocUnsafe(octets.length)
  let from = 0
  let to = 0
  for (let at = octets.indexOf('\r\n'); at >= 0; at = octets.indexOf('\r\n', at + 2)) {
    to += octets.copy(result, to, from, at)
    from = at + 1
  }
  to += octets.copy(result, to, from)
  return result.subarray(0, to)
}
