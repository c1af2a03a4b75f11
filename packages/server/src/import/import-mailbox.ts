import {
  type AccountId,
  type FlagChange,
  type Mailbox,
  type Store,
  StoreError,
  systemFlag,
  type Uid,
} from '@posthorn/storage'
import { type BringOptions, bringMessages, flagsOf } from './bring-messages.ts'
import { hashOctets } from './hashing.ts'
import type { Brought, Ledger } from './ledger.ts'
import { keepPop3Ids } from './pop3-ids.ts'
import { type MailboxReceipt, sideOf } from './receipt.ts'
import type { SourceMailbox, SourceMessage } from './source.ts'

export interface ImportMailboxOptions {
  readonly store: Store
  readonly ledger: Ledger
  readonly account: AccountId
  readonly to: string
  /** What was removed there since the last pass: stays here, or is removed here too. */
  readonly removals: 'kept' | 'followed'
  /** pop3_uidl_format. */
  readonly uidlFormat: string
  readonly started: (messages: number) => void
  readonly done: (messages: number) => void
}

/** What a pass over one mailbox would do. */
export interface MailboxPlan {
  readonly messages: readonly SourceMessage[]
  readonly fresh: readonly SourceMessage[]
  readonly reflagged: readonly SourceMessage[]
  readonly vanished: readonly Brought[]
}

export function planMailbox(
  messages: readonly SourceMessage[],
  brought: ReadonlyMap<string, Brought>,
): MailboxPlan {
  const present = new Set(messages.map(({ key }) => key))
  return {
    messages,
    fresh: messages.filter(({ key }) => !brought.has(key)),
    reflagged: messages.filter((message) => {
      const known = brought.get(message.key)
      return known !== undefined && known.flags !== flagsOf(message)
    }),
    vanished: [...brought.values()].filter(({ key }) => !present.has(key)),
  }
}

/** One pass over one mailbox: what is new, what changed, then both sides compared. */
export async function importMailbox(
  source: SourceMailbox,
  options: ImportMailboxOptions,
): Promise<MailboxReceipt> {
  const { store, ledger, account, to } = options
  const messages = await source.list()
  const mailbox = await openTarget(store, account, to, source)
  await finishUnfinished(store, ledger, mailbox)
  const plan = planMailbox(messages, ledger.brought(mailbox.name, mailbox.uidValidity))
  options.started(plan.fresh.length)
  const bring: BringOptions = { store, ledger, mailbox, done: options.done }
  const orphans = byHash(plan.vanished)
  const differences = await bringMessages(source, plan.fresh, orphans, bring)
  const adopted = plan.vanished.length - [...orphans.values()].flat().length
  // What was known by its octets may have got other flags under its new key.
  const { reflagged } = planMailbox(messages, ledger.brought(mailbox.name, mailbox.uidValidity))
  const flagsChanged = await changeFlags(bring, reflagged)
  const vanished = [...orphans.values()].flat()
  if (options.removals === 'followed') await removeVanished(bring, vanished)
  const uids = source.numbers?.uidValidity === mailbox.uidValidity ? 'kept' : 'new'
  if (uids === 'kept' && source.numbers) await store.mailboxes.continueFrom(mailbox.id, source.numbers)
  await keepPop3Ids(bring, messages, source.numbers, options.uidlFormat)
  const compared = await compare(bring, messages)
  return {
    from: source.name,
    to: mailbox.name,
    added: plan.fresh.length - adopted - differences.length,
    flagsChanged,
    removed: options.removals === 'followed' ? vanished.length : 0,
    ...compared,
    uids,
    differences: [...differences, ...compared.differences],
  }
}

/** Its numbers are taken over while it is empty and has never held anything. */
async function openTarget(
  store: Store,
  account: AccountId,
  to: string,
  { numbers, subscribed }: SourceMailbox,
): Promise<Mailbox> {
  const found = await store.mailboxes.find(account, to)
  const mailbox = found?.selectable ? found : await store.mailboxes.create(account, to)
  if (subscribed && !mailbox.subscribed) await store.mailboxes.subscribe(account, mailbox.name, 'subscribed')
  if (numbers === undefined || mailbox.uidNext !== 1) return mailbox
  return store.mailboxes.continueFrom(mailbox.id, { uidValidity: numbers.uidValidity, uidNext: 1 })
}

