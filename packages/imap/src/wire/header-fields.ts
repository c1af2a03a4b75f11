/** Selects header fields for HEADER.FIELDS and HEADER.FIELDS.NOT, octet for octet. RFC 9051 §6.4.5.1. */
import type { ResponseWriter } from './response.ts'

const lf = 0x0a
const cr = 0x0d
const tab = 0x09
const space = 0x20
const colon = 0x3a
const del = 0x7f

/** Field names to look for in octets: ASCII in any case, else exact. */
export class FieldNames {
  readonly #byLength = new Map<number, Buffer[]>()

  /** @param names lower case */
  constructor(names: Iterable<string>) {
    for (const name of names) {
      const octets = Buffer.from(name, 'latin1')
      const others = this.#byLength.get(octets.length)
      if (others === undefined) this.#byLength.set(octets.length, [octets])
      else others.push(octets)
    }
  }

  has(octets: Buffer, start: number, end: number): boolean {
    const names = this.#byLength.get(end - start)
    if (names === undefined) return false
    for (let index = 0; index < names.length; index++) {
      if (sameName(names[index]!, octets, start)) return true
    }
    return false
  }
}

function sameName(name: Buffer, octets: Buffer, start: number): boolean {
  for (let at = 0; at < name.length; at++) {
    const octet = octets[start + at]!
    if (octet === name[at]) continue
    if (octet < 0x41 || octet > 0x5a || octet + 0x20 !== name[at]) return false
  }
  return true
}

/** Calls `take` for each field of octets [start, end) of a header, its line end counted; stops at the empty line. */
export function eachField(
  octets: Buffer,
  start: number,
  end: number,
  take: (nameEnd: number, start: number, end: number) => void,
): void {
  for (let at = start; at < end; ) {
    const first = octets[at]
    if (first === lf || (first === cr && octets[at + 1] === lf)) return
    const next = fieldEnd(octets, at, end)
    const nameEnd = fieldNameEnd(octets, at, next)
    if (nameEnd > at) take(nameEnd, at, next)
    at = next
  }
}

/** Fields collected from one or more headers. Reused for many messages. */
export class FieldSelection {
  readonly #names: FieldNames
  readonly #keep: boolean
  readonly #sources: Buffer[] = []
  /** Triples source, start, end. */
  readonly #spans: number[] = []
  lengthBytes = 0
  /** The last field of a message that is nothing but a header may have no line end. */
  #lacksLineEnd = false

  constructor(names: ReadonlySet<string>, keep: 'named' | 'others') {
    this.#names = new FieldNames(names)
    this.#keep = keep === 'named'
  }

  clear(): void {
    this.#sources.length = 0
    this.#spans.length = 0
    this.lengthBytes = 0
    this.#lacksLineEnd = false
  }

  /** Adds the fields of octets [start, end) of a header; stops at its empty line. */
  add(octets: Buffer, start: number, end: number): void {
    const source = this.#sources.push(octets) - 1
    for (let at = start; at < end; ) {
      const first = octets[at]
      if (first === lf || (first === cr && octets[at + 1] === lf)) return
      const next = fieldEnd(octets, at, end)
      if (this.#isWanted(octets, at, next)) {
        this.#take(source, at, next)
        if (octets[next - 1] !== lf) this.#endLine()
      }
      at = next
    }
  }

  /** The selected fields in the order of their headers. */
  write(out: ResponseWriter): void {
    const spans = this.#spans
    for (let at = 0; at < spans.length; at += 3) {
      out.span(this.#sources[spans[at]!]!, spans[at + 1]!, spans[at + 2]!)
    }
    if (this.#lacksLineEnd) out.crlf()
  }

  #take(source: number, start: number, end: number): void {
    this.lengthBytes += end - start
    const spans = this.#spans
    const last = spans.length - 1
    if (last > 0 && spans[last] === start && spans[last - 2] === source) spans[last] = end
    else spans.push(source, start, end)
  }

  #endLine(): void {
    this.#lacksLineEnd = true
    this.lengthBytes += 2
  }

  /** Lines that are no field are left out in any case. */
  #isWanted(octets: Buffer, start: number, end: number): boolean {
    const nameEnd = fieldNameEnd(octets, start, end)
    return nameEnd > start && this.#names.has(octets, start, nameEnd) === this.#keep
  }
}

/** Where the name of the field ends that begins at `start`; `start` itself: it is no field. */
function fieldNameEnd(octets: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && isNameOctet(octets[at]!)) at++
  const nameEnd = at
  // RFC 5322 §4.5: blanks may stand before the colon.
  while (at < end && (octets[at] === space || octets[at] === tab)) at++
  return at === end || octets[at] !== colon ? start : nameEnd
}

/** 8-bit octets pass: RFC 5322 forbids them, strangers send them. */
function isNameOctet(octet: number): boolean {
  return octet > space && octet !== colon && octet !== del
}

/** After the line end of the field's last line; lines that begin with a blank belong to it. */
function fieldEnd(octets: Buffer, start: number, end: number): number {
  let next = start
  for (;;) {
    // Lines are short: a loop beats a call into Node.
    while (next < end && octets[next] !== lf) next++
    if (next >= end) return end
    next++
    const first = octets[next]
    if (next === end || (first !== space && first !== tab)) return next
  }
}
