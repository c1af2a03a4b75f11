import { allRights, type Rights } from '../contract.ts'
import { keyAfter, keyOf32, keyOf32x2, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, jsonRows, putJson, removeLong } from './long-value.ts'

/** Accounts have their own numbers, groups those from `firstGroup` on. */
export const anyone = 0
export const authenticated = 0xffff_ffff
export const firstGroup = 0x8000_0000

/** Subject, `+` or `-`, rights. */
export type StoredEntry = readonly [subject: number, sign: '+' | '-', rights: Rights]

const aclKey = (mailbox: number): Buffer => keyOf32(tables.acl, mailbox)
const sharedKey = (subject: number, mailbox: number): Buffer => keyOf32x2(tables.sharedWith, subject, mailbox)

export const readAcl = (reader: Reader, mailbox: number): readonly StoredEntry[] =>
  (getJson(reader, aclKey(mailbox)) as readonly StoredEntry[] | undefined) ?? []

/** With the index by subject. */
export const writeAcl = (unit: Unit, mailbox: number, entries: readonly StoredEntry[]): void => {
  const before = new Set(readAcl(unit, mailbox).map(([subject]) => subject))
  const after = new Set(entries.map(([subject]) => subject))
  for (const subject of before) if (!after.has(subject)) unit.remove(sharedKey(subject, mailbox))
  for (const subject of after) if (!before.has(subject)) unit.put(sharedKey(subject, mailbox), present)
  if (entries.length === 0) removeLong(unit, aclKey(mailbox))
  else putJson(unit, aclKey(mailbox), entries)
}

const present = Buffer.from([1])

/** For a rebuild: the index from the rows. */
export const deriveSharedWith = (unit: Unit): void => {
  for (const { mailbox, entries } of [...aclRows(unit)]) {
    for (const [subject] of entries) unit.put(sharedKey(subject, mailbox), present)
  }
}

export function* aclRows(reader: Reader): Generator<{ mailbox: number; entries: readonly StoredEntry[] }> {
  for (const { key, value } of jsonRows(reader, keyOfTable(tables.acl))) {
    yield { mailbox: key.readUInt32BE(1), entries: value as readonly StoredEntry[] }
  }
}

/** Mailboxes whose list names the subject, ascending. */
export const mailboxesNaming = (reader: Reader, subject: number): number[] => {
  const prefix = keyOf32(tables.sharedWith, subject)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) => key.readUInt32BE(5))
}

/** Takes a subject out of every list. */
export const forgetSubject = (unit: Unit, subject: number): void => {
  for (const mailbox of mailboxesNaming(unit, subject)) {
    writeAcl(
      unit,
      mailbox,
      readAcl(unit, mailbox).filter(([each]) => each !== subject),
    )
  }
}

/** In the order of `allRights`, each once. */
export const orderedRights = (letters: Iterable<string>): Rights => {
  const set = new Set(letters)
  return [...allRights].filter((right) => set.has(right)).join('')
}
