import type { OctetString } from './octets.ts'

const lf = 0x0a
const cr = 0x0d
const tab = 0x09
const space = 0x20
const colon = 0x3a

/** Walks over the fields of a header block without making objects. Stops at the empty line. */
export class FieldCursor {
  readonly text: OctetString
  /** The current field: offsets of its first octet, its name's end, its value (after the colon), its end. */
  start = 0
  nameEnd = 0
  valueStart = 0
  end = 0

  constructor(text: OctetString) {
    this.text = text
  }

  /** Moves to the next field; lines that are none (no colon, blanks in the name) are passed over. */
  next(): boolean {
    const text = this.text
    while (this.end < text.length) {
      this.start = this.end
      this.end = fieldEnd(text, this.start)
      const first = text.charCodeAt(this.start)
      if (first === lf || (first === cr && text.charCodeAt(this.start + 1) === lf)) return false
      if (this.#readName()) return true
    }
    return false
  }

  /** RFC 5322 §2.2: printable, no colon; §4.5 allows blanks before the colon. */
  #readName(): boolean {
    const { text, end } = this
    let i = this.start
    while (i < end && isNameChar(text.charCodeAt(i))) i++
    this.nameEnd = i
    while (text.charCodeAt(i) === space || text.charCodeAt(i) === tab) i++
    if (this.nameEnd === this.start || i >= end || text.charCodeAt(i) !== colon) return false
    this.valueStart = i + 1
    return true
  }
}

/** 8-bit octets pass: RFC 5322 forbids them, strangers send them. */
const isNameChar = (code: number): boolean => code > space && code !== colon && code !== 0x7f

/** After the line end of the field's last line (lines that begin with a blank belong to it). */
const fieldEnd = (text: OctetString, start: number): number => {
  let end = start
  for (;;) {
    const next = text.indexOf('\n', end)
    if (next < 0) return text.length
    end = next + 1
    const first = text.charCodeAt(end)
    if (first !== space && first !== tab) return end
  }
}
