import { FrameReader, MilterSyntaxError } from './frame.ts'

/** What a filter asks to change, at the end of the message only. */
export type MilterEdit =
  | { readonly kind: 'add-header'; readonly name: string; readonly value: Buffer }
  | { readonly kind: 'insert-header'; readonly index: number; readonly name: string; readonly value: Buffer }
  /** `index` counts fields of that name from 1; an empty value takes the field away. */
  | { readonly kind: 'change-header'; readonly index: number; readonly name: string; readonly value: Buffer }
  | { readonly kind: 'change-from'; readonly address: string; readonly parameters: string }
  | { readonly kind: 'add-recipient'; readonly address: string; readonly parameters: string }
  | { readonly kind: 'delete-recipient'; readonly address: string }
  /** A piece of the new body. */
  | { readonly kind: 'replace-body'; readonly octets: Buffer }
  | { readonly kind: 'quarantine'; readonly reason: string }

export type MilterReply =
  | { readonly kind: 'continue' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'tempfail' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'skip' }
  | { readonly kind: 'progress' }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'connection-failure' }
  /** `550 5.7.1 text`, lines divided by CR LF. */
  | { readonly kind: 'reply-code'; readonly text: string }
  | { readonly kind: 'edit'; readonly edit: MilterEdit }
  | { readonly kind: 'unknown'; readonly letter: string }

const plain: Readonly<Record<string, MilterReply>> = {
  c: { kind: 'continue' },
  a: { kind: 'accept' },
  r: { kind: 'reject' },
  t: { kind: 'tempfail' },
  d: { kind: 'discard' },
  s: { kind: 'skip' },
  p: { kind: 'progress' },
  '4': { kind: 'shutdown' },
  f: { kind: 'connection-failure' },
}

/** One whole frame from a filter (SMFIR_*). Throws MilterSyntaxError. */
export function decodeReply(frame: Buffer): MilterReply {
  const letter = String.fromCharCode(frame[4] ?? 0)
  const reader = new FrameReader(frame.subarray(5))
  const found = plain[letter]
  if (found !== undefined) return found
  if (letter === 'y') return { kind: 'reply-code', text: withoutNuls(reader.rest.toString('utf8')) }
  const edit = decodeEdit(letter, reader)
  return edit === undefined ? { kind: 'unknown', letter } : { kind: 'edit', edit }
}

function decodeEdit(letter: string, reader: FrameReader): MilterEdit | undefined {
  switch (letter) {
    case 'h':
      return { kind: 'add-header', name: fieldName(reader), value: reader.octets() }
    case 'i':
      return {
        kind: 'insert-header',
        index: reader.uint32(),
        name: fieldName(reader),
        value: reader.octets(),
      }
    case 'm':
      return {
        kind: 'change-header',
        index: reader.uint32(),
        name: fieldName(reader),
        value: reader.octets(),
      }
    case 'e':
      return {
        kind: 'change-from',
        address: reader.text(),
        parameters: reader.atEnd ? '' : reader.text(),
      }
    case '+':
      return { kind: 'add-recipient', address: reader.text(), parameters: '' }
    case '2':
      return {
        kind: 'add-recipient',
        address: reader.text(),
        parameters: reader.atEnd ? '' : reader.text(),
      }
    case '-':
      return { kind: 'delete-recipient', address: reader.text() }
    case 'b':
      return { kind: 'replace-body', octets: reader.rest }
    case 'q':
      return { kind: 'quarantine', reason: reader.atEnd ? '' : reader.text() }
  }
  return undefined
}

/** RFC 5322 §2.2. */
function fieldName(reader: FrameReader): string {
  const name = reader.text()
  if (/^[!-9;-~]{1,998}$/.test(name)) return name
  throw new MilterSyntaxError(`${JSON.stringify(name.slice(0, 80))} is no name of a header field`)
}

function withoutNuls(text: string): string {
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}
