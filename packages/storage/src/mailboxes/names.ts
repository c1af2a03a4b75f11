import { StoreError } from '../contract.ts'

export const separator = '/'
const maxNameBytes = 1000
const maxDepth = 32

/** NFC, `INBOX` in any case as `INBOX`. Throws 'invalid-name'. */
export const normalizeName = (name: string): string => {
  // Before anything is made of it; composing makes a name at most this much shorter.
  if (name.length > 4 * maxNameBytes) fail(name, `longer than ${maxNameBytes} octets`)
  const normal = name.normalize('NFC')
  const [first = '', ...rest] = normal.split(separator)
  // ASCII only: toUpperCase would make INBOX of a name with a dotless i.
  const levels = [/^inbox$/i.test(first) ? 'INBOX' : first, ...rest]
  if (levels.some((level) => level === '')) fail(name, 'a level of the hierarchy is empty')
  // Nothing here takes them for folders; where mail is exported to, something may.
  if (levels.some((level) => level === '.' || level === '..'))
    fail(name, 'a level of the hierarchy is . or ..')
  if (levels.length > maxDepth) fail(name, `more than ${maxDepth} levels`)
  if (hasControl(normal)) fail(name, 'control characters are not allowed')
  if (!normal.isWellFormed()) fail(name, 'it is not Unicode')
  if (Buffer.byteLength(normal) > maxNameBytes) fail(name, `longer than ${maxNameBytes} octets`)
  return levels.join(separator)
}

const fail = (name: string, why: string): never => {
  throw new StoreError('invalid-name', `Cannot use mailbox name "${name.slice(0, 80)}": ${why}`)
}

const hasControl = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 || (code >= 127 && code < 160)) return true
  }
  return false
}

/** `a/b/c` → `a`, `a/b`. */
export const parentsOf = (name: string): string[] => {
  const levels = name.split(separator)
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join(separator))
}

/** INBOX first, then by code point. */
export const compareNames = (a: string, b: string): number => {
  if (a === b) return 0
  if (a === 'INBOX') return -1
  if (b === 'INBOX') return 1
  return a < b ? -1 : 1
}
