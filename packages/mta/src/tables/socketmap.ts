import { networkTable, readHostAndPort } from './network-table.ts'
import { TableError, type TableType } from './table.ts'

const maxReplyBytes = 100_000
const expected = 'expected socketmap:inet:host:port:name or socketmap:unix:/path:name'

/** `socketmap:inet:host:port:name`, `socketmap:unix:/path:name`: netstrings. socketmap_table(5). */
export const socketmap: TableType = (argument, spec, context) => {
  const nameAt = argument.lastIndexOf(':')
  const name = argument.slice(nameAt + 1)
  const [, kind, place = ''] = /^(inet|unix|local):(.+)$/.exec(argument.slice(0, Math.max(0, nameAt))) ?? []
  const inet = kind === 'inet' ? readHostAndPort(place) : undefined
  const address = kind === 'unix' || kind === 'local' ? ({ kind: 'unix', path: place } as const) : inet
  if (address === undefined || name === '') throw new TableError(spec, expected)
  return networkTable(spec, context, {
    address,
    question: (key) => netstring(`${name} ${key}`),
    answerLength: netstringLength,
    read: readAnswer,
    maxAnswerBytes: maxReplyBytes + 16,
    timeoutMs: 100_000,
    tries: 2,
  })
}

function netstring(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text)}:${text},`)
}

/** Throws when it cannot become a netstring. */
function netstringLength(received: Buffer): number | undefined {
  const head = received.toString('latin1', 0, 8)
  const [whole, digits] = /^(\d{1,6}):/.exec(head) ?? []
  if (whole === undefined) {
    // What cannot go on to a length is an answer at once, and a bad one.
    return /^\d{0,6}$/.test(head) ? undefined : received.length
  }
  const length = whole.length + Number(digits) + 1
  if (Number(digits) > maxReplyBytes) return received.length
  return received.length < length ? undefined : length
}

/** `OK value`, `NOTFOUND `, and `TEMP`, `TIMEOUT`, `PERM` with a reason. */
function readAnswer(answer: Buffer): string | undefined {
  const [, status, text = ''] = /^\d{1,6}:([A-Z]+) (.*),$/s.exec(answer.toString('utf8')) ?? []
  if (status === 'OK') return text
  if (status === 'NOTFOUND') return undefined
  throw new Error(status === undefined ? 'bad netstring' : `${status} ${text}`)
}
