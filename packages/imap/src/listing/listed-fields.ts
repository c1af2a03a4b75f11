import { copyOctets, writeNumber } from '../wire/octet-output.ts'
import { fieldEntryBytes, maxFields } from './listing-format.ts'

const brace = 0x7d
const cr = 0x0d
const lf = 0x0a

/** Some of the fields of a listing. */
export class ListedFields {
  /** By field number: 1 = wanted. */
  readonly #wanted = new Uint8Array(256)
  /** Of the message being written: neighbours are copied at once. */
  readonly #starts = new Uint32Array(maxFields)
  readonly #ends = new Uint32Array(maxFields)

  constructor(numbers: readonly number[]) {
    for (const number of numbers) this.#wanted[number] = 1
  }

  /**
   * Writes a literal without its first octet, `n}` CRLF and the fields. Where it ends.
   * @param octets that have at `start` the table of fields (see `listing-format.ts`)
   */
  write(octets: Buffer, start: number, out: Buffer, from: number): number {
    const wanted = this.#wanted
    const starts = this.#starts
    const ends = this.#ends
    const table = start + 1
    const tableEnd = table + octets[start]! * fieldEntryBytes
    let sizeBytes = 2
    let spans = 0
    let at = tableEnd
    for (let entry = table; entry < tableEnd; entry += fieldEntryBytes) {
      const next = at + octets[entry + 1]! + octets[entry + 2]! * 256
      if (wanted[octets[entry]!] === 1) {
        sizeBytes += next - at
        if (spans === 0 || ends[spans - 1] !== at) starts[spans++] = at
        ends[spans - 1] = next
      }
      at = next
    }
    let to = writeNumber(out, from, sizeBytes)
    out[to++] = brace
    out[to++] = cr
    out[to++] = lf
    for (let span = 0; span < spans; span++) to = copyOctets(octets, starts[span]!, ends[span]!, out, to)
    out[to++] = cr
    out[to++] = lf
    return to
  }
}
