import { encodeWords, formatAddress, headerEnd, headerFields, parseAddressList, unfold } from '@posthorn/mail'

export interface MessageInput {
  /** A line with a single dot: the end of the message, or text (sendmail -i). */
  readonly dot: 'ends' | 'kept'
  /** sendmail -t removes Bcc; otherwise the header is the caller's. */
  readonly bcc: 'removed' | 'kept'
  /** For a message without From; undefined: none is added. */
  readonly from:
    | {
        readonly address: string
        readonly name: string
        /** `Name <address>`, or `address (Name)`. Postfix: header_from_format. */
        readonly format: 'standard' | 'obsolete'
      }
    | undefined
}

const lf = 0x0a
const cr = 0x0d

/** What a local program wrote, as a message with CRLF line ends. Postfix: sendmail(1), sendmail_fix_line_endings. */
export function prepareMessage(input: Buffer, how: MessageInput): Buffer {
  const message = withCrlf(input, how.dot)
  const header = message.subarray(0, headerEnd(message))
  const pieces: Buffer[] = []
  const senders = new Set<string>()
  let resent = false
  let copied = 0
  for (const { name, start, end } of headerFields(header)) {
    const lower = name.toLowerCase()
    resent ||= lower.startsWith('resent-')
    if (lower === 'from' || lower === 'resent-from') senders.add(lower)
    if (how.bcc === 'kept' || !/^(?:resent-)?bcc$/.test(lower)) continue
    pieces.push(message.subarray(copied, start))
    copied = end
  }
  pieces.push(message.subarray(copied))
  // RFC 5322 §3.6.6: who sends a message again is named beside its author, who stays as he is.
  const wanted = resent ? 'Resent-From' : 'From'
  if (how.from !== undefined && !senders.has(wanted.toLowerCase()))
    pieces.unshift(fromField(wanted, how.from))
  return Buffer.concat(pieces)
}

function fromField(field: string, { address, name, format }: NonNullable<MessageInput['from']>): Buffer {
  const named = format === 'standard' ? `${phrase(name)} <${address}>` : `${address} (${comment(name)})`
  return Buffer.from(`${field}: ${name === '' ? address : named}\r\n`)
}

/** RFC 5322 §3.2.2, RFC 2047 §5. */
const comment = (name: string): string =>
  /[^ -~]/.test(name) ? encodeWords(name) : name.replaceAll(/[()\\]/g, '\\$&')

/** RFC 5322 §3.2.5: words, or a quoted string where these are not enough. */
const phrase = (name: string): string =>
  /^[ !#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]*$/.test(name) || /[^ -~]/.test(name)
    ? encodeWords(name)
    : `"${name.replaceAll(/["\\]/g, '\\$&')}"`

/** Recipients that -t takes from the header: Resent-* when there are any, else To, Cc, Bcc. */
export function headerRecipients(input: Buffer): readonly string[] {
  const message = withCrlf(input, 'kept')
  const fields = [...headerFields(message.subarray(0, headerEnd(message)))]
  const resent = fields.some(({ name }) => /^resent-(?:to|cc|bcc)$/i.test(name))
  const wanted = resent ? /^resent-(?:to|cc|bcc)$/i : /^(?:to|cc|bcc)$/i
  return fields
    .filter(({ name }) => wanted.test(name))
    .flatMap(({ rawValue }) => parseAddressList(unfold(rawValue)).map((address) => formatAddress(address)))
    .filter((address) => address !== '')
}

/** CRLF everywhere; mbox lines (`From x date`, `>From`) at the start go; a header always ends in an empty line. */
function withCrlf(input: Buffer, dot: 'ends' | 'kept'): Buffer {
  const lines: Buffer[] = []
  let at = 0
  while (at < input.length) {
    const end = input.indexOf(lf, at)
    const next = end === -1 ? input.length : end + 1
    let stop = end === -1 ? input.length : end
    if (stop > at && input[stop - 1] === cr) stop--
    const line = input.subarray(at, stop)
    at = next
    if (dot === 'ends' && line.length === 1 && line[0] === 0x2e) break
    if (lines.length === 0 && /^>*From /.test(line.subarray(0, 100).toString('latin1'))) continue
    lines.push(line, crlf)
  }
  return startsWithHeader(lines[0]) ? Buffer.concat(lines) : Buffer.concat([crlf, ...lines])
}

const crlf = Buffer.from('\r\n')
/** Postfix: header_size_limit. */
const fieldNameBytes = 102_400

/** Text without any header is all body. */
function startsWithHeader(first: Buffer | undefined): boolean {
  return (
    first === undefined ||
    first.length === 0 ||
    /^[!-9;-~]+[ \t]*:/.test(first.subarray(0, fieldNameBytes).toString('latin1'))
  )
}
