const cr = 0x0d
const lf = 0x0a

/** Makes each line end CRLF: local programs write LF. Keeps the state between chunks. */
export function createLineEnds(): (chunk: Uint8Array) => Buffer {
  let last = 0
  return (chunk) => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const parts: Buffer[] = []
    let start = 0
    for (let at = bytes.indexOf(lf); at !== -1; at = bytes.indexOf(lf, at + 1)) {
      const before = at === 0 ? last : bytes[at - 1]
      if (before === cr) continue
      parts.push(bytes.subarray(start, at), crlf)
      start = at + 1
    }
    last = bytes.at(-1) ?? last
    if (parts.length === 0) return bytes
    parts.push(bytes.subarray(start))
    return Buffer.concat(parts)
  }
}

const crlf = Buffer.from('\r\n')
