import {
  type AccountId,
  type Mailbox,
  type MailboxId,
  type MailboxStore,
  type SpecialUse,
  StoreError,
  type Uid,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { keyOf32, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { requireAccount } from '../rows/account-row.ts'
import {
  countMailboxChange,
  emptyMailboxState,
  findMailboxId,
  findSpecialUse,
  readMailbox,
  readMailboxFacts,
  readMailboxState,
  takeUidValidity,
  writeMailboxFacts,
  writeMailboxState,
  writeSubscription,
} from '../rows/mailbox-row.ts'
import { readUsage } from '../rows/usage-row.ts'
import { changeNames } from '../steps/rename-in-steps.ts'
import type { ToldMessages } from '../volatile/told-messages.ts'
import { continueFrom } from './continue-from.ts'
import { createInheriting, inheritAcl } from './inherit.ts'
import { KnownNames } from './known-names.ts'
import { normalizeName, parentsOf } from './names.ts'
import { readMailboxes, readNames } from './read-mailboxes.ts'
import { removeMailbox } from './remove-mailbox.ts'
import { renameMailbox } from './rename-mailbox.ts'
import { keepUniqueIds, uniqueIds } from './unique-ids.ts'

/** Mailboxes and subscriptions of one account. */
const maxMailboxes = 10_000

export const createMailboxStore = (
  engine: Engine,
  told: ToldMessages,
  names = new KnownNames(),
): MailboxStore => ({
  async list(account, isWanted = () => true) {
    return readMailboxes(engine, names, account, isWanted)
  },
  async names(account, isWanted) {
    return readNames(engine, names, account, isWanted)
  },
  async subscriptions(account) {
    return names.of(snapshotOf(engine), account).subscriptions
  },
  async find(account, name) {
    const snapshot = snapshotOf(engine)
    const id = findMailboxId(snapshot, account, normalizedOr(name))
    return id === undefined ? undefined : readMailbox(snapshot, id)
  },
  async get(id) {
    return readMailbox(snapshotOf(engine), id)
  },
  create: async (account, name, specialUse = []) => {
    return changeNames(engine, account, 'uses', (unit) =>
      createMailbox(unit, account, normalizeName(name), specialUse, engine.now()),
    )
  },
  remove: async (account, name) => removeMailbox(engine, account, normalizeName(name)),
  rename: async (account, from, to) => renameMailbox(engine, account, normalizeName(from), normalizeName(to)),
  setSpecialUse: (id, specialUse) => engine.commit.run((unit) => setSpecialUse(unit, id, specialUse)),
  subscribe: (account, name, on) =>
    engine.commit.run((unit) => subscribe(unit, account, normalizeName(name), on)),
  async quota(account) {
    const snapshot = snapshotOf(engine)
    const { quotaBytes, quotaMessages } = requireAccount(snapshot, account)
    const usage = readUsage(snapshot, account)
    return {
      usedBytes: usage.sizeBytes,
      usedMessages: usage.messages,
      limitBytes: quotaBytes || engine.defaultQuotaBytes,
      limitMessages: quotaMessages || engine.defaultQuotaMessages,
    }
  },
  continueFrom: (id, numbers) => engine.commit.run((unit) => continueFrom(unit, id, numbers, engine.now())),
  keepUniqueIds: (id, ids) => keepUniqueIds(engine, id, ids),
  uniqueIds: (id) => uniqueIds(engine, id),
  claimRecent: (id, last) => claimRecent(engine, id, last),
  claimTold: (id, first, last) => told.claim(id, first, last),
})

/** A name that can never exist is merely not found. */
const normalizedOr = (name: string): string => {
  try {
    return normalizeName(name)
  } catch {
    return ''
  }
}

export const wakeMailboxes = (unit: Unit, account: number): void =>
  unit.wake({ kind: 'mailboxes', account: account as AccountId })

/** Missing parents are created, too; a name without messages becomes selectable. */
export const createMailbox = (
  unit: Unit,
  account: number,
  name: string,
  specialUse: readonly SpecialUse[],
  nowMs: number,
): Mailbox => {
  requireAccount(unit, account)
  const existing = findMailboxId(unit, account, name)
  const facts = existing === undefined ? undefined : readMailboxFacts(unit, existing)
  if (facts?.selectable) throw new StoreError('mailbox-exists', `Cannot create mailbox "${name}": it exists`)
  checkSpecialUse(unit, account, specialUse)
  const parents = parentsOf(name).filter((parent) => findMailboxId(unit, account, parent) === undefined)
  if (unit.count(keyOf32(tables.mailboxByName, account)) + parents.length + 1 > maxMailboxes) {
    throw new StoreError('limit', `Cannot create mailbox "${name}": the account has ${maxMailboxes}`)
  }
  for (const parent of parents) {
    createInheriting(unit, { account, name: parent, specialUse: [], selectable: true }, nowMs)
  }
  wakeMailboxes(unit, account)
  if (existing !== undefined && facts !== undefined) {
    const uidValidity = takeUidValidity(unit, nowMs)
    writeMailboxFacts(unit, existing, { ...facts, specialUse, selectable: true, uidValidity })
    writeMailboxState(unit, existing, emptyMailboxState())
    inheritAcl(unit, facts, existing)
    return readMailbox(unit, existing) as Mailbox
  }
  const id = createInheriting(unit, { account, name, specialUse, selectable: true }, nowMs)
  return readMailbox(unit, id) as Mailbox
}

const setSpecialUse = (unit: Unit, id: number, specialUse: readonly SpecialUse[]): void => {
  const facts = readMailboxFacts(unit, id)
  if (facts === undefined)
    throw new StoreError('no-such-mailbox', `Cannot change mailbox ${id}: it does not exist`)
  checkSpecialUse(unit, facts.account, specialUse, id)
  writeMailboxFacts(unit, id, { ...facts, specialUse })
  countMailboxChange(unit, id)
  wakeMailboxes(unit, facts.account)
}

/** RFC 6154 §5.1: one mailbox for each use here. @param except that may have it already */
const checkSpecialUse = (
  unit: Unit,
  account: number,
  specialUse: readonly SpecialUse[],
  except?: number,
): void => {
  for (const use of specialUse) {
    const taken = findSpecialUse(unit, account, use)
    if (taken !== undefined && taken !== except)
      throw new StoreError('mailbox-exists', `Cannot create mailbox: another has the use \\${use}`)
  }
}

const subscribe = (unit: Unit, account: number, name: string, on: 'subscribed' | 'unsubscribed'): void => {
  requireAccount(unit, account)
  if (on === 'subscribed' && unit.count(keyOf32(tables.subscription, account)) >= maxMailboxes) {
    throw new StoreError(
      'limit',
      `Cannot subscribe to "${name}": the account has ${maxMailboxes} subscriptions`,
    )
  }
  writeSubscription(unit, account, name, on)
  wakeMailboxes(unit, account)
}

/** RFC 3501 §2.3.2: one session alone sees a message as \Recent. */
const claimRecent = async (engine: Engine, id: MailboxId, last = Number.MAX_SAFE_INTEGER): Promise<Uid> => {
  const seen = readMailboxState(snapshotOf(engine), id)
  if (seen && seen.firstRecent > Math.min(last, seen.uidNext - 1)) return seen.firstRecent as Uid
  return engine.commit.run((unit) => {
    const state = readMailboxState(unit, id)
    if (!state) throw new StoreError('no-such-mailbox', `Cannot open mailbox ${id}: it does not exist`)
    const first = state.firstRecent as Uid
    const next = Math.min(last + 1, state.uidNext)
    if (next > first) writeMailboxState(unit, id, { ...state, firstRecent: next })
    return first
  })
}
