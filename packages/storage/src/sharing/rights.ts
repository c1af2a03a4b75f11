import { type AccountId, allRights, ownerRights, type Rights } from '../contract.ts'
import type { Reader } from '../kv/unit.ts'
import { readAccount } from '../rows/account-row.ts'
import { anyone, authenticated, orderedRights, readAcl, type StoredEntry } from '../rows/acl-row.ts'
import { groupsOf } from '../rows/group-row.ts'

/** Numbers of all entries that apply to somebody. None do to a removed account: its sessions may still be there. */
export const subjectsOf = (reader: Reader, who: AccountId | 'stranger'): ReadonlySet<number> => {
  if (who === 'stranger') return new Set([anyone])
  if (readAccount(reader, who) === undefined) return new Set()
  return new Set([anyone, authenticated, who, ...groupsOf(reader, who)])
}

/** RFC 4314 §2: the union of what is granted, without what is denied. */
export const rightsIn = (
  reader: Reader,
  { id, account: owner }: { readonly id: number; readonly account: number },
  who: AccountId | 'stranger',
  subjects?: ReadonlySet<number>,
): Rights => {
  const entries = readAcl(reader, id)
  if (entries.length === 0) return who === owner ? allRights : ''
  const applying = subjects ?? subjectsOf(reader, who)
  const isUnlimited = who === owner && !entries.some(([subject, sign]) => subject === owner && sign === '+')
  const rights = isUnlimited ? allRights : lettersOf(entries, applying, '+')
  const denied = lettersOf(entries, applying, '-')
  const left = [...rights].filter((right) => !denied.includes(right))
  return orderedRights(who === owner ? [...left, ...ownerRights] : left)
}

const lettersOf = (
  entries: readonly StoredEntry[],
  subjects: ReadonlySet<number>,
  wanted: StoredEntry[1],
): string =>
  entries
    .filter(([subject, sign]) => sign === wanted && subjects.has(subject))
    .map(([, , letters]) => letters)
    .join('')
