import {
  decodeStructure,
  type Part,
  type PartPlace,
  readPartPlaces,
  SummaryReader,
  summaryFlag,
} from '@posthorn/mail'
import type { MessageShape } from '../wire/section-range.ts'
import type { NulPresence } from './section-octets.ts'

const noOctets = Buffer.alloc(0)

/** The message that is being answered, seen through its summary. One object for all messages of a FETCH. */
export class MessageView implements MessageShape {
  readonly reader = new SummaryReader()
  /** Trace fields put before the message at delivery. */
  prefix: Buffer = noOctets
  /** Without the prefix. */
  sizeBytes = 0
  #structure: Part | undefined
  #places: PartPlace | undefined
  nul: NulPresence = 'may-have-nul'

  /**
   * @param summary undefined when only whole messages are asked for
   * @param storedBytes prefix included
   * @param known what the store says when there is no summary
   */
  open(
    summary: Uint8Array | undefined,
    prefix: Uint8Array | undefined,
    storedBytes: number,
    known: NulPresence = 'may-have-nul',
  ): void {
    this.nul = known
    if (summary !== undefined) {
      this.reader.open(summary)
      this.nul = (this.reader.flags & summaryFlag.nul) === 0 ? 'no-nul' : 'may-have-nul'
    }
    this.prefix = prefix === undefined ? noOctets : asBuffer(prefix)
    this.sizeBytes = storedBytes - this.prefix.length
    this.#structure = undefined
    this.#places = undefined
  }

  /** Without the prefix. */
  get headerBytes(): number {
    return this.reader.headerBytes
  }

  get hasFields(): boolean {
    return (this.reader.flags & summaryFlag.fieldsComplete) !== 0
  }

  /** Cheaper than `structure`. */
  places(): PartPlace {
    this.#places ??= readPartPlaces(this.reader)
    return this.#places
  }

  structure(): Part {
    this.#structure ??= decodeStructure(this.reader.bytes).structure
    return this.#structure
  }
}

/** The same memory as a Buffer. */
export function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}
