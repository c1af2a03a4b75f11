import { createHash } from 'node:crypto'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withCrlf } from '../line-ends.ts'
import { type MailSource, SourceError, type SourceMailbox, type SourceMessage } from '../source.ts'
import { courierKeywords } from './courier-keywords.ts'
import { parseCourierPop3Ids } from './courier-pop3-ids.ts'
import { type MaildirName, parseMaildirName } from './file-name.ts'
import { keywordNames, type MaildirFolder, maildirFolders, readIfThere, subscribedNames } from './layout.ts'
import { parseCourierUidList, parseDovecotUidList, type UidList } from './uid-list.ts'

/** A Maildir with its folders, as Dovecot and Courier keep it. It may be in use: nothing is written there. */
export function createMaildirSource(path: string): MailSource {
  const root = realpathSync(path)
  const folders = maildirFolders(root)
  if (folders.length === 0)
    throw new SourceError(`${path} is no Maildir: neither it nor a folder in it has \`cur\` or \`new\``)
  const subscribed = subscribedNames(root)
  return {
    identity: `maildir ${root}`,
    title: root,
    mailboxes: async () =>
      folders.map((folder) => maildirMailbox(folder, subscribed?.has(folder.name) ?? true)),
    close: async () => undefined,
  }
}

interface Found {
  readonly file: string
  readonly name: MaildirName
}

function maildirMailbox({ name, path }: MaildirFolder, subscribed: boolean): SourceMailbox {
  const uidList = readUidList(path)
  const files = new Map<string, Found>()
  return {
    name,
    subscribed: subscribed || name === 'INBOX',
    numbers: uidList && { uidValidity: uidList.uidValidity, uidNext: uidList.uidNext },
    async list() {
      files.clear()
      for (const found of findFiles(path)) files.set(keyOf(found.name.base), found)
      const slots = keywordNames(path)
      const courier = courierKeywords(path)
      const pop3Ids = uidList?.pop3Ids.size ? uidList.pop3Ids : readCourierPop3Ids(path)
      const keywordsOf = ({ base, keywordSlots }: MaildirName): readonly string[] => [
        ...keywordSlots.flatMap((slot) => slots.get(slot) ?? []),
        ...(courier.get(base) ?? []),
      ]
      const messages = [...files].map(([key, found]) =>
        sourceMessage(key, found, { uidList, pop3Ids, keywords: keywordsOf(found.name) }),
      )
      return messages.sort(byUidThenDate)
    },
    async *read(messages) {
      for (const message of messages) {
        const octets = await readRenamed(path, files.get(message.key))
        if (octets !== undefined) yield { message, octets: withCrlf(octets) }
      }
    },
  }
}

/** Names may be long and of any octets; what is remembered should be neither. */
const keyOf = (base: string): string => createHash('sha256').update(base).digest('base64url').slice(0, 22)

function findFiles(path: string): Found[] {
  return ['cur', 'new'].flatMap((folder) =>
    listFiles(join(path, folder)).map((file) => {
      const name = parseMaildirName(file)
      return { file: join(path, folder, file), name: folder === 'new' ? { ...name, system: 0 } : name }
    }),
  )
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function sourceMessage(
  key: string,
  { file, name }: Found,
  {
    uidList,
    pop3Ids,
    keywords,
  }: {
    readonly uidList: UidList | undefined
    readonly pop3Ids: ReadonlyMap<string, string>
    readonly keywords: readonly string[]
  },
): SourceMessage {
  const stat = statSync(file, { throwIfNoEntry: false })
  return {
    key,
    uid: uidList?.uids.get(name.base),
    pop3Id: pop3Ids.get(name.base),
    fileName: name.base,
    guid: uidList?.guids.get(name.base) ?? name.base,
    system: name.system,
    keywords,
    internalDateMs: Math.trunc(stat?.mtimeMs ?? Date.now()),
    sizeBytes: name.sizeBytes ?? stat?.size ?? 0,
  }
}

/** Those that have no UID yet come last, the oldest first. */
const byUidThenDate = (a: SourceMessage, b: SourceMessage): number =>
  (a.uid ?? Number.MAX_SAFE_INTEGER) - (b.uid ?? Number.MAX_SAFE_INTEGER) ||
  a.internalDateMs - b.internalDateMs ||
  (a.key < b.key ? -1 : 1)

/** A server that still runs renames files when flags change, or takes them from `new` to `cur`. */
async function readRenamed(path: string, found: Found | undefined): Promise<Buffer | undefined> {
  if (found === undefined) return undefined
  const first = await readIfPresent(found.file)
  if (first !== undefined) return first
  const now = findFiles(path).find(({ name }) => name.base === found.name.base)
  return now && readIfPresent(now.file)
}

async function readIfPresent(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Of a site that has gone on with Dovecot they are old. */
function readCourierPop3Ids(path: string): ReadonlyMap<string, string> {
  const isOld = readIfThere(join(path, 'dovecot-uidlist')) !== undefined
  const text = isOld ? undefined : readIfThere(join(path, 'courierpop3dsizelist'))
  return text === undefined ? new Map() : parseCourierPop3Ids(text)
}

function readUidList(path: string): UidList | undefined {
  const dovecot = readIfThere(join(path, 'dovecot-uidlist'))
  if (dovecot !== undefined) return parseDovecotUidList(dovecot)
  const courier = readIfThere(join(path, 'courierimapuiddb'))
  return courier === undefined ? undefined : parseCourierUidList(courier)
}
