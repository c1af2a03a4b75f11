import { encodeWords, formatAddress, headerEnd, headerFields, parseAddressList, unfold } from '@posthorn/mail'

export interface MessageInput {
  /** A line with a single dot: the end of the message, or text (sendmail -i). */
  readonly dot: 'ends' | 'kept'
  /** sendmail -t removes Bcc; otherwise the header is the caller's. */
  readonly bcc: 'removed' | 'kept'
  /** For a message without From. */
  readonly from: { readonly address: string; readonly name: string }
}

const lf = 0x0a
const cr = 0x0d

/** What a local program wrote, as a message with CRLF line ends. Postfix: sendmail(1), sendmail_fix_line_endings. */
export function prepareMessage(input: Buffer, how: MessageInput): Buffer {
  const message = withCrlf(input, how.dot)
  const header = message.subarray(0, headerEnd(message))
  const pieces: Buffer[] = []
  let hasFrom = false
  let copied = 0
  for (const { name, start, end } of headerFields(header)) {
    if (/^from$/i.test(name)) hasFrom = true
    if (how.bcc === 'kept' || !/^(?:resent-)?bcc$/i.test(name)) continue
    pieces.push(message.subarray(copied, start))
    copied = end
  }
  pieces.push(message.subarray(copied))
  if (!hasFrom) pieces.unshift(fromField(how.from))
  return Buffer.concat(pieces)
}

function fromField({ address, name }: MessageInput['from']): Buffer {
  return Buffer.from(name === '' ? `From: ${address}\r\n` : `From: ${encodeWords(name)} <${address}>\r\n`)
}

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

/** CRLF everywhere; the mbox line `From x date` at the start goes; a header always ends in an empty line. */
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
    if (lines.length === 0 && line.subarray(0, 5).toString('latin1') === 'From ') continue
    lines.push(line, crlf)
  }
  return startsWithHeader(lines[0]) ? Buffer.concat(lines) : Buffer.concat([crlf, ...lines])
}

const crlf = Buffer.from('\r\n')

/** Text without any header is all body. */
function startsWithHeader(first: Buffer | undefined): boolean {
  return (
    first === undefined ||
    first.length === 0 ||
    /^[!-9;-~]+[ \t]*:/.test(first.subarray(0, 1000).toString('latin1'))
  )
}
