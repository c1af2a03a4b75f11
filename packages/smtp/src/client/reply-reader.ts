const lf = 0x0a
const cr = 0x0d
const dash = 0x2d

/** Postfix: line_length_limit is 2,048 here; a reply of many lines may be longer, without end it may not. */
const maxReplyBytes = 65_536

/**
 * Octets of a server cut into complete replies, `250-a\n250 b` each. RFC 5321 §4.2.1. A line that is no reply is
 * handed over alone: the one who asked decides what it is worth.
 */
export class ReplyReader {
  #lines: string[] = []
  #held: Buffer[] = []
  #bytes = 0

  /** Whether half a reply is waiting for its end. */
  get pending(): boolean {
    return this.#bytes > 0
  }

  /** Complete replies, in order; 'too-long' when one has no end. */
  push(chunk: Buffer): readonly string[] | 'too-long' {
    const replies: string[] = []
    let from = 0
    for (;;) {
      const end = chunk.indexOf(lf, from)
      if (end < 0) break
      const line = this.#line(chunk, from, end)
      from = end + 1
      this.#lines.push(line)
      if (/^[2-5]\d\d-/.test(line)) continue
      replies.push(this.#lines.length === 1 ? line : this.#lines.join('\n'))
      this.#lines = []
      this.#bytes = 0
    }
    if (from < chunk.length) this.#held.push(from === 0 ? chunk : chunk.subarray(from))
    this.#bytes += chunk.length - from
    return this.#bytes > maxReplyBytes ? 'too-long' : replies
  }

  #line(chunk: Buffer, from: number, end: number): string {
    let bytes = chunk.subarray(from, end)
    if (this.#held.length > 0) {
      bytes = Buffer.concat([...this.#held, bytes])
      this.#held = []
    }
    if (bytes.length > 0 && bytes[bytes.length - 1] === cr) bytes = bytes.subarray(0, -1)
    if (bytes[3] === dash) this.#bytes += bytes.length
    return bytes.toString('utf8')
  }
}
