const fromWord = Buffer.from('from ')
const name = Buffer.from('Mailbox-Line: ')
const nothing = Buffer.alloc(0)
const greaterThan = 0x3e
const lf = 0x0a
const lowerCaseBit = 0x20

/**
 * Separators of an mbox (`From alice Mon Jan …`) before the first field get a field name: as body text they
 * would end the header before it begins. Takes octets in any pieces. Postfix: smtpd(8), Mailbox-Line.
 */
export class MailboxLine {
  /** Line start: undecided; line: within a separator; header: nothing more to look for. */
  #place: 'start' | 'line' | 'header' = 'start'
  #held: Buffer = nothing

  push(chunk: Uint8Array): Uint8Array {
    if (this.#place === 'header') return chunk
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = nothing
    const pieces: Uint8Array[] = []
    let at = 0
    while (at < bytes.length) {
      if (this.#place === 'header') break
      if (this.#place === 'line') {
        const end = bytes.indexOf(lf, at)
        if (end !== -1) this.#place = 'start'
        pieces.push(bytes.subarray(at, end === -1 ? bytes.length : end + 1))
        at = end === -1 ? bytes.length : end + 1
        continue
      }
      const answer = separatorAt(bytes, at)
      if (answer === 'undecided') {
        this.#held = Buffer.from(bytes.subarray(at))
        at = bytes.length
      } else if (answer === 'separator') {
        pieces.push(name)
        this.#place = 'line'
      } else this.#place = 'header'
    }
    if (pieces.length === 0) return at === 0 ? bytes : nothing
    return Buffer.concat([...pieces, bytes.subarray(at)])
  }

  /** What was held back when the message ends. */
  rest(): Uint8Array {
    const held = this.#held
    this.#held = nothing
    this.#place = 'header'
    return held
  }
}

/** `From `, in any case, after any number of `>`. */
function separatorAt(bytes: Uint8Array, start: number): 'separator' | 'none' | 'undecided' {
  let at = start
  while (bytes[at] === greaterThan) at++
  for (const wanted of fromWord) {
    const byte = bytes[at++]
    if (byte === undefined) return 'undecided'
    const letter = wanted === 0x20 ? byte : byte | lowerCaseBit
    if (letter !== wanted) return 'none'
  }
  return 'separator'
}
