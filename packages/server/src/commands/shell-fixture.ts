import { Readable, Writable } from 'node:stream'
import type { Shell } from './shell.ts'

export interface ShellFixture extends Shell {
  output(): string
  errors(): string
}

/** For tests: a shell in memory. */
export function createShellFixture(
  options: {
    readonly environment?: Record<string, string>
    readonly input?: string
    readonly answers?: string[]
  } = {},
): ShellFixture {
  const out: Uint8Array[] = []
  let err = ''
  return {
    environment: options.environment ?? {},
    out: (text) => {
      out.push(Buffer.from(text))
    },
    outBytes: (octets) => {
      out.push(octets)
    },
    err: (text) => {
      err += text
    },
    readInput: async (limitBytes) => {
      const input = Buffer.from(options.input ?? '')
      return input.length > limitBytes ? undefined : input
    },
    get inputStream() {
      return Readable.from([Buffer.from(options.input ?? '')])
    },
    outputStream: new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        out.push(chunk)
        done()
      },
    }),
    terminal: undefined,
    ask: async () => options.answers?.shift(),
    now: Date.now,
    uid: 1000,
    userName: 'carol',
    fullName: '',
    output: () => Buffer.concat(out).toString(),
    errors: () => err,
  }
}
