import { isNamed } from '../receive/header-gate.ts'
import { Together } from '../tables/index.ts'
import { rewriteAddressField } from './address-field.ts'
import type { Rewrite } from './canonical.ts'

/** Postfix: header_opts.c. */
const senderFields = [
  'from',
  'sender',
  'reply-to',
  'errors-to',
  'return-receipt-to',
  'disposition-notification-to',
  'mail-followup-to',
  'resent-from',
  'resent-sender',
  'resent-reply-to',
]
const recipientFields = ['to', 'cc', 'resent-to', 'resent-cc', 'bcc', 'resent-bcc', 'apparently-to']

type Role = 'sender' | 'recipient'

/** By the first letter, so that most fields of a header are passed over at once. */
const rolesByLetter: readonly (readonly (readonly [name: string, role: Role])[])[] = Array.from(
  { length: 256 },
  (_, octet) => {
    const letter = String.fromCharCode(octet).toLowerCase()
    const named = (names: readonly string[], role: Role) =>
      names.filter((name) => name[0] === letter).map((name): readonly [string, Role] => [name, role])
    return [...named(senderFields, 'sender'), ...named(recipientFields, 'recipient')]
  },
)

export interface HeaderRewrites {
  readonly sender: Rewrite
  readonly recipient: Rewrite
}

const lf = 0x0a

/** Where the field that starts there ends, with its continuation lines. */
export function fieldEnd(header: Buffer, start: number): number {
  let end = start
  do {
    const lineEnd = header.indexOf(lf, end)
    end = lineEnd === -1 ? header.length : lineEnd + 1
  } while (header[end] === 0x20 || header[end] === 0x09)
  return end
}

/** Each field with its continuation lines, as offsets. */
export function* fieldRanges(header: Buffer): Generator<readonly [start: number, end: number]> {
  for (let start = 0; start < header.length; ) {
    const end = fieldEnd(header, start)
    yield [start, end]
    start = end
  }
}

/** The field at `start` with its addresses rewritten; undefined when nothing changes. */
export function rewrittenField(
  header: Buffer,
  start: number,
  end: number,
  rewrites: HeaderRewrites,
): Buffer | undefined {
  for (const [name, role] of rolesByLetter[header[start] as number] ?? []) {
    if (!isNamed(header, start, name)) continue
    const field = header.subarray(start, end)
    const done = rewriteAddressField(field, rewrites[role])
    return done === field ? undefined : done
  }
  return undefined
}

/** A header with some fields replaced: what stays is not taken apart. */
export class HeaderEdits {
  readonly #header: Buffer
  readonly #parts: Buffer[] = []
  #copied = 0

  constructor(header: Buffer) {
    this.#header = header
  }

  /** In order. undefined: the field goes. */
  replace(start: number, end: number, field: Buffer | undefined): void {
    if (start > this.#copied) this.#parts.push(this.#header.subarray(this.#copied, start))
    if (field !== undefined) this.#parts.push(field)
    this.#copied = end
  }

  append(field: Buffer): void {
    this.replace(this.#header.length, this.#header.length, field)
  }

  /** The header itself when nothing was replaced. */
  result(): Buffer {
    if (this.#parts.length === 0 && this.#copied === 0) return this.#header
    if (this.#copied < this.#header.length) this.#parts.push(this.#header.subarray(this.#copied))
    return Buffer.concat(this.#parts)
  }
}

/** The same rewrites, whose lookups are asked together. */
export const rewritingTogether = (
  { sender, recipient }: HeaderRewrites,
  together: Together,
): HeaderRewrites => ({
  sender: (address) => together.look(() => sender(address), address),
  recipient: (address) => together.look(() => recipient(address), address),
})

/** A whole header with its addresses rewritten. Throws LookupWaits and LookupFailed. */
export function rewriteHeader(header: Buffer, given: HeaderRewrites): Buffer {
  const edits = new HeaderEdits(header)
  const together = new Together()
  const rewrites = rewritingTogether(given, together)
  for (let start = 0; start < header.length; ) {
    const end = fieldEnd(header, start)
    const field = rewrittenField(header, start, end, rewrites)
    if (field !== undefined) edits.replace(start, end, field)
    start = end
  }
  together.settle()
  return edits.result()
}
