import { askLocalSocket } from '@posthorn/net/local-socket'
import { errorCode } from '../start-error.ts'
import { CommandError, exit } from './shell.ts'

/** See control-server.ts for the protocol. */
export type ControlQuestion =
  | { readonly cmd: 'status' | 'stats' | 'reload' | 'stop' | 'flush' }
  | { readonly cmd: 'who' | 'kick'; readonly user?: string; readonly network?: string }
  | { readonly cmd: 'wake'; readonly wake: unknown }
  | { readonly cmd: 'flushDomain'; readonly domain: string }

export interface ControlAnswer {
  readonly ok: boolean
  readonly error?: string
  readonly [field: string]: unknown
}

/**
 * Asks the running server; undefined when none runs. Throws CommandError when it may not be asked or does
 * not answer in time.
 */
export async function askServer(
  socketPath: string,
  question: ControlQuestion,
  timeoutMs = 30_000,
  maxAnswerBytes?: number,
): Promise<ControlAnswer | undefined> {
  try {
    const answer = await askLocalSocket(socketPath, question, timeoutMs, maxAnswerBytes)
    if (typeof answer === 'object' && answer !== null && 'ok' in answer) return answer as ControlAnswer
    throw new CommandError(`the server's answer at ${socketPath} cannot be read`, exit.software)
  } catch (error) {
    if (error instanceof CommandError) throw error
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CommandError(
        `${socketPath}: permission denied (run this as the server's user or root)`,
        exit.noPermission,
      )
    }
    throw new CommandError(`the server at ${socketPath} does not answer: ${messageOf(error)}`, exit.tempFail)
  }
}

/** The answer of an action that succeeded; its error as CommandError. */
export function successful(answer: ControlAnswer): ControlAnswer {
  if (!answer.ok) throw new CommandError(answer.error ?? 'refused')
  return answer
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
