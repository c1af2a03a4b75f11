import { decodeText, malformed, type SaslStep, type ServerMechanism } from './exchange.ts'

/** PLAIN: `[authzid] NUL authcid NUL passwd`, one message. RFC 4616 §2. */
export const plain: ServerMechanism = {
  name: 'PLAIN',
  plaintext: true,
  begin: (initial) =>
    initial === undefined
      ? { run, step: { kind: 'challenge', data: Buffer.alloc(0) } }
      : { run, step: readPlain(initial) },
}

const run = { respond: readPlain }

function readPlain(message: Buffer): SaslStep {
  const first = message.indexOf(0)
  const second = first < 0 ? -1 : message.indexOf(0, first + 1)
  if (second < 0) return malformed('PLAIN: expected authzid NUL authcid NUL password')
  const authzid = decodeText(message.subarray(0, first))
  const authcid = decodeText(message.subarray(first + 1, second))
  const password = decodeText(message.subarray(second + 1))
  if (authzid === undefined || authcid === undefined || password === undefined)
    return malformed('PLAIN: not UTF-8, or a NUL too many')
  if (authcid === '') return malformed('PLAIN: no user name')
  if (password === '') return malformed('PLAIN: no password')
  return { kind: 'credentials', credentials: { mechanism: 'PLAIN', authzid, authcid, password } }
}
