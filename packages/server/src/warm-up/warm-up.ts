/**
 * The first thousands of commands after a start would be answered by code that V8 has not compiled yet, one and a
 * half to four times slower. So a server that has opened its ports, and has nothing to do, plays through what
 * clients do: on a scratch server of its own, by its real sessions. See docs/decisions/012-warm-up.md.
 */
import { statfsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@posthorn/mail'
import type { ComposedServer } from '../start/compose.ts'
import { collectGarbage } from './collect-garbage.ts'
import { driveImap } from './drive-imap.ts'
import { drivePop3 } from './drive-pop3.ts'
import { Pace } from './pace.ts'
import { openScratchServer } from './scratch-server.ts'

export interface WarmUpParts {
  readonly dataFolder: string
  readonly credentials: ComposedServer['credentials']
  readonly log: Log
  /** Connected at this moment. */
  readonly clients: () => number
  /** Default: the usual ones. */
  readonly amounts?: readonly Amounts[]
  /** On a disk with less room there is none: the scratch store must not take it from mail. */
  readonly minFreeBytes?: number
}

/** What is done on one scratch server. */
export interface Amounts {
  readonly appends: number
  readonly imapRounds: number
  readonly pop3Rounds: number
  /** That a POP3 client fetches. */
  readonly fetched: number
}

export interface WarmUp {
  /** Resolves when it is over, or was stopped; never rejects. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/**
 * Two servers after each other, first a little: what V8 compiles for functions of a first server it throws away
 * when it meets the same ones of a second. Then the real one is nothing new.
 */
const usualAmounts: readonly Amounts[] = [
  { appends: 40, imapRounds: 2, pop3Rounds: 2, fetched: 4 },
  { appends: 100, imapRounds: 8, pop3Rounds: 6, fetched: 40 },
]

/** A site that is busy from its first moment on needs none: its clients have warmed everything by then. */
const limitMs = 60_000

const usualMinFreeBytes = 256 * 1024 * 1024

/** Until whoever waited for the start has had his first answers. */
const settleMs = 200

export function startWarmUp(parts: WarmUpParts): WarmUp {
  const over = new AbortController()
  const limit = setTimeout(() => over.abort(), limitMs)
  limit.unref()
  const ended = warmUp(parts, over.signal).finally(() => clearTimeout(limit))
  return {
    ended,
    stop: async () => {
      over.abort()
      await ended
    },
  }
}

async function warmUp(parts: WarmUpParts, signal: AbortSignal): Promise<void> {
  const { dataFolder, clients, log, amounts = usualAmounts, minFreeBytes = usualMinFreeBytes } = parts
  const beganMs = performance.now()
  const pace = new Pace(clients, signal)
  try {
    await sleep(settleMs, undefined, { ref: false, signal })
    const { bavail, bsize } = statfsSync(dataFolder)
    if (bavail * bsize < minFreeBytes) throw new Error('the disk of the data folder is nearly full')
    for (const each of amounts) await play(parts, pace, each)
    await pace.alone()
    await collectGarbage()
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
    log({ level: 'debug', service: 'master', text: `warmed up in ${seconds} s` })
  } catch (error) {
    // Nobody waits for it.
    if (!signal.aborted) log({ level: 'debug', service: 'master', text: 'not warmed up', error })
  }
}

/** A function of its own: nothing of the server is held when it returns. */
async function play(
  { dataFolder, credentials }: WarmUpParts,
  pace: Pace,
  { appends, imapRounds, pop3Rounds, fetched }: Amounts,
): Promise<void> {
  const turn = async (): Promise<void> => await pace.turn()
  await turn()
  const server = await openScratchServer(dataFolder, credentials)
  try {
    await driveImap(server, turn, { rounds: imapRounds, appends })
    await drivePop3(server, turn, { rounds: pop3Rounds, messages: fetched })
  } finally {
    await server.close()
  }
}
