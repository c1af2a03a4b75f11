import { keyAfter, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { aclRows, anyone, authenticated, firstGroup } from '../rows/acl-row.ts'
import { annotationOwners } from '../rows/annotation-row.ts'
import { groupRows, memberships } from '../rows/group-row.ts'
import { readUnfinished } from '../rows/unfinished-row.ts'
import { mailboxesWithUniqueIds } from '../rows/unique-id-row.ts'

/** Lists, their index, groups and annotations: each names what is there. */
export const sharingProblems = (reader: Reader, mailboxes: readonly { readonly id: number }[]): string[] => {
  const problems: string[] = []
  const known = new Set(mailboxes.map(({ id }) => id))
  const groups = new Set(groupRows(reader).map(({ id }) => id))
  const isSubject = (subject: number): boolean => {
    if (subject === anyone || subject === authenticated) return true
    return subject < firstGroup ? readAccount(reader, subject) !== undefined : groups.has(subject)
  }
  const wanted = new Set<string>()
  for (const { mailbox, entries } of aclRows(reader)) {
    if (!known.has(mailbox)) problems.push(`Access control list of mailbox ${mailbox}, which is not there`)
    for (const [subject] of entries) {
      wanted.add(`${subject} ${mailbox}`)
      if (!isSubject(subject)) problems.push(`Mailbox ${mailbox} is shared with ${subject}, who is not there`)
    }
  }
  const start = keyOfTable(tables.sharedWith)
  for (const { key } of reader.range({ start, end: keyAfter(start) })) {
    const name = `${key.readUInt32BE(1)} ${key.readUInt32BE(5)}`
    if (!wanted.delete(name)) problems.push(`Sharing index: ${name} is in no list`)
  }
  for (const name of wanted) problems.push(`Sharing index: ${name} is missing`)
  for (const { account, group } of memberships(reader)) {
    if (!groups.has(group) || readAccount(reader, account) === undefined)
      problems.push(`Membership of account ${account} in group ${group}: one of them is not there`)
  }
  for (const mailbox of mailboxesWithUniqueIds(reader)) {
    if (!known.has(mailbox) && readUnfinished(reader, mailbox) === undefined)
      problems.push(`Unique-ids of mailbox ${mailbox}, which is not there`)
  }
  for (const { mailbox, account } of annotationOwners(reader)) {
    if (mailbox !== 0 && !known.has(mailbox))
      problems.push(`Annotation of mailbox ${mailbox}, which is not there`)
    if (account !== 0 && readAccount(reader, account) === undefined)
      problems.push(`Annotation of account ${account}, which is not there`)
  }
  return problems
}
