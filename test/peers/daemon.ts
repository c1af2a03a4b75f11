import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { eventually } from '../clients/mail-server.ts'

/** A daemon of Debian's in the foreground, for one test: its output in a file, ended by its own process. */
export interface Daemon {
  stop(): Promise<void>
}

/** Resolves when something answers at the Unix socket `socketPath`. */
export async function startDaemon(
  program: string,
  args: readonly string[],
  socketPath: string,
  logPath: string,
): Promise<Daemon> {
  const output = openSync(logPath, 'a')
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  await eventually(`${program} at ${socketPath}`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${readFileSync(logPath, 'utf8')}`)
    return await answers(socketPath)
  })
  return {
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 2_000)
      await ended
      clearTimeout(timer)
    },
  }
}

const answers = (path: string): Promise<true | undefined> =>
  new Promise((resolve) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(undefined))
  })
