/** What a client hears of mailboxes that it has not selected. RFC 5465; METADATA responses of RFC 5464 §4.4.2. */
import type { Mailbox, MailboxId, Wake } from '@posthorn/storage'
import { attributesOf, type ListName, listNames } from '../commands/list-names.ts'
import { mailboxText, type NameReader } from '../commands/mailbox-text.ts'
import { nameAmongOthers, type Viewer } from '../commands/other-users.ts'
import { isWithin } from '../wire/mailbox-sources.ts'
import { type NotifyEvent, type NotifySpec, notifyNothing } from '../wire/notify-groups.ts'
import { type KnownName, type NamesAfter, nameChanges } from './name-changes.ts'

/** The client, as far as notices are concerned. */
export interface NoticeReader extends Viewer, NameReader {
  /** Of the session: changes made in it are not news to it. */
  readonly id: string
  readonly mailbox: { readonly id: MailboxId } | undefined
  readonly gone: boolean
  write(text: string): Promise<void> | undefined
}

/** Mailboxes that wait to be told of, and entries: more, and the client has to look for itself. */
const maxWaiting = 2_000
const textAtOnce = 16_384

type Counts = Pick<Mailbox, 'messages' | 'uidNext' | 'uidValidity' | 'unseen' | 'highestModSeq'>

/** Kept by sessions that used NOTIFY or ENABLE METADATA alone. */
export class Notices {
  /** undefined: NOTIFY was not used. */
  spec: NotifySpec | undefined
  /** ENABLE METADATA: all entries that the user may see. */
  tellsMetadata = false
  readonly #reader: NoticeReader
  readonly #onPending: () => void
  #known: ReadonlyMap<MailboxId, KnownName> = new Map()
  #subscribed: ReadonlySet<string> = new Set()
  readonly #counts = new Map<MailboxId, Counts>()
  readonly #changed = new Set<MailboxId>()
  readonly #entries = new Map<MailboxId | 'server', Set<string>>()
  #waitingEntries = 0
  #namesSuspect = false
  /** Names that this session changes, and MODSEQs that it makes. */
  readonly #ownNames = new Set<string>()
  readonly #ownModSeqs = new Map<MailboxId, Set<number>>()
  #overflown = false

  constructor(reader: NoticeReader, onPending: () => void) {
    this.#reader = reader
    this.#onPending = onPending
  }

