import { createConnection } from 'node:net'

/** What saslauthd is asked about one login. Its own words: service is the name of a PAM file. */
export interface SaslauthdQuestion {
  /** Its socket: `/run/saslauthd/mux`. */
  readonly path: string
  readonly login: string
  readonly password: Uint8Array
  readonly service: string
  readonly realm: string
  /** For the whole answer; PAM waits some seconds before it refuses. */
  readonly timeoutMs: number
}

/** `error` says why there was no answer. */
export type SaslauthdAnswer =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'error'; readonly reason: string }

/** Cyrus SASL's saslauthd takes no more octets in a field. */
const maxFieldOctets = 256
const maxAnswerOctets = 65_537

/**
 * Asks a running saslauthd on its Unix socket: four counted strings, and one back that begins with `OK` or
 * `NO`. Never rejects.
 */
export function askSaslauthd(question: SaslauthdQuestion): Promise<SaslauthdAnswer> {
  const { path, login, password, service, realm, timeoutMs } = question
  const fields = [Buffer.from(login), Buffer.from(password), Buffer.from(service), Buffer.from(realm)]
  if (fields.some((field) => field.length > maxFieldOctets || field.includes(0)))
    return Promise.resolve({ kind: 'wrong' })
  const { promise, resolve } = Promise.withResolvers<SaslauthdAnswer>()
  const socket = createConnection({ path })
  const end = (answer: SaslauthdAnswer): void => {
    clearTimeout(deadline)
    socket.destroy()
    resolve(answer)
  }
  const deadline = setTimeout(() => end({ kind: 'error', reason: `no answer in ${timeoutMs} ms` }), timeoutMs)
  let received = Buffer.alloc(0)
  socket.on('error', (error) => end({ kind: 'error', reason: error.message }))
  socket.on('close', () => end({ kind: 'error', reason: 'closed without an answer' }))
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    const answer = readAnswer(received)
    if (answer !== undefined) end(answer)
    else if (received.length > maxAnswerOctets) end({ kind: 'error', reason: 'answer too long' })
  })
  socket.write(Buffer.concat(fields.flatMap((field) => [counted(field.length), field])))
  return promise
}

/** undefined: more to come. */
function readAnswer(received: Buffer): SaslauthdAnswer | undefined {
  if (received.length < 2) return undefined
  const length = received.readUInt16BE(0)
  if (received.length < 2 + length) return undefined
  const word = received.toString('latin1', 2, Math.min(4, 2 + length))
  if (word === 'OK') return { kind: 'right' }
  if (word === 'NO') return { kind: 'wrong' }
  return { kind: 'error', reason: 'answer is neither OK nor NO' }
}

function counted(length: number): Buffer {
  const octets = Buffer.alloc(2)
  octets.writeUInt16BE(length)
  return octets
}
