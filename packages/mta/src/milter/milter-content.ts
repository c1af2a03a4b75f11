import { BodySpool } from './body-spool.ts'

/** A header field as it stands in the message, with its line end. */
interface Field {
  readonly octets: Buffer
  /** Our own Received is not shown. Postfix: milter8_header(). */
  readonly shown: 'yes' | 'no'
}

export interface ShownField {
  readonly name: Buffer
  /** After the colon, without the last line end; lines divided by LF. */
  readonly value: Buffer
}

/** How values are given to a filter and taken from it: SMFIP_HDR_LEADSPC. */
export type LeadingSpace = 'part-of-value' | 'ours'

const maxHeaderBytes = 1_048_576
const lf = 0x0a
const crlf = Buffer.from('\r\n')

/** A message that waits for the verdict of filters, which may change its header and its body. */
export class MilterContent {
  #fields: Field[] = []
  #body = new BodySpool()
  /** Octets not yet known to be header or body. */
  #pending: Buffer | undefined = Buffer.alloc(0)
  #scanned = 0
  #separator: Buffer = Buffer.alloc(0)

  /** Our own fields, above the message; the last of them is not shown. */
  setTrace(trace: Buffer): void {
    const fields = splitFields(trace)
    this.#fields = fields.map((octets, i) => ({
      octets,
      shown: i === fields.length - 1 && isReceived(octets) ? 'no' : 'yes',
    }))
  }

  /** The message, in pieces. A promise asks to wait. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#pending === undefined) return this.#body.write(chunk)
    const bytes = Buffer.concat([this.#pending, chunk])
    const end = headerEnd(bytes, this.#scanned)
    if (end === undefined && bytes.length < maxHeaderBytes) {
      this.#pending = bytes
      this.#scanned = Math.max(0, bytes.length - 3)
      return undefined
    }
    this.#pending = undefined
    return this.#splitAt(bytes, end ?? { fields: bytes.lastIndexOf(lf) + 1, body: bytes.lastIndexOf(lf) + 1 })
  }

  /** The message is complete. */
  finish(): Promise<void> | undefined {
    const bytes = this.#pending
    this.#pending = undefined
    return bytes === undefined
      ? undefined
      : this.#splitAt(bytes, { fields: bytes.length, body: bytes.length })
  }

  #splitAt(bytes: Buffer, end: HeaderEnd): Promise<void> | undefined {
    for (const octets of splitFields(bytes.subarray(0, end.fields)))
      this.#fields.push({ octets, shown: 'yes' })
    this.#separator = bytes.subarray(end.fields, end.body)
    return this.#body.write(bytes.subarray(end.body))
  }

  *fields(space: LeadingSpace): Generator<ShownField> {
    for (const { octets, shown } of this.#fields) {
      if (shown === 'no') continue
      const field = readField(octets, space)
      if (field !== undefined) yield field
    }
  }

  body(): AsyncGenerator<Buffer> {
    return this.#body.read()
  }

  get sizeBytes(): number {
    return this.#fields.reduce((sum, { octets }) => sum + octets.length, this.#body.sizeBytes)
  }

  /** Takes changes of the header back, when called before the next filter. */
  mark(): () => void {
    const before = [...this.#fields]
    return () => {
      this.#fields = before
    }
  }

  addField(field: Buffer): void {
    this.#fields.push({ octets: field, shown: 'yes' })
  }

  /** @param index 0 is above everything, our own fields included. Postfix: cleanup_ins_header(). */
  insertField(index: number, field: Buffer): void {
    this.#fields.splice(Math.min(index, this.#fields.length), 0, { octets: field, shown: 'yes' })
  }

  /** The `index`th (from 1) shown field of that name; `field` undefined: it goes. One that is not there is added. */
  changeField(index: number, name: string, field: Buffer | undefined): void {
    const place = this.#find(Math.max(1, index), name)
    if (place === undefined) {
      if (field !== undefined) this.addField(field)
    } else if (field === undefined) this.#fields.splice(place, 1)
    else this.#fields[place] = { octets: field, shown: 'yes' }
  }

  #find(index: number, name: string): number | undefined {
    let count = 0
    for (const [place, { octets, shown }] of this.#fields.entries()) {
      if (shown === 'no' || !isNamed(octets, name) || ++count < index) continue
      return place
    }
    return undefined
  }

  async replaceBody(body: BodySpool): Promise<void> {
    const before = this.#body
    this.#body = body
    if (this.#separator.length === 0) this.#separator = crlf
    await before.close()
  }

  /** The whole message as it is to be stored. */
  async *octets(): AsyncGenerator<Buffer> {
    yield Buffer.concat([...this.#fields.map(({ octets }) => octets), this.#separator])
    yield* this.#body.read()
  }

  close(): Promise<void> {
    return this.#body.close()
  }
}

/** A field as a filter wants it; what could end the field, or begin another, is made a continuation. */
export function formatMilterField(name: string, value: Buffer, space: LeadingSpace): Buffer {
  const text = value.toString('latin1').replace(/[\r\n\0]+$/, '')
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line, i) => (i === 0 || /^[ \t]/.test(line) ? line : ` ${line}`))
    .filter((line, i) => i === 0 || line.trim() !== '')
  return Buffer.from(`${name}:${space === 'ours' ? ' ' : ''}${lines.join('\r\n')}\r\n`, 'latin1')
}

interface HeaderEnd {
  readonly fields: number
  readonly body: number
}

/** The first empty line. */
function headerEnd(bytes: Buffer, from: number): HeaderEnd | undefined {
  if (bytes[0] === lf) return { fields: 0, body: 1 }
  if (bytes[0] === 0x0d && bytes[1] === lf) return { fields: 0, body: 2 }
  for (let at = bytes.indexOf(lf, from); at !== -1; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return { fields: at + 1, body: at + 2 }
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === lf) return { fields: at + 1, body: at + 3 }
  }
  return undefined
}

function splitFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    let end = bytes.indexOf(lf, start)
    while (end !== -1 && (bytes[end + 1] === 0x20 || bytes[end + 1] === 0x09))
      end = bytes.indexOf(lf, end + 1)
    const next = end === -1 ? bytes.length : end + 1
    fields.push(Buffer.from(bytes.subarray(start, next)))
    start = next
  }
  return fields
}

function readField(octets: Buffer, space: LeadingSpace): ShownField | undefined {
  const colon = octets.indexOf(0x3a)
  if (colon < 1) return undefined
  let nameEnd = colon
  while (nameEnd > 1 && (octets[nameEnd - 1] === 0x20 || octets[nameEnd - 1] === 0x09)) nameEnd--
  let start = colon + 1
  if (space === 'ours' && octets[start] === 0x20) start++
  let end = octets.length
  if (octets[end - 1] === lf) end--
  if (octets[end - 1] === 0x0d) end--
  const value = octets.subarray(start, Math.max(start, end))
  return {
    name: octets.subarray(0, nameEnd),
    value: value.includes(0x0d)
      ? Buffer.from(value.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
      : value,
  }
}

function isNamed(octets: Buffer, name: string): boolean {
  const colon = octets.indexOf(0x3a)
  return colon > 0 && octets.toString('latin1', 0, colon).trimEnd().toLowerCase() === name.toLowerCase()
}

const isReceived = (octets: Buffer): boolean => isNamed(octets, 'received')
