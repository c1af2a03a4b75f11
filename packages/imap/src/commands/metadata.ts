/** GETMETADATA and SETMETADATA. RFC 5464 §4. */
import { type AnnotationPlace, annotationLimits, type NamedMailbox, StoreError } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import type { SessionIn } from '../session/session.ts'
import {
  type EntryValue,
  entryText,
  entryValues,
  type GetMetadataOptions,
  getMetadataOptions,
  type MetadataEntry,
  metadataEntries,
  writeEntry,
  writeValue,
} from '../wire/metadata.ts'
import type { Parser } from '../wire/parser.ts'
import { ResponseWriter } from '../wire/response.ts'
import { checkFilter } from '../wire/search-program.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, no, ok } from './command.ts'
import { type FoundMailbox, noPermission, permittedMailbox } from './find-mailbox.ts'
import { mailboxText } from './mailbox-text.ts'
import { filterPlace } from './search-request.ts'
import { setSpecialUse, specialUseValue } from './special-use-entry.ts'

type LoggedIn = SessionIn<'authenticated' | 'selected'>

interface GetMetadata {
  readonly name: string
  readonly options: GetMetadataOptions
  readonly entries: readonly MetadataEntry[]
}

const noOptions: GetMetadataOptions = { maxSizeBytes: undefined, depth: 0 }

/** Options stand before the mailbox in RFC 5464 §5, after it in its examples. */
function getMetadataArgs(p: Parser): GetMetadata {
  let options = p.sp().peek('(') ? getMetadataOptions(p) : undefined
  if (options !== undefined) p.sp()
  const name = p.mailbox()
  p.sp()
  if (options === undefined && p.peekText('(M', '(D')) {
    options = getMetadataOptions(p)
    p.sp()
  }
  return { name, options: options ?? noOptions, entries: metadataEntries(p) }
}

export const getMetadata = command({
  name: 'GETMETADATA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ['METADATA', 'METADATA-SERVER'],
  args: getMetadataArgs,
  async run(session, { name, options, entries }) {
    const found = name === '' ? undefined : await annotatedMailbox(session, name)
    const values = await readEntries(session, found, entries, options)
    const shown: EntryValue[] = []
    let longest = 0
    for (const each of values) {
      const sizeBytes = each.value?.length ?? 0
      if (sizeBytes <= (options.maxSizeBytes ?? sizeBytes)) shown.push(each)
      else longest = Math.max(longest, sizeBytes)
    }
    if (shown.length > 0) await session.write(metadataLine(session, name, shown))
    return ok('Getmetadata complete', longest === 0 ? undefined : `METADATA LONGENTRIES ${longest}`)
  },
})

/** `* METADATA INBOX (/shared/comment "text")` with its CRLF. RFC 5464 §4.4.1. */
export function metadataLine(session: LoggedIn, name: string, values: readonly EntryValue[]): Buffer {
  const out = new ResponseWriter()
  out.octets(Buffer.from(`* METADATA ${name === '' ? '""' : mailboxText(name, session)} (`))
  values.forEach(({ entry, value }, at) => {
    writeEntry(at === 0 ? out : out.text(' '), entryText(entry))
    writeValue(out.text(' '), value)
  })
  return out.text(')').crlf().take()
}

/** RFC 5464 §3.3: "l" and one of "rswip". */
async function annotatedMailbox(session: LoggedIn, name: string): Promise<FoundMailbox> {
  const found = await permittedMailbox(session, name, 'l')
  if (!/[rswip]/.test(found.rights)) throw noPermission()
  return found
}

/** Every entry that was asked for, with NIL for what has no value; with DEPTH what is below them, too. */
export async function readEntries(
  session: LoggedIn,
  found: { readonly mailbox: NamedMailbox } | undefined,
  entries: readonly MetadataEntry[],
  { depth }: Pick<GetMetadataOptions, 'depth'>,
): Promise<readonly EntryValue[]> {
  const values = new Map<string, EntryValue>()
  for (const scope of new Set(entries.map((entry) => entry.scope))) {
    const all = await allValues(session, found, scope)
    for (const entry of entries) {
      if (entry.scope !== scope) continue
      const matching = all.filter(({ name }) => isWithin(name, entry.name, depth))
      for (const { name, value } of matching) {
        const each = { entry: { scope, name }, value: Buffer.from(value) }
        values.set(entryText(each.entry), each)
      }
      if (matching.length === 0) values.set(entryText(entry), { entry, value: undefined })
    }
  }
  return [...values.values()]
}

