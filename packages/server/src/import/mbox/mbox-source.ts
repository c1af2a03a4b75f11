import { createHash } from 'node:crypto'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { headerEnd } from '@posthorn/mail'
import { withCrlf } from '../line-ends.ts'
import { nameOf } from '../maildir/layout.ts'
import { type MailSource, SourceError, type SourceMailbox, type SourceMessage } from '../source.ts'
import { type MboxExtent, splitMbox } from './split-mbox.ts'
import { type MboxStatus, readStatusFields } from './status-fields.ts'
import { unquoteFrom } from './unquote-from.ts'

/** A file, or a folder of files: mutt's ~/Mail, Dovecot's ~/mail, Thunderbird's Local Folders (`Name.sbd`). */
export function createMboxSource(path: string, mailbox: string | undefined): MailSource {
  const root = realpathSync(path)
  const files = statSync(root).isDirectory()
    ? mboxFiles(root, [])
    : [{ name: mailbox ?? nameOf([basename(root)]), path: root }]
  if (files.length === 0) throw new SourceError(`${path}: no mbox file in it begins with a From_ line`)
  return {
    identity: `mbox ${root}`,
    title: root,
    mailboxes: async () => files.map(({ name, path: file }) => mboxMailbox(name, file)),
    close: async () => undefined,
  }
}

const maxDepth = 32

function mboxFiles(folder: string, levels: readonly string[]): { name: string; path: string }[] {
  if (levels.length > maxDepth) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !name.endsWith('.msf'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return mboxFiles(path, [...levels, entry.name.replace(/\.sbd$/, '')])
      return entry.isFile() && statSync(path).size > 0
        ? [{ name: nameOf([...levels, entry.name]), path }]
        : []
    })
}

/** An uncommonly large message is refused by itself, not with its file. */
const maxMessageBytes = 1 << 30

interface Described {
  readonly found: Map<string, Found>
  readonly base: MboxStatus['base']
}

interface Found {
  readonly extent: MboxExtent
  readonly message: SourceMessage
}

function mboxMailbox(name: string, file: string): SourceMailbox {
  let found = new Map<string, Found>()
  let numbers: SourceMailbox['numbers']
  return {
    name,
    subscribed: true,
    get numbers() {
      return numbers
    },
    async list() {
      const extents = await splitMbox(file)
      if (extents.length === 0 && statSync(file).size > 0)
        throw new SourceError(`${file} is no mbox file: it does not begin with a From_ line`)
      const described = await describe(file, extents)
      found = described.found
      const messages = Array.from(found.values(), ({ message }) => message)
      numbers = numbersOf(messages, described.base)
      return numbers === undefined ? messages.map((message) => ({ ...message, uid: undefined })) : messages
    },
    async *read(messages) {
      for (const message of messages) {
        const one = found.get(message.key)
        if (one === undefined) continue
        const { octets } = await readMessage(file, one.extent)
        yield { message, octets }
      }
    },
  }
}

/** The same octets twice are two messages: the second has a key of its own. */
async function describe(file: string, extents: readonly MboxExtent[]): Promise<Described> {
  const found = new Map<string, Found>()
  let base: MboxStatus['base']
  for (const extent of extents) {
    if (extent.end - extent.start > maxMessageBytes) continue
    const { octets, status } = await readMessage(file, extent)
    base ??= status.base
    if (status.noMessage) continue
    const hash = createHash('sha256').update(octets).digest('base64url').slice(0, 22)
    let key = hash
    for (let copy = 2; found.has(key); copy++) key = `${hash}.${copy}`
    found.set(key, {
      extent,
      message: {
        key,
        uid: status.uid,
        system: status.system,
        keywords: status.keywords,
        internalDateMs: extent.dateMs,
        sizeBytes: octets.length,
      },
    })
  }
  return { found, base }
}

/** Above this the gaps between UIDs would cost more than fresh UIDs do. */
const maxUid = 50_000_000

/** As the server that kept the file gave them (UW imapd, Dovecot): ascending, and new mail without at the end. */
function numbersOf(messages: readonly SourceMessage[], base: MboxStatus['base']): SourceMailbox['numbers'] {
  if (base === undefined) return undefined
  let last = 0
  let ended = false
  for (const { uid } of messages) {
    if (uid === undefined) ended = true
    else if (ended || uid <= last || uid > maxUid) return undefined
    else last = uid
  }
  const uidNext = Math.max(base.lastUid, last) + 1
  return uidNext > maxUid ? undefined : { uidValidity: base.uidValidity, uidNext }
}

async function readMessage(
  file: string,
  { start, end }: MboxExtent,
): Promise<{ octets: Buffer; status: MboxStatus }> {
  const handle = await open(file)
  try {
    const raw = Buffer.allocUnsafe(end - start)
    const { bytesRead } = await handle.read(raw, 0, raw.length, start)
    const message = unquoteFrom(withoutLastEmptyLine(raw.subarray(0, bytesRead)))
    const header = headerEnd(message)
    const status = readStatusFields(message.subarray(0, header))
    return { octets: withCrlf(Buffer.concat([status.header, message.subarray(header)])), status }
  } finally {
    await handle.close()
  }
}

/** The empty line before the next From_ line belongs to the file. */
function withoutLastEmptyLine(octets: Buffer): Buffer {
  const length = octets.length
  if (octets.subarray(-4).toString('latin1') === '\r\n\r\n') return octets.subarray(0, length - 2)
  return octets.subarray(-2).toString('latin1') === '\n\n' ? octets.subarray(0, length - 1) : octets
}
