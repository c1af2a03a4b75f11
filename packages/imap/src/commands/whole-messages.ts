import type { MessageBatch, OctetsTogether } from '@posthorn/storage'
import type { FetchItem, SectionItem } from '../wire/fetch-items.ts'
import type { FetchOutput } from './fetch-output.ts'

/**
 * Answers with whole messages that lie in one piece of memory: each is moved to where the answer before it ends, the
 * text between them goes where the store had its own notes, and all is sent from there at once.
 */
export class WholeMessages {
  answered = 0
  readonly #output: FetchOutput
  readonly #before: readonly FetchItem[]
  readonly #label: string
  readonly #after: readonly FetchItem[]

  /** @param output of one whole message and else columns */
  constructor(output: FetchOutput) {
    this.#output = output
    const { items } = output
    const index = items.findIndex(({ kind }) => kind === 'section')
    this.#before = items.slice(0, index)
    this.#label = `${(items[index] as SectionItem).label} `
    this.#after = items.slice(index + 1)
  }

  /** The writer has nothing that waits; what stands behind the last message is in it then. */
  write(batch: MessageBatch, { memory, starts, ends }: OctetsTogether): void {
    const { uids, noNul } = batch
    const output = this.#output
    const { writer } = output
    let from = 0
    let to = 0
    for (let row = 0; row < uids.length; row++) {
      const sequence = output.sequenceOf(uids[row]!)
      if (sequence === 0) continue
      this.answered++
      const start = starts[row]!
      const end = ends[row]!
      if (noNul?.[row] !== 1) coverNul(memory, start, end)
      this.#open(batch, row, sequence, end - start)
      const textBytes = writer.length
      if (to + textBytes > start) {
        this.#passBoth(memory.subarray(from, to), memory.subarray(start, end))
        from = end
        to = end
      } else {
        writer.moveTo(memory, to)
        memory.copyWithin(to + textBytes, start, end)
        to += textBytes + end - start
      }
      this.#close(batch, row)
    }
    if (to === from) return
    const last = this.#text()
    output.pass(memory.subarray(from, to))
    writer.octets(last)
  }

  /** There is no room for the text before the message. */
  #passBoth(before: Buffer, message: Buffer): void {
    const text = this.#text()
    if (before.length > 0) this.#output.pass(before)
    this.#output.writer.octets(text)
    this.#output.pass(message)
  }

  /** Takes what was written. */
  #text(): Buffer {
    const { writer } = this.#output
    const text = Buffer.allocUnsafe(writer.length)
    writer.moveTo(text, 0)
    return text
  }

  #open(batch: MessageBatch, row: number, sequence: number, lengthBytes: number): void {
    const output = this.#output
    const { writer } = output
    output.begin(sequence)
    for (const item of this.#before) {
      output.writeColumn(item, batch, row)
      writer.text(' ')
    }
    writer.text(this.#label).literalStart(lengthBytes)
  }

  #close(batch: MessageBatch, row: number): void {
    for (const item of this.#after) {
      this.#output.writer.text(' ')
      this.#output.writeColumn(item, batch, row)
    }
    this.#output.closeMessage()
  }
}

/** RFC 9051 §4.3: 0x80 is sent in place of NUL, as Dovecot does. */
function coverNul(memory: Buffer, start: number, end: number): void {
  for (let at = memory.indexOf(0, start); at >= 0 && at < end; at = memory.indexOf(0, at + 1))
    memory[at] = 0x80
}
