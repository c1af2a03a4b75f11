import { networkTable, readHostAndPort } from './network-table.ts'
import { TableError, type TableType } from './table.ts'

const maxLineBytes = 4_096

/** `tcp:host:port`. tcp_table(5). */
export const tcp: TableType = (argument, spec, context) => {
  const address = readHostAndPort(argument)
  if (address === undefined) throw new TableError(spec, 'expected tcp:host:port')
  return networkTable(spec, context, {
    address,
    question: (key) => Buffer.from(`get ${encode(key)}\n`),
    answerLength(received) {
      const end = received.indexOf(0x0a)
      return end === -1 ? undefined : end + 1
    },
    read: readAnswer,
    maxAnswerBytes: maxLineBytes,
    timeoutMs: 100_000,
    tries: 2,
  })
}

/** `500 not found`, `400 try again`, `200 value`. */
function readAnswer(answer: Buffer): string | undefined {
  const [, code, text = ''] = /^(\d{3}) (.*?)\r?\n$/s.exec(answer.toString('latin1')) ?? []
  if (code === '500') return undefined
  const value = decode(text)
  if (code === '200' && value !== undefined) return value
  throw new Error(code === '400' ? (value ?? text) : `unexpected reply "${answer.toString('latin1').trim()}"`)
}

/** Blanks, `%` and what cannot be printed as `%20`. */
function encode(key: string): string {
  return Buffer.from(key)
    .toString('latin1')
    .replace(/[^!-$&-~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** undefined: a `%` without its two digits. */
function decode(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  const octets = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(octets, 'latin1').toString('utf8')
}