  /** Takes what is there now for known. @param status tells the counts of what is watched (RFC 5465 §3.1) */
  async start(spec: NotifySpec, status: 'STATUS' | 'no status'): Promise<void> {
    this.spec = spec
    this.#forget()
    if (spec.groups.length === 0) return
    const names = await listNames(this.#reader, undefined, 'counts')
    this.#take(names)
    let text = ''
    for (const entry of names.values()) {
      if (entry.counts === undefined || !watchesMessages(this.#eventsFor(entry))) continue
      if (entry.rights !== undefined && !entry.rights.includes('r'))
        text += this.#listLine(entry.name, names, ['\\NoAccess'])
      else if (status === 'STATUS' && entry.counts.id !== this.#reader.mailbox?.id)
        text += this.#statusLine(entry, entry.counts)
    }
    await this.#reader.write(text)
  }

  #forget(): void {
    this.#known = new Map()
    this.#counts.clear()
    this.#changed.clear()
    this.#entries.clear()
    this.#waitingEntries = 0
    this.#namesSuspect = false
  }

  /** The command under way is about these names. */
  ownNames(...names: readonly string[]): void {
    for (const name of names) this.#ownNames.add(name)
  }

  /** The command under way changed a mailbox, which has this MODSEQ by it. */
  ownChange(mailbox: MailboxId, modSeq: number): void {
    const made = this.#ownModSeqs.get(mailbox) ?? new Set()
    this.#ownModSeqs.set(mailbox, made.add(modSeq))
  }

  /** Changes of this mailbox would be told, or its new messages be sent. */
  follows(mailbox: MailboxId): boolean {
    if (this.#counts.has(mailbox)) return true
    return mailbox === this.#reader.mailbox?.id && (this.spec?.selected?.items.length ?? 0) > 0
  }

  /** The command under way made this change. */
  madeHere(mailbox: MailboxId, modSeq: number): boolean {
    return this.#ownModSeqs.get(mailbox)?.has(modSeq) ?? false
  }

  get pending(): boolean {
    return this.#namesSuspect || this.#overflown || this.#changed.size > 0 || this.#entries.size > 0
  }

  wake(wake: Wake): void {
    if (!this.#notes(wake)) return
    if (this.#changed.size + this.#waitingEntries > maxWaiting) this.#overflow()
    this.#onPending()
  }

  /** RFC 5465 §5.8. */
  #overflow(): void {
    if (this.spec !== undefined) this.spec = notifyNothing
    this.tellsMetadata = false
    this.#forget()
    this.#overflown = true
  }

  /** Whether the wake-up concerns this client. */
  #notes(wake: Wake): boolean {
    const { groups } = this.spec ?? notifyNothing
    switch (wake.kind) {
      case 'mailbox':
        if (!this.#counts.has(wake.mailbox)) return false
        this.#changed.add(wake.mailbox)
        return true
      case 'mailboxes':
        if (groups.length === 0 || (wake.account !== this.#reader.account.id && !this.#watchesOthers()))
          return false
        this.#namesSuspect = true
        return true
      case 'accounts':
        if (!this.#watchesOthers()) return false
        this.#namesSuspect = true
        return true
      case 'annotations':
        return this.#notesEntries(wake)
      default:
        return false
    }
  }

  #watchesOthers(): boolean {
    return (this.spec?.groups ?? []).some(({ filter }) => filter.kind !== 'personal')
  }

  #notesEntries({ mailbox, names, privateTo, origin }: Extract<Wake, { kind: 'annotations' }>): boolean {
    const event = mailbox === undefined ? 'ServerMetadataChange' : 'MailboxMetadataChange'
    const wanted = this.tellsMetadata || this.spec?.groups.some(({ events }) => events.has(event))
    if (!wanted || origin === this.#reader.id) return false
    if (privateTo !== undefined && privateTo !== this.#reader.account.id) return false
    const place = mailbox ?? 'server'
    const waiting = this.#entries.get(place) ?? new Set()
    const before = waiting.size
    for (const name of names) waiting.add(name)
    this.#entries.set(place, waiting)
    this.#waitingEntries += waiting.size - before
    return true
  }

  /** Tells all that waits. Never twice at once. */
  async flush(): Promise<void> {
    if (this.#overflown) {
      this.#overflown = false
      await this.#reader.write('* OK [NOTIFICATIONOVERFLOW] Too much has changed; notifications are off.\r\n')
    }
    while (this.pending && !this.#reader.gone) {
      if (this.#namesSuspect) await this.#flushNames()
      await this.#flushCounts()
      await this.#flushEntries()
    }
    this.#ownNames.clear()
    this.#ownModSeqs.clear()
  }

  async #flushNames(): Promise<void> {
    this.#namesSuspect = false
    const before = { known: this.#known, subscribed: this.#subscribed }
    const names = await listNames(this.#reader, undefined, 'counts')
    this.#take(names)
    const after: NamesAfter = { names, known: this.#known, subscribed: this.#subscribed }
    let text = ''
    for (const change of nameChanges(before, after)) {
      const own = this.#ownNames.has(change.name) || this.#ownNames.has(change.oldName ?? change.name)
      if (own || !this.#wantsChange(change)) continue
      const extra = change.event === 'Access' && change.readable === false ? ['\\NoAccess'] : []
      text += this.#listLine(change.name, names, extra, change.oldName)
      if (text.length < textAtOnce) continue
      await this.#reader.write(text)
      text = ''
    }
    if (text !== '') await this.#reader.write(text)
  }

  #wantsChange({ event, names }: ReturnType<typeof nameChanges>[number]): boolean {
    return names.some((name) => {
      const events = this.#eventsFor(name)
      return event === 'Access' ? watchesMessages(events) : events.has(event)
    })
  }

  async #flushCounts(): Promise<void> {
    for (const id of [...this.#changed]) {
      this.#changed.delete(id)
      const before = this.#counts.get(id)
      const known = this.#known.get(id)
      const mailbox = await this.#reader.store.mailboxes.get(id)
      if (before === undefined || known === undefined || mailbox === undefined) continue
      this.#counts.set(id, mailbox)
      if (id === this.#reader.mailbox?.id || this.#isOwn(id, before, mailbox)) continue
      if (this.#differs(this.#eventsFor(known), before, mailbox))
        await this.#reader.write(this.#statusLine(known, mailbox))
    }
  }

  /** Every change since was made by this session. */
  #isOwn(id: MailboxId, before: Counts, now: Counts): boolean {
    const made = this.#ownModSeqs.get(id)
    if (made === undefined || now.uidValidity !== before.uidValidity) return false
    for (let modSeq = before.highestModSeq + 1; modSeq <= now.highestModSeq; modSeq++)
      if (!made.has(modSeq)) return false
    return true
  }

  #differs(events: ReadonlySet<NotifyEvent>, before: Counts, now: Counts): boolean {
    if (now.uidValidity !== before.uidValidity) return true
    if (now.uidNext !== before.uidNext || now.messages !== before.messages) return events.has('MessageNew')
    if (!events.has('FlagChange')) return false
    // RFC 5465 §5.1: without CONDSTORE only UNSEEN tells of flags.
    return now.unseen !== before.unseen || this.#reader.enabled('CONDSTORE')
  }

  async #flushEntries(): Promise<void> {
    for (const [place, entries] of [...this.#entries]) {
      this.#entries.delete(place)
      this.#waitingEntries -= entries.size
      const name = place === 'server' ? '""' : await this.#nameForEntries(place)
      if (name !== undefined)
        await this.#reader.write(`* METADATA ${name} ${[...entries].map(entryWord).join(' ')}\r\n`)
    }
  }

  /** undefined: the client may not know, or did not ask. */
  async #nameForEntries(id: MailboxId): Promise<string | undefined> {
    const { store, account } = this.#reader
    const mailbox = await store.mailboxes.get(id)
    if (mailbox === undefined) return undefined
    const isOwn = mailbox.account === account.id
    const rights = await store.sharing.rights(id, account.id)
    if (!rights.includes('l') || !/[rswip]/.test(rights)) return undefined
    const owner = isOwn ? account : await store.accounts.get(mailbox.account)
    if (owner === undefined) return undefined
    const name = isOwn ? mailbox.name : nameAmongOthers(account.address, owner.address, mailbox.name)
    const entry = { name, rights: isOwn ? undefined : rights, subscribed: this.#subscribed.has(name) }
    const wanted = this.tellsMetadata || this.#eventsFor(entry).has('MailboxMetadataChange')
    return wanted ? mailboxText(name, this.#reader) : undefined
  }

  #take(names: ReadonlyMap<string, ListName>): void {
    const known = new Map<MailboxId, KnownName>()
    const subscribed = new Set<string>()
    for (const entry of names.values()) {
      const { name, counts, rights } = entry
      if (entry.subscribed) subscribed.add(name)
      if (counts === undefined) continue
      const { id, uidValidity, selectable } = counts
      const readable = rights === undefined || rights.includes('r')
      known.set(id, { name, rights, subscribed: entry.subscribed, uidValidity, selectable, readable })
      const watched = readable && watchesMessages(this.#eventsFor(entry))
      if (!watched) this.#counts.delete(id)
      else if (!this.#counts.has(id)) this.#counts.set(id, counts)
    }
    for (const id of this.#counts.keys()) if (!known.has(id)) this.#counts.delete(id)
    this.#known = known
    this.#subscribed = subscribed
  }

  /** All events that are wanted of a name. */
  #eventsFor(entry: Pick<KnownName, 'name' | 'rights' | 'subscribed'>): ReadonlySet<NotifyEvent> {
    const events = new Set<NotifyEvent>()
    for (const group of this.spec?.groups ?? []) {
      if (!isMeant(group.filter, entry)) continue
      if (group.events.size === 0) return new Set()
      for (const event of group.events) events.add(event)
    }
    return events
  }

  #listLine(
    name: string,
    names: ReadonlyMap<string, ListName>,
    extra: readonly string[],
    oldName?: string,
  ): string {
    const entry = names.get(name)
    const attributes = entry === undefined ? ['\\NonExistent'] : attributesOf(entry)
    if (entry?.subscribed) attributes.unshift('\\Subscribed')
    const old = oldName === undefined ? '' : ` ("OLDNAME" (${mailboxText(oldName, this.#reader)}))`
    return `* LIST (${[...attributes, ...extra].join(' ')}) "/" ${mailboxText(name, this.#reader)}${old}\r\n`
  }

  #statusLine(
    entry: Pick<KnownName, 'name' | 'rights' | 'subscribed'>,
    { messages, uidNext, uidValidity, unseen, highestModSeq }: Counts,
  ): string {
    // RFC 5465 §3.1, §5.1: who asks for flags is told, whether CONDSTORE is enabled or not.
    const withModSeq = this.#reader.enabled('CONDSTORE') || this.#eventsFor(entry).has('FlagChange')
    const modSeq = withModSeq ? ` HIGHESTMODSEQ ${highestModSeq}` : ''
    const counts = `MESSAGES ${messages} UIDNEXT ${uidNext} UIDVALIDITY ${uidValidity} UNSEEN ${unseen}${modSeq}`
    return `* STATUS ${mailboxText(entry.name, this.#reader)} (${counts})\r\n`
  }
}

function watchesMessages(events: ReadonlySet<NotifyEvent>): boolean {
  return events.has('MessageNew')
}

function isMeant(
  filter: NotifySpec['groups'][number]['filter'],
  { name, rights, subscribed }: Pick<KnownName, 'name' | 'rights' | 'subscribed'>,
): boolean {
  switch (filter.kind) {
    case 'personal':
      return rights === undefined
    case 'subscribed':
      return subscribed
    case 'mailboxes':
      return filter.names.includes(name)
    case 'subtree':
    case 'subtree-one':
      return isWithin(filter.kind, filter.names, name)
  }
}

function entryWord(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
}
