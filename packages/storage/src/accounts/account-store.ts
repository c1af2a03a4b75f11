import { type Account, type AccountId, type AccountStore, type SpecialUse, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { keyAfter, keyOf32, keyOfTable, keyOfText, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import {
  accountAddressKey,
  findAccountId,
  readAccount,
  removeAccount,
  writeAccount,
} from '../rows/account-row.ts'
import { forgetSubject } from '../rows/acl-row.ts'
import { removeAnnotationsOfAccount } from '../rows/annotation-row.ts'
import { groupsOf, removeMember } from '../rows/group-row.ts'
import { getJson, jsonRows, putJson } from '../rows/long-value.ts'
import { createMailboxRows, renewNamesVersion, writeSubscription } from '../rows/mailbox-row.ts'
import { takeSequence } from '../rows/sequence.ts'
import { markRemovedAccount } from '../rows/unfinished-row.ts'
import { removeAccountStep } from '../steps/remove-account.ts'

export type DefaultMailboxes = readonly { readonly name: string; readonly specialUse: SpecialUse }[]

export const defaultMailboxes: DefaultMailboxes = [
  { name: 'Drafts', specialUse: 'Drafts' },
  { name: 'Sent', specialUse: 'Sent' },
  { name: 'Junk', specialUse: 'Junk' },
  { name: 'Trash', specialUse: 'Trash' },
  { name: 'Archive', specialUse: 'Archive' },
]

/** RFC 5321 §4.5.3.1: a path has at most 256 octets; longer ones are no address of anybody. */
const maxAddressBytes = 320
const domainsKey = keyOfText(tables.meta, 'domains')

export const createAccountStore = (engine: Engine, mailboxes: DefaultMailboxes): AccountStore => ({
  create: (account) => engine.commit.run((unit) => createAccount(unit, account, mailboxes, engine.now())),
  async get(id) {
    return readAccount(snapshotOf(engine), id)
  },
  async find(address) {
    const snapshot = snapshotOf(engine)
    const folded = address.toLowerCase()
    if (folded === '' || Buffer.byteLength(folded) > maxAddressBytes) return undefined
    const id = findAccountId(snapshot, folded)
    return id === undefined ? undefined : readAccount(snapshot, id)
  },
  async list() {
    const rows = jsonRows(snapshotOf(engine), keyOfTable(tables.account))
    return Array.from(rows, ({ value }) => value as Account).sort((a, b) => (a.address < b.address ? -1 : 1))
  },
  update: (id, change) => engine.commit.run((unit) => update(unit, id, change)),
  async remove(id) {
    await engine.commit.runFreeing((unit) => remove(engine, unit, id))
    engine.unfinished.removeAccount(id)
  },
  async domains() {
    return (getJson(snapshotOf(engine), domainsKey) as readonly string[] | undefined) ?? []
  },
  setDomains: (domains) =>
    engine.commit.run((unit) => {
      putJson(unit, domainsKey, [...new Set(domains.map((domain) => domain.toLowerCase()))])
      unit.wake({ kind: 'accounts' })
    }),
})

const checkedAddress = (address: string): string => {
  const folded = address.toLowerCase()
  const sizeBytes = Buffer.byteLength(folded)
  if (sizeBytes === 0 || sizeBytes > maxAddressBytes) {
    throw new StoreError(
      'invalid-name',
      `Cannot use address "${address.slice(0, 80)}": 1 to ${maxAddressBytes} octets`,
    )
  }
  return folded
}

/** With its default mailboxes. */
export const createAccount = (
  unit: Unit,
  account: Omit<Account, 'id' | 'createdMs'>,
  mailboxes: DefaultMailboxes,
  nowMs: number,
): Account => {
  const address = checkedAddress(account.address)
  if (findAccountId(unit, address) !== undefined) {
    throw new StoreError('account-exists', `Cannot create account "${address}": it exists`)
  }
  const id = takeSequence(unit, 'next-account') as AccountId
  const made: Account = { ...account, address, id, createdMs: nowMs }
  writeAccount(unit, made)
  const names = [{ name: 'INBOX', specialUse: [] as SpecialUse[] }]
  for (const { name, specialUse } of mailboxes) names.push({ name, specialUse: [specialUse] })
  for (const { name, specialUse } of names) {
    createMailboxRows(unit, { account: id, name, specialUse, selectable: true }, nowMs)
    writeSubscription(unit, id, name, 'subscribed')
  }
  unit.wake({ kind: 'accounts', account: id })
  return made
}

const existing = (unit: Unit, id: number): Account => {
  const account = readAccount(unit, id)
  if (account) return account
  throw new StoreError('no-such-account', `Cannot change account ${id}: it does not exist`)
}

const update = (unit: Unit, id: AccountId, change: Partial<Omit<Account, 'id' | 'createdMs'>>): Account => {
  const former = existing(unit, id)
  const address = change.address === undefined ? former.address : checkedAddress(change.address)
  if (address !== former.address) {
    if (findAccountId(unit, address) !== undefined) {
      throw new StoreError('account-exists', `Cannot rename account to "${address}": it exists`)
    }
    unit.remove(accountAddressKey(former.address))
  }
  const account: Account = { ...former, ...change, address, id, createdMs: former.createdMs }
  writeAccount(unit, account)
  unit.wake({ kind: 'accounts', account: id })
  return account
}

const remove = (engine: Engine, unit: Unit, id: AccountId): void => {
  const account = existing(unit, id)
  const subscriptions = keyOf32(tables.subscription, id)
  const range = { start: subscriptions, end: keyAfter(subscriptions) }
  for (const { key } of [...unit.range(range)]) unit.remove(key)
  renewNamesVersion(unit, id)
  for (const group of groupsOf(unit, id)) removeMember(unit, group, id)
  forgetSubject(unit, id)
  removeAnnotationsOfAccount(unit, id)
  removeAccount(unit, account)
  markRemovedAccount(unit, id)
  // Few mailboxes, and a small number of messages, go at once.
  removeAccountStep(unit, id, engine.stepMessages)
  unit.wake({ kind: 'accounts', account: id })
}
