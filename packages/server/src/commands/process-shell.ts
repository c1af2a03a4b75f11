import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { errorCode } from '../start-error.ts'
import { CommandError, exit, type Shell } from './shell.ts'

/** As a shell says of a program ended by SIGINT. */
const interruptedCode = 130

/** The real world. */
export function processShell(): Shell {
  // `mailq | head`: nobody reads on, so there is nothing left to do.
  process.stdout.on('error', (error) => process.exit(errorCode(error) === 'EPIPE' ? exit.ok : exit.failure))
  return {
    environment: process.env,
    out: (text) => {
      process.stdout.write(text)
    },
    outBytes: (octets) => {
      process.stdout.write(octets)
    },
    err: (text) => {
      process.stderr.write(text)
    },
    readInput,
    get inputStream() {
      return process.stdin
    },
    outputStream: process.stdout,
    terminal: process.stderr.isTTY ? process.stderr : undefined,
    ask,
    now: Date.now,
    uid: process.getuid?.() ?? 0,
    get userName() {
      return userName()
    },
    get fullName() {
      return fullName()
    },
  }
}

async function readInput(limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of process.stdin) {
    sizeBytes += chunk.length
    if (sizeBytes > limitBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Readline edits the line; for a password its echo goes nowhere. */
async function ask(prompt: string, kind: 'visible' | 'hidden'): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined
  process.stderr.write(prompt)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({
    input: process.stdin,
    output: kind === 'hidden' ? nowhere : process.stderr,
    terminal: true,
  })
  try {
    return await lines.question('')
  } catch {
    // Ctrl-C; a closed terminal too.
    throw new CommandError('interrupted', interruptedCode)
  } finally {
    lines.close()
    if (kind === 'hidden') process.stderr.write('\n')
  }
}

/** A uid without a name (containers) is a name too. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}

/** NAME in the environment, or what passwd(5) says of the user, as far as the first comma. Postfix: sendmail(1) -F. */
function fullName(): string {
  const { NAME } = process.env
  if (NAME !== undefined && NAME !== '') return NAME
  const name = userName()
  const line = passwdLines().find((one) => one.startsWith(`${name}:`))
  const gecos = line?.split(':')[4]?.split(/[,(%]/, 1)[0] ?? ''
  return gecos.replaceAll('&', name.charAt(0).toUpperCase() + name.slice(1)).trim()
}

function passwdLines(): readonly string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n')
  } catch {
    return []
  }
}
