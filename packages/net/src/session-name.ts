import { randomBytes } from 'node:crypto'

const nameOctets = 9
/** In base64, without padding. */
const nameLetters = 12
/** Asking for random octets costs about as much for one name as for all of these. */
const namesAhead = 64

let names = ''
let at = 0

/** What a session is called in log lines: twelve letters of base64url, never the same twice. */
export function sessionName(): string {
  if (at === names.length) {
    names = randomBytes(nameOctets * namesAhead).toString('base64url')
    at = 0
  }
  at += nameLetters
  return names.slice(at - nameLetters, at)
}
