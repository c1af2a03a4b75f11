import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { appendToFile, type FileOutcome } from './append-file.ts'
import { type Attempt, actionOf, type DeliveryAgent, decided } from './attempt.ts'
import { localText, type OriginalTo } from './local-text.ts'
import type { LocalUser } from './local-user.ts'

export interface FileOptions {
  /** Postfix: default_privs. */
  readonly user: () => LocalUser
  /** Default: added. */
  readonly originalTo?: (() => OriginalTo) | undefined
  readonly now: () => number
}

const childFile = fileURLToPath(new URL('./append-file-child.ts', import.meta.url))
/** A disk that hangs. */
const childLimitMs = 300_000

/** `/file` and `/folder/` of aliases(5): mbox and Maildir, written as an unprivileged user. Postfix: local(8). */
export const fileAgent =
  (options: FileOptions): DeliveryAgent =>
  async (job) => {
    const attempts: Attempt[] = []
    for (const recipient of job.recipients) {
      const startedMs = performance.now()
      const user = options.user()
      const text = (form: 'mbox' | 'maildir') =>
        localText(job, recipient, { form, originalTo: options.originalTo?.() ?? 'added' }, options.now())
      const outcome =
        user.kind === 'none'
          ? { status: '4.3.5', text: `cannot write to files: ${user.reason}` }
          : user.kind === 'self'
            ? await appendToFile(job.nextHop, text, options.now)
            : await appendAs(user, job.nextHop, text(job.nextHop.endsWith('/') ? 'maildir' : 'mbox'))
      const action = outcome.status.startsWith('2') ? 'delivered' : actionOf(outcome.status)
      const verdict = { ...outcome, action, relay: 'local', nowMs: options.now() } as const
      attempts.push({ ...decided(recipient, verdict), transferMs: performance.now() - startedMs })
    }
    return attempts
  }

/** So that a message that breaks off is not taken for a whole one. */
function frame(octets: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(octets.length)
  return Buffer.concat([length, octets])
}

/** In a process of that user: root itself follows no path that others can bend. */
async function appendAs(
  { uid, gid }: Extract<LocalUser, { kind: 'other' }>,
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<FileOutcome> {
  const child = spawn(process.execPath, [childFile], {
    uid,
    gid,
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: childLimitMs,
    killSignal: 'SIGKILL',
  })
  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? `status ${code}`}`))
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (said.length < 4_096) said += chunk.toString('utf8')
  })
  async function* instructed(): AsyncGenerator<Uint8Array> {
    yield frame(Buffer.from(JSON.stringify({ path })))
    for await (const chunk of content) if (chunk.length > 0) yield frame(chunk)
    yield frame(Buffer.alloc(0))
  }
  await pipeline(Readable.from(instructed()), child.stdin).catch(() => {})
  const end = await closed
  const outcome = /^\{"status":"([245]\.\d+\.\d+)","text":"/.test(said)
    ? (JSON.parse(said) as FileOutcome)
    : undefined
  return outcome ?? { status: '4.3.0', text: `cannot write ${path}: the writer ${end}` }
}