/** The last import ended between the message and the note of it: what came last is looked at. */
async function finishUnfinished(store: Store, ledger: Ledger, mailbox: Mailbox): Promise<void> {
  const unfinished = ledger.unfinished(mailbox.name, mailbox.uidValidity)
  if (unfinished === undefined) return
  const { uids } = await store.messages.view(mailbox.id)
  const open = [...unfinished.items]
  const brought: Brought[] = []
  for await (const batch of store.messages.fetch(
    mailbox.id,
    uids.filter((uid) => uid >= unfinished.fromUid),
    { bytes: 'all' },
  )) {
    for (const [index, octets] of (batch.bytes ?? []).entries()) {
      const hash = hashOctets(octets)
      const at = open.findIndex((item) => item.hash === hash)
      const item = at < 0 ? undefined : open.splice(at, 1)[0]
      if (item !== undefined) brought.push({ ...item, uid: batch.uids[index] as Uid })
    }
  }
  ledger.add(mailbox.name, mailbox.uidValidity, brought)
}

function byHash(vanished: readonly Brought[]): Map<string, Brought[]> {
  const map = new Map<string, Brought[]>()
  for (const one of vanished) map.set(one.hash, [...(map.get(one.hash) ?? []), one])
  return map
}

/** Flags that changed there since the last pass; what was changed here only stays. */
async function changeFlags(
  { store, ledger, mailbox }: BringOptions,
  reflagged: readonly SourceMessage[],
): Promise<number> {
  const brought = ledger.brought(mailbox.name, mailbox.uidValidity)
  const groups = new Map<string, { change: FlagChange; items: Brought[] }>()
  for (const message of reflagged) {
    const flags = flagsOf(message)
    const group = groups.get(flags) ?? {
      change: { op: 'replace', flags: { system: message.system, keywords: message.keywords } },
      items: [],
    }
    group.items.push({ ...(brought.get(message.key) as Brought), flags })
    groups.set(flags, group)
  }
  for (const { change, items } of groups.values()) {
    const uids = Uint32Array.from(items, ({ uid }) => uid).sort()
    await store.messages.changeFlags(mailbox.id, uids, change)
    ledger.add(mailbox.name, mailbox.uidValidity, items)
  }
  return reflagged.length
}

async function removeVanished({ store, ledger, mailbox }: BringOptions, vanished: readonly Brought[]) {
  if (vanished.length === 0) return
  await store.messages.discard(mailbox.id, Uint32Array.from(vanished, ({ uid }) => uid).sort())
  ledger.forget(
    mailbox.name,
    mailbox.uidValidity,
    vanished.map(({ key }) => key),
  )
}

const flagNames = Object.entries(systemFlag)

/** What is here is read back from the store, octet for octet. */
async function compare({ store, ledger, mailbox }: BringOptions, messages: readonly SourceMessage[]) {
  const brought = ledger.brought(mailbox.name, mailbox.uidValidity)
  const wanted = new Map<number, Brought>()
  const there: string[] = []
  for (const { key } of messages) {
    const known = brought.get(key)
    if (known !== undefined) wanted.set(known.uid, known)
    there.push(known?.hash ?? `not brought ${key}`)
  }
  const { uids } = await store.messages.view(mailbox.id)
  const here: string[] = []
  const differences: string[] = []
  const present = uids.filter((uid) => wanted.has(uid))
  for await (const batch of store.messages.fetch(mailbox.id, present, { bytes: 'all' })) {
    for (const [index, octets] of (batch.bytes ?? []).entries()) {
      const known = wanted.get(batch.uids[index] as number) as Brought
      const hash = hashOctets(octets)
      here.push(hash)
      if (hash !== known.hash) differences.push(`UID ${known.uid} has other octets here`)
      differences.push(...flagDifference(known, batch.flags0[index] as number))
    }
  }
  const removedHere = wanted.size - present.length
  if (removedHere > 0)
    differences.push(`${removedHere} messages were removed here after they had been brought`)
  return { source: sideOf(there), here: sideOf(here), others: uids.length - present.length, differences }
}

/** System flags only: keywords may have been more than a mailbox can hold. */
function flagDifference({ uid, flags }: Brought, flags0: number): string[] {
  const there = Number(flags.split(' ')[0])
  const differing = flagNames.filter(([, bit]) => (there & bit) !== (flags0 & bit)).map(([name]) => name)
  return differing.length === 0 ? [] : [`UID ${uid}: changed here: ${differing.join(' ')}`]
}

/** A name here for a mailbox there, as `--map` and the other side's special-use say. */
export function targetName(
  source: Pick<SourceMailbox, 'name' | 'specialUse'>,
  own: readonly Mailbox[],
  map: ReadonlyMap<string, string>,
): string {
  const mapped = map.get(source.name)
  if (mapped !== undefined) return mapped
  const use = source.specialUse?.replace(/^\\/, '')
  const same = own.find(({ specialUse }) => specialUse.some((one) => one === use))
  return same?.name ?? source.name
}

export const isNameError = (error: unknown): error is StoreError =>
  error instanceof StoreError && (error.kind === 'invalid-name' || error.kind === 'limit')
