import type { QueueEntry } from '@posthorn/storage'
import { formatTime } from './queue-listing.ts'

/** One record of a queue file as Postfix would write it: postcat shows messages so, and scripts read that. */
export interface QueueRecord {
  /** Its letter's number. Postfix: rec_type.h. */
  readonly type: number
  readonly label: string
  /** As postcat shows it. */
  readonly shown: string
  /** As it would stand in the file. */
  readonly stored: string
}

const letters = {
  size: 'C',
  time: 'T',
  attribute: 'A',
  sender: 'S',
  originalRecipient: 'O',
  recipient: 'R',
  contents: 'M',
  line: 'N',
  extracted: 'X',
  end: 'E',
} as const

function record(kind: keyof typeof letters, label: string, shown: string, stored = shown): QueueRecord {
  return { type: letters[kind].charCodeAt(0), label, shown, stored }
}

const attribute = (name: string, value: string) => record('attribute', 'named_attribute', `${name}=${value}`)

/** A letter, a length in groups of seven bits, and the text. */
export function recordBytes({ stored }: QueueRecord): number {
  const length = Buffer.byteLength(stored)
  let groups = 1
  for (let rest = length >> 7; rest > 0; rest >>= 7) groups++
  return 1 + groups + length
}

export const marks = {
  contents: record('contents', '', '', ''),
  extracted: record('extracted', '', '', ''),
  end: record('end', '', '', ''),
} as const

export const lineRecord = (line: string): QueueRecord => ({
  type: letters.line.charCodeAt(0),
  label: 'regular_text',
  shown: line,
  // Octets, one to a character.
  stored: line.replaceAll(/[^\0-\x7f]/g, '?'),
})

const notifyBits = { NEVER: 1, SUCCESS: 2, FAILURE: 4, DELAY: 8 } as const

/** The sender and those still to be served, with what is known of each. */
export function envelopeRecords(entry: QueueEntry): readonly QueueRecord[] {
  const time = `${formatTime(entry.arrivedMs)} ${new Date(entry.arrivedMs).getFullYear()}`
  const seconds = Math.floor(entry.arrivedMs / 1000)
  const { origin, options } = entry
  const attributes: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ['log_client_name', origin.clientName],
    ['log_client_address', origin.clientAddress],
    ['log_client_port', origin.clientPort],
    ['log_ident', origin.ident],
    ['log_helo_name', origin.helo],
    ['log_protocol_name', origin.protocol],
    ['sasl_method', origin.saslMethod],
    ['sasl_username', origin.saslUsername],
    [
      'rewrite_context',
      origin.source ?? (origin.protocol === '' || origin.saslUsername !== undefined ? 'local' : undefined),
    ],
    ['envelope_id', options.envid],
    ['ret_flags', options.ret === undefined ? undefined : options.ret === 'FULL' ? 1 : 2],
    ['encoding', options.body?.toLowerCase().replace('mime', '')],
    ['smtputf8', options.smtpUtf8 === true ? 1 : undefined],
  ]
  const head = [
    record('time', 'message_arrival_time', time, `${seconds} ${'0'.repeat(6)}`),
    record('attribute', 'create_time', time, `create_time=${seconds}`),
    ...attributes
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => attribute(name, String(value))),
    record('sender', 'sender', entry.sender),
    ...entry.recipients.flatMap(recipientRecords),
  ]
  const sizes = (contents: number) =>
    [entry.sizeBytes, contents, entry.recipients.length, 0, entry.sizeBytes, 0]
      .map((one) => String(one).padStart(15))
      .join(' ')
  const size = (contents: number) => record('size', 'message_size', sizes(contents))
  const before = [size(0), ...head, marks.contents].reduce((sum, one) => sum + recordBytes(one), 0)
  return [size(before), ...head]
}

function recipientRecords(one: QueueEntry['recipients'][number]): readonly QueueRecord[] {
  const flags = (one.notify ?? []).reduce((sum, word) => sum + notifyBits[word], 0)
  const original = one.originalRecipient
  return [
    ...(flags === 0 ? [] : [attribute('notify_flags', String(flags))]),
    ...(original === undefined
      ? []
      : [
          attribute('dsn_orig_rcpt', original),
          record('originalRecipient', 'original_recipient', original.replace(/^rfc822;/i, '')),
        ]),
    record('recipient', 'recipient', one.address),
  ]
}
