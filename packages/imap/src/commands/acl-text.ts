/** Identifiers and rights of RFC 4314 as text. */
import { type AclEntry, type AclSubject, allRights, type Rights } from '@posthorn/storage'
import { Refusal } from '../errors.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import type { Viewer } from './other-users.ts'

export type AclTarget = Pick<AclEntry, 'subject' | 'effect'>

const maxIdentifierLength = 320

/**
 * `bob`, `bob@example.org`, `user=bob`, `$team`, `group=team`, `anyone`, `authenticated`, `owner`, each also with `-`
 * before it (RFC 4314 §2).
 * @param owner of the mailbox
 * @throws Refusal when there is no such user
 */
export async function aclTarget(viewer: Viewer, owner: number, identifier: string): Promise<AclTarget> {
  const effect = identifier.startsWith('-') ? 'denies' : 'grants'
  const text = prepared(effect === 'denies' ? identifier.slice(1) : identifier)
  return { effect, subject: await subjectNamed(viewer, owner, text) }
}

/** RFC 4314 §3: after preparation something must be left; BAD otherwise. */
function prepared(identifier: string): string {
  const forbidden = /[\0-\x1f\x7f-\x9f\ufffc\ufffd\u2028\u2029]/
  const text = identifier.replace(/[\u00ad\u200b-\u200d\ufeff]/g, '').normalize('NFKC')
  if (text === '' || text.length > maxIdentifierLength || forbidden.test(text))
    throw new SyntaxFault('Invalid identifier')
  return text
}

async function subjectNamed({ store, account }: Viewer, owner: number, text: string): Promise<AclSubject> {
  const folded = text.toLowerCase()
  if (folded === 'anyone' || folded === 'authenticated') return { kind: folded }
  if (folded === 'owner') return { kind: 'user', account: owner as typeof account.id }
  const group = folded.startsWith('$') ? folded.slice(1) : /^group=(.*)$/s.exec(folded)?.[1]
  if (group !== undefined) return { kind: 'group', name: group }
  const name = folded.startsWith('user=') ? folded.slice('user='.length) : folded
  const domain = account.address.slice(account.address.lastIndexOf('@'))
  const user = await store.accounts.find(name.includes('@') ? name : name + domain)
  if (user !== undefined) return { kind: 'user', account: user.id }
  throw new Refusal('NONEXISTENT', 'There is no such user')
}

/** As GETACL answers it; undefined for somebody who has gone meanwhile. */
export async function identifierOf(
  { store }: Pick<Viewer, 'store'>,
  { subject, effect }: AclTarget,
): Promise<string | undefined> {
  const name = await nameOf(store, subject)
  return name === undefined || effect === 'grants' ? name : `-${name}`
}

async function nameOf(store: Viewer['store'], subject: AclSubject): Promise<string | undefined> {
  if (subject.kind === 'group') return `$${subject.name}`
  if (subject.kind === 'user') return (await store.accounts.get(subject.account))?.address
  return subject.kind
}

export interface RightsChange {
  readonly op: 'replace' | 'add' | 'remove'
  readonly rights: Rights
}

/** RFC 4314 §3.1 mod-rights; `c` stands for `kx`, `d` for `et` (§2.1.1). @throws SyntaxFault */
export function rightsChange(text: string): RightsChange {
  const op = text.startsWith('+') ? 'add' : text.startsWith('-') ? 'remove' : 'replace'
  const letters = op === 'replace' ? text : text.slice(1)
  const rights = new Set<string>()
  for (const letter of letters) {
    if (letter === 'c') rights.add('k').add('x')
    else if (letter === 'd') rights.add('e').add('t')
    else if (allRights.includes(letter)) rights.add(letter)
    else if (letter !== letter.toLowerCase()) throw new SyntaxFault('Uppercase rights are not allowed')
    else throw new SyntaxFault('Unsupported right')
  }
  return { op, rights: [...rights].join('') }
}

/** With the obsolete `c` and `d` where a member of them is there. RFC 4314 §2.1.1. */
export function rightsText(rights: Rights): string {
  const has = (letters: string): boolean => [...letters].some((letter) => rights.includes(letter))
  return `${rights}${has('kx') ? 'c' : ''}${has('te') ? 'd' : ''}`
}
