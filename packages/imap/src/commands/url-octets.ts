import type { MailboxId, Uid } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import { FieldSelection } from '../wire/header-fields.ts'
import { type MessageUrl, parseMessageUrl } from '../wire/message-url.ts'
import { ResponseWriter } from '../wire/response.ts'
import { findMailbox } from './find-mailbox.ts'
import { MessageView } from './message-view.ts'
import { octetRange, selectsFields } from './section-octets.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

const pieceBytes = 256 * 1024

/** The octets that a URL of CATENATE names. @throws Refusal BADURL, RFC 4469 §4.1 */
export async function* urlOctets(session: LoggedIn, url: string): AsyncGenerator<Uint8Array> {
  const parsed = parseMessageUrl(url)
  const mailbox = parsed === undefined ? undefined : await mailboxOf(session, parsed)
  if (parsed === undefined || mailbox === undefined) throw badUrl(url)
  const uid = parsed.uid as Uid
  const { messages } = session.store
  const view = new MessageView()
  let found = false
  for await (const batch of messages.fetch(mailbox, Uint32Array.of(uid), { facts: true, summary: true })) {
    if (batch.uids.length === 0) continue
    view.open(batch.summaries![0], batch.prefixes![0], batch.facts!.sizeBytes[0]!)
    found = true
  }
  const { section, partial } = parsed
  const item = { kind: 'section', label: '', marks: false, section, ...(partial && { partial }) } as const
  const range = found ? octetRange(item, view, view.prefix.length) : undefined
  if (range === undefined) throw badUrl(url)
  const step = selectsFields(item) ? range.end - range.start : pieceBytes
  for (let at = range.start; at < range.end; at += step) {
    const end = Math.min(range.end, at + step)
    const octets = await messages.read(mailbox, uid, at, end)
    if (octets?.length !== end - at) throw badUrl(url)
    yield selectsFields(item) ? selected(Buffer.from(octets), item.section.names, parsed) : octets
  }
}

function selected(header: Buffer, names: ReadonlySet<string>, { section, partial }: MessageUrl): Buffer {
  const selection = new FieldSelection(names, section.what === 'fields' ? 'named' : 'others')
  selection.add(header, 0, header.length)
  const out = new ResponseWriter()
  selection.write(out)
  const fields = out.crlf().take()
  return partial === undefined ? fields : fields.subarray(partial.start, partial.start + partial.length)
}

async function mailboxOf(
  session: LoggedIn,
  { mailbox: name, uidValidity }: MessageUrl,
): Promise<MailboxId | undefined> {
  if (name === undefined) return session.state === 'selected' ? session.mailbox.id : undefined
  const found = await findMailbox(session, name)
  if (!found?.mailbox.selectable || !found.rights.includes('r')) return undefined
  const { mailbox } = found
  return uidValidity === undefined || uidValidity === mailbox.uidValidity ? mailbox.id : undefined
}

/** The URL is repeated for the client to know which; RFC 4469 §5 resp-text-code. */
function badUrl(url: string): Refusal {
  const printable = url.slice(0, 300).replace(/[^\x20-\x5c\x5e-\x7e]/g, '?')
  return new Refusal(`BADURL ${printable === '' ? '?' : printable}`, 'URL names no message or part')
}
