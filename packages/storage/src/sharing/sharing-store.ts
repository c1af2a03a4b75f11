import {
  type AccountId,
  type AclChange,
  type AclEntry,
  type AclSubject,
  type Group,
  type Rights,
  type SharedMailbox,
  type SharingStore,
  StoreError,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { wakeMailboxes } from '../mailboxes/mailbox-store.ts'
import { compareNames } from '../mailboxes/names.ts'
import { readAccount } from '../rows/account-row.ts'
import {
  anyone,
  authenticated,
  firstGroup,
  forgetSubject,
  mailboxesNaming,
  orderedRights,
  readAcl,
  type StoredEntry,
  writeAcl,
} from '../rows/acl-row.ts'
import {
  addMember,
  type GroupRow,
  groupRows,
  memberships,
  removeGroupRows,
  removeMember,
  writeGroup,
} from '../rows/group-row.ts'
import { readMailbox, readMailboxFacts } from '../rows/mailbox-row.ts'
import { takeSequence } from '../rows/sequence.ts'
import { workTurns } from '../work-turns.ts'
import { rightsIn, subjectsOf } from './rights.ts'

/** Entries of one mailbox. */
const maxEntries = 1_000
const maxGroups = 1_000

export const createSharingStore = (engine: Engine): SharingStore => ({
  async acl(mailbox) {
    const snapshot = snapshotOf(engine)
    const groups = groupRows(snapshot)
    return readAcl(snapshot, mailbox).map((entry) => entryOf(entry, groups))
  },
  changeAcl: (mailbox, change) => engine.commit.run((unit) => changeAcl(unit, mailbox, change)),
  removeAclEntry: (mailbox, entry) => engine.commit.run((unit) => removeEntry(unit, mailbox, entry)),
  async rights(mailbox, who) {
    const snapshot = snapshotOf(engine)
    const facts = readMailboxFacts(snapshot, mailbox)
    return facts === undefined ? '' : rightsIn(snapshot, { id: mailbox, account: facts.account }, who)
  },
  async rightsOnEach(mailboxes, who) {
    let snapshot = snapshotOf(engine)
    const rights: Rights[] = []
    for (const [index, mailbox] of mailboxes.entries()) {
      if ((index & 7) === 7 && workTurns.isOver) {
        await workTurns.next()
        snapshot = snapshotOf(engine)
      }
      rights.push(rightsIn(snapshot, mailbox, who))
    }
    return rights
  },
  async sharedWith(account) {
    return sharedWith(snapshotOf(engine), account)
  },
  async groups() {
    return groupsWithMembers(snapshotOf(engine))
  },
  createGroup: (name) => engine.commit.run((unit) => createGroup(unit, name)),
  removeGroup: (name) =>
    engine.commit.run((unit) => {
      const { id } = existingGroup(unit, name)
      forgetSubject(unit, id)
      removeGroupRows(unit, id)
      unit.wake({ kind: 'accounts' })
    }),
  changeMembership: (name, account, to) =>
    engine.commit.run((unit) => {
      const { id } = existingGroup(unit, name)
      if (readAccount(unit, account) === undefined)
        throw new StoreError('no-such-account', `Cannot change group "${name}": no account ${account}`)
      if (to === 'member') addMember(unit, id, account)
      else removeMember(unit, id, account)
      unit.wake({ kind: 'accounts' })
    }),
})

const entryOf = ([subject, sign, rights]: StoredEntry, groups: readonly GroupRow[]): AclEntry => ({
  subject: subjectOf(subject, groups),
  effect: sign === '+' ? 'grants' : 'denies',
  rights,
})

const subjectOf = (subject: number, groups: readonly GroupRow[]): AclSubject => {
  if (subject === anyone) return { kind: 'anyone' }
  if (subject === authenticated) return { kind: 'authenticated' }
  if (subject < firstGroup) return { kind: 'user', account: subject as AccountId }
  return { kind: 'group', name: groups.find(({ id }) => id === subject)?.name ?? '' }
}

const numberOf = (reader: Reader, subject: AclSubject): number => {
  switch (subject.kind) {
    case 'anyone':
      return anyone
    case 'authenticated':
      return authenticated
    case 'user':
      return subject.account
    case 'group':
      return existingGroup(reader, subject.name).id
  }
}

const ownerOf = (reader: Reader, mailbox: number): number => {
  const facts = readMailboxFacts(reader, mailbox)
  if (facts !== undefined) return facts.account
  throw new StoreError('no-such-mailbox', `Cannot share mailbox ${mailbox}: it does not exist`)
}

const changeAcl = (unit: Unit, mailbox: number, change: AclChange): void => {
  const owner = ownerOf(unit, mailbox)
  const subject = numberOf(unit, change.subject)
  if (change.subject.kind === 'user' && readAccount(unit, subject) === undefined)
    throw new StoreError('no-such-account', `Cannot share with account ${subject}: it does not exist`)
  const sign = change.effect === 'grants' ? '+' : '-'
  const entries = readAcl(unit, mailbox)
  const former = entries.find(([each, effect]) => each === subject && effect === sign)
  const isOwner = subject === owner && sign === '+'
  const before =
    former?.[2] ?? (isOwner ? rightsIn(unit, { id: mailbox, account: owner }, owner as AccountId) : '')
  const rights = changed(before, change)
  const kept = entries.filter((entry) => entry !== former)
  if (rights !== '' || isOwner) kept.push([subject, sign, rights])
  if (kept.length > maxEntries)
    throw new StoreError('limit', `Cannot share mailbox ${mailbox}: its list has ${maxEntries} entries`)
  writeAcl(unit, mailbox, kept)
  wakeMailboxes(unit, owner)
}

const changed = (before: string, { op, rights }: AclChange): string => {
  if (op === 'add') return orderedRights(before + rights)
  if (op === 'remove') return orderedRights([...before].filter((right) => !rights.includes(right)))
  return orderedRights(rights)
}

const removeEntry = (
  unit: Unit,
  mailbox: number,
  { subject, effect }: Pick<AclEntry, 'subject' | 'effect'>,
): boolean => {
  const owner = ownerOf(unit, mailbox)
  const number = numberOf(unit, subject)
  const sign = effect === 'grants' ? '+' : '-'
  const entries = readAcl(unit, mailbox)
  const kept = entries.filter(([each, effect]) => each !== number || effect !== sign)
  if (kept.length === entries.length) return false
  writeAcl(unit, mailbox, kept)
  wakeMailboxes(unit, owner)
  return true
}

const sharedWith = (reader: Reader, account: AccountId): SharedMailbox[] => {
  const subjects = subjectsOf(reader, account)
  const ids = new Set<number>()
  for (const subject of subjects) for (const id of mailboxesNaming(reader, subject)) ids.add(id)
  const owners = new Map<number, string>()
  const shared: SharedMailbox[] = []
  for (const id of ids) {
    const facts = readMailboxFacts(reader, id)
    if (facts === undefined || facts.account === account) continue
    const rights = rightsIn(reader, { id, account: facts.account }, account, subjects)
    const mailbox = rights === '' ? undefined : readMailbox(reader, id)
    if (mailbox === undefined) continue
    let owner = owners.get(facts.account)
    if (owner === undefined) {
      owner = readAccount(reader, facts.account)?.address ?? ''
      owners.set(facts.account, owner)
    }
    shared.push({ mailbox, owner, rights })
  }
  return shared.sort((a, b) =>
    a.owner === b.owner ? compareNames(a.mailbox.name, b.mailbox.name) : a.owner < b.owner ? -1 : 1,
  )
}

const groupsWithMembers = (reader: Reader): Group[] => {
  const all = memberships(reader)
  return groupRows(reader)
    .map(({ id, name }) => ({
      name,
      members: all.filter(({ group }) => group === id).map(({ account }) => account as AccountId),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

const existingGroup = (reader: Reader, name: string): GroupRow => {
  const folded = name.toLowerCase()
  const found = groupRows(reader).find((group) => group.name === folded)
  if (found !== undefined) return found
  throw new StoreError('no-such-group', `There is no group "${name.slice(0, 80)}"`)
}

const createGroup = (unit: Unit, name: string): void => {
  const folded = name.toLowerCase()
  if (!/^[a-z0-9._-]{1,64}$/.test(folded))
    throw new StoreError('invalid-name', 'A group is named with 1 to 64 letters, digits, ".", "_" or "-"')
  const groups = groupRows(unit)
  if (groups.some((group) => group.name === folded))
    throw new StoreError('group-exists', `Cannot create group "${folded}": it exists`)
  if (groups.length >= maxGroups)
    throw new StoreError('limit', `Cannot create group "${folded}": there are ${maxGroups}`)
  writeGroup(unit, { id: firstGroup + takeSequence(unit, 'next-group'), name: folded })
}