function isWithin(name: string, top: string, depth: GetMetadataOptions['depth']): boolean {
  if (name === top) return true
  if (depth === 0 || !name.startsWith(`${top}/`)) return false
  return depth === 'infinity' || !name.includes('/', top.length + 1)
}

/** What is stored, and what the server itself says. */
async function allValues(
  session: LoggedIn,
  found: { readonly mailbox: NamedMailbox } | undefined,
  scope: MetadataEntry['scope'],
): Promise<readonly { readonly name: string; readonly value: Uint8Array }[]> {
  const { store, services, account } = session
  const place: AnnotationPlace = found?.mailbox.id ?? 'server'
  const stored = await store.annotations.list(place, scope === 'shared' ? 'shared' : account.id)
  const { serverComment, serverAdmin } = services.options()
  const said: readonly (readonly [string, string])[] =
    found === undefined
      ? scope === 'shared'
        ? [
            ['/admin', serverAdmin],
            ['/comment', serverComment],
          ]
        : []
      : scope === 'private' && found.mailbox.account === account.id
        ? [['/specialuse', specialUseValue(found.mailbox)]]
        : []
  const computed = said.filter(([, text]) => text !== '')
  return [...computed.map(([name, text]) => ({ name, value: Buffer.from(text) })), ...stored]
}

export const setMetadata = command({
  name: 'SETMETADATA',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: (p) => ({ name: p.sp().mailbox(), values: entryValues(p.sp()) }),
  literal: (_, __, sizeBytes) => (sizeBytes > annotationLimits.valueBytes ? tooLarge() : 'buffer'),
  async run(session, { name, values }) {
    const found = name === '' ? undefined : await annotatedMailbox(session, name)
    try {
      if (found === undefined) await change(session, 'server', serverValues(values))
      else await changeMailbox(session, found, values)
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'too-large') return tooLarge()
      if (error instanceof StoreError && error.kind === 'limit')
        return no('There are too many entries already', 'METADATA TOOMANY')
      throw error
    }
    return ok('Setmetadata complete')
  },
})

function tooLarge() {
  const { valueBytes } = annotationLimits
  return no('The value is too large', `METADATA MAXSIZE ${valueBytes}`)
}

/** All or nothing. RFC 5464 §4.3. */
function change(session: LoggedIn, place: AnnotationPlace, values: readonly EntryValue[]): Promise<void> {
  const changes = values.map(({ entry, value }) => ({
    name: entry.name,
    scope: entry.scope === 'shared' ? ('shared' as const) : session.account.id,
    value,
  }))
  return session.store.annotations.change(place, changes, session.id)
}

/** RFC 5464 §3.2.1.1: the administrator's, and for each user what is private. */
function serverValues(values: readonly EntryValue[]): readonly EntryValue[] {
  if (values.some(({ entry }) => entry.scope === 'shared'))
    throw new Refusal('NOPERM', 'Shared entries of the server are set by the administrator')
  for (const { entry, value } of values)
    if (value !== undefined && entry.name.startsWith(filterPlace)) refuseBadFilter(entry, value)
  return values
}

/** RFC 5466 §3.2. */
function refuseBadFilter({ name }: MetadataEntry, keys: Buffer): void {
  if (!/^[^\s(){%*"\\\]/]+$/.test(name.slice(filterPlace.length)))
    throw new Refusal('CANNOT', 'Not a name of a filter')
  try {
    checkFilter(keys)
  } catch (error) {
    if (error instanceof SyntaxFault) throw new Refusal('CANNOT', `Not a search criterion: ${error.message}`)
    throw error
  }
}

/** What is shared may be changed by those who may change the messages, too. */
async function changeMailbox(
  session: LoggedIn,
  { mailbox, rights }: FoundMailbox,
  values: readonly EntryValue[],
): Promise<void> {
  if (values.some(({ entry }) => entry.scope === 'shared') && !rights.includes('w')) throw noPermission()
  const isUse = ({ entry }: EntryValue): boolean =>
    entry.scope === 'private' && entry.name === '/specialuse' && mailbox.account === session.account.id
  const use = values.findLast(isUse)
  const others = values.filter((each) => !isUse(each))
  if (use !== undefined) await setSpecialUse(session, mailbox.id, use.value)
  try {
    if (others.length > 0) await change(session, mailbox.id, others)
  } catch (error) {
    // RFC 5464 §4.3: when one fails, none is changed.
    if (use !== undefined) await session.store.mailboxes.setSpecialUse(mailbox.id, mailbox.specialUse)
    throw error
  }
}
