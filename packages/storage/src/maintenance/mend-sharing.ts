import { keyAfter, keyOfTable, tables } from '../kv/keys.ts'
import type { Unit } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { aclRows, anyone, authenticated, firstGroup, writeAcl } from '../rows/acl-row.ts'
import {
  annotationOwners,
  removeAnnotationsOfAccount,
  removeAnnotationsOfMailbox,
} from '../rows/annotation-row.ts'
import { groupRows, memberships, removeMember } from '../rows/group-row.ts'
import { readMailboxFacts } from '../rows/mailbox-row.ts'

/** Lists, memberships, subscriptions and annotations that name who or what is not there. */
export const dropStraySharing = (unit: Unit, notes: string[]): void => {
  const groups = new Set(groupRows(unit).map(({ id }) => id))
  const isThere = (subject: number): boolean => {
    if (subject === anyone || subject === authenticated) return true
    return subject >= firstGroup ? groups.has(subject) : readAccount(unit, subject) !== undefined
  }
  let dropped = 0
  for (const { mailbox, entries } of [...aclRows(unit)]) {
    const isKnown = readMailboxFacts(unit, mailbox) !== undefined
    const kept = isKnown ? entries.filter(([subject]) => isThere(subject)) : []
    dropped += entries.length - kept.length
    if (kept.length < entries.length) writeAcl(unit, mailbox, kept)
  }
  for (const { account, group } of memberships(unit)) {
    if (groups.has(group) && isThere(account)) continue
    removeMember(unit, group, account)
    dropped++
  }
  for (const { mailbox, account } of annotationOwners(unit)) {
    const isStray = mailbox !== 0 && readMailboxFacts(unit, mailbox) === undefined
    if (isStray) removeAnnotationsOfMailbox(unit, mailbox)
    else if (account !== 0 && !isThere(account)) removeAnnotationsOfAccount(unit, account)
    else continue
    dropped++
  }
  dropped += dropSubscriptions(unit, isThere)
  if (dropped > 0)
    notes.push(`${dropped} rights, memberships, subscriptions and annotations name what is not there`)
}

const dropSubscriptions = (unit: Unit, isThere: (account: number) => boolean): number => {
  const start = keyOfTable(tables.subscription)
  const keys = Array.from(unit.range({ start, end: keyAfter(start) }), ({ key }) => Buffer.from(key))
  const stray = keys.filter((key) => !isThere(key.readUInt32BE(1)))
  for (const key of stray) unit.remove(key)
  return stray.length
}
