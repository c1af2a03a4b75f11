import type { QueuedRecipient } from '@posthorn/storage'
import type { DeliveryJob } from './attempt.ts'

/** How local programs and files want a message. Postfix: mail_copy(3). */
export type LocalForm =
  /** For a command: `From ` line, LF. */
  | 'command'
  /** The same, with `From ` quoted in the text and an empty line at the end. */
  | 'mbox'
  /** LF alone. */
  | 'maildir'

/** Whether X-Original-To is added. Postfix: enable_original_recipient. */
export type OriginalTo = 'added' | 'omitted'

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** `Sat Nov 21 12:00:00 2026`, UTC: asctime(3), as mbox readers expect it. */
function asctime(ms: number): string {
  const at = new Date(ms)
  const two = (number: number): string => String(number).padStart(2, '0')
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
  const day = String(at.getUTCDate()).padStart(2, ' ')
  return `${days[at.getUTCDay()]} ${months[at.getUTCMonth()]} ${day} ${clock} ${at.getUTCFullYear()}`
}

/** Printable, no blanks and brackets: strangers chose it. */
const token = (address: string): string => address.replace(/[\0-\x20<>\x7f]/g, '_').slice(0, 900)

/** The message as a command or a file gets it: trace fields of local(8), then its octets with LF. */
export async function* localText(
  job: Pick<DeliveryJob, 'sender' | 'content'>,
  recipient: Pick<QueuedRecipient, 'address' | 'originalRecipient'>,
  { form, originalTo }: { readonly form: LocalForm; readonly originalTo: OriginalTo },
  nowMs: number,
): AsyncGenerator<Uint8Array> {
  const original = recipient.originalRecipient?.replace(/^rfc822;/i, '') ?? recipient.address
  const from = form === 'maildir' ? '' : `From ${token(job.sender) || 'MAILER-DAEMON'}  ${asctime(nowMs)}\n`
  const first = originalTo === 'added' ? `X-Original-To: ${token(original)}\n` : ''
  yield Buffer.from(`${from}Return-Path: <${token(job.sender)}>\n${first}`)
  const convert = createLineFeeds(form === 'mbox' ? 'quoted' : 'plain')
  for await (const chunk of job.content()) {
    const bytes = convert.push(chunk)
    if (bytes.length > 0) yield bytes
  }
  yield Buffer.concat([convert.finish(), Buffer.from(form === 'mbox' ? '\n' : '')])
}

/** CRLF → LF; with 'quoted' each line that begins with `From ` gets a `>`. Keeps its state between chunks. */
export function createLineFeeds(fromLines: 'quoted' | 'plain'): {
  push(chunk: Uint8Array): Buffer
  /** The rest, ended by LF. */
  finish(): Buffer
} {
  let held = ''
  let place: 'line-start' | 'in-line' = 'line-start'
  const quote = (line: string): string => {
    const quoted = fromLines === 'quoted' && place === 'line-start' && line.startsWith('From ')
    return quoted ? `>${line}` : line
  }
  return {
    push(chunk) {
      const text = held + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      let out = ''
      let start = 0
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
        const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end)
        out += `${quote(line)}\n`
        place = 'line-start'
        start = end + 1
      }
      const rest = text.slice(start)
      // `From ` or a CR may be cut in two.
      const keep = place === 'line-start' && rest.length < 5 ? rest.length : rest.endsWith('\r') ? 1 : 0
      const ready = rest.slice(0, rest.length - keep)
      held = rest.slice(rest.length - keep)
      if (ready !== '') {
        out += quote(ready)
        place = 'in-line'
      }
      return Buffer.from(out, 'latin1')
    },
    finish() {
      const rest = quote(held)
      return Buffer.from(rest !== '' || place === 'in-line' ? `${rest}\n` : '', 'latin1')
    },
  }
}
