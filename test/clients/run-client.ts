import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ClientCall {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
}

/** Runs a real client as an administrator would type it. Its own configuration of this machine is not read. */
export async function runClient(
  command: string,
  args: readonly string[],
  call: ClientCall = {},
): Promise<Ran> {
  const child = spawn(command, [...args], {
    cwd: call.cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
      HOME: call.cwd ?? tmpdir(),
      ...call.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.on('error', () => {})
  child.stdin.end(call.input ?? '')
  const timer = setTimeout(() => child.kill('SIGKILL'), call.timeoutMs ?? 60_000)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearTimeout(timer)
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** As `runClient`, and throws with all that the client said when its exit code is not one of `wanted`. */
export async function mustRun(
  command: string,
  args: readonly string[],
  call: ClientCall = {},
  wanted: readonly number[] = [0],
): Promise<Ran> {
  const ran = await runClient(command, args, call)
  if (ran.code === null || !wanted.includes(ran.code))
    throw new Error(`${command} ${args.join(' ')} ended with ${ran.code}\n${ran.stdout}\n${ran.stderr}`)
  return ran
}

export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-client-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
