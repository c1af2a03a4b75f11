import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { eventually } from '../clients/mail-server.ts'

/** A daemon of Debian's in the foreground, for one test: its output in a file, ended by its own process. */
export interface Daemon {
  stop(): Promise<void>
}

/** Resolves when something answers at the Unix socket, or at the port of 127.0.0.1. */
export async function startDaemon(
  program: string,
  args: readonly string[],
  place: string | { readonly port: number },
  logPath: string,
): Promise<Daemon> {
  const output = openSync(logPath, 'a')
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  await eventually(`${program} at ${typeof place === 'string' ? place : place.port}`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${readFileSync(logPath, 'utf8')}`)
    return await answers(place)
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

const answers = (place: string | { readonly port: number }): Promise<true | undefined> =>
  new Promise((resolve) => {
    const probe = createConnection(
      typeof place === 'string' ? { path: place } : { ...place, host: '127.0.0.1' },
    )
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(undefined))
  })
