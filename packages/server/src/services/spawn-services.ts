import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Log } from '@posthorn/mail'
import { type LocalUser, signalGroup } from '@posthorn/mta'
import { listenForSockets, localSocketAnswers, type SocketListener } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import type { SpawnService } from '../config/services.ts'
import { makeFolders } from '../make-folders.ts'
import { timeLimitOf } from './time-limit.ts'

export interface SpawnServices {
  close(): Promise<void>
}

export interface SpawnParts {
  readonly config: Config
  readonly log: Log
  readonly userNamed: (name: string) => LocalUser
}

/**
 * Programs that serve one connection each on their standard input and output, `policyd-spf` for instance. Postfix:
 * spawn(8). One that cannot listen is told, and stops nothing else.
 */
export async function openSpawnServices({ config, log, userNamed }: SpawnParts): Promise<SpawnServices> {
  const running = new Set<ChildProcess>()
  const listeners: SocketListener[] = []
  for (const service of config.services.spawn) {
    const told = (text: string) =>
      void log({ level: 'warning', service: 'spawn', text: `${service.name}: ${text}` })
    try {
      if ('path' in service.place) await clearPath(service.place.path)
      listeners.push(
        await listenForSockets(service.place, { connections: service.processLimit }, (socket) => {
          const child = start(service, socket, userNamed(service.user), told)
          if (child === undefined) return
          running.add(child)
          const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), timeLimitOf(config, service.name))
          child.once('close', () => {
            clearTimeout(timer)
            running.delete(child)
          })
        }),
      )
    } catch (error) {
      told(`cannot listen: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return {
    close: async () => {
      const closed = listeners.map(async (listener) => await listener.close())
      for (const child of running) signalGroup(child, 'SIGTERM')
      await Promise.all(closed)
    },
  }
}

/** A socket that nobody listens at any more is replaced. */
async function clearPath(path: string): Promise<void> {
  makeFolders(dirname(path), 0o700)
  if (existsSync(path) && !(await localSocketAnswers(path))) rmSync(path)
}

function start(
  { argv }: SpawnService,
  socket: Duplex,
  user: LocalUser,
  told: (text: string) => void,
): ChildProcess | undefined {
  const [file = '', ...args] = argv
  if (user.kind === 'none') {
    told(user.reason)
    socket.destroy()
    return undefined
  }
  const child = spawn(file, args, {
    cwd: '/',
    // A group of its own, so that what it starts ends with it.
    detached: true,
    env: { PATH: '/usr/bin:/bin', LANG: 'C' },
    stdio: [socket, socket, 'ignore'],
    ...(user.kind === 'other' ? { uid: user.uid, gid: user.gid } : {}),
  })
  child.once('error', (error) => told(error.message))
  child.once('exit', (code, signal) => {
    if (code !== 0 && signal !== 'SIGTERM') told(`${file} ended with ${signal ?? `status ${code}`}`)
  })
  // The program has it now; ours is let go of.
  child.once('close', () => socket.destroy())
  return child
}
