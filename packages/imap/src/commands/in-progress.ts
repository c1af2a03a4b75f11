import type { Session } from '../session/session.ts'

/** How far a piece of work has come; undefined where nobody knows. */
export interface Progress {
  done: number | undefined
  goal: number | undefined
}

/** What may take long and sends nothing until it is done: between its lines there is room for others. */
export const silentCommands: ReadonlySet<string> = new Set([
  ...['SEARCH', 'SORT', 'THREAD', 'COPY', 'MOVE', 'STORE', 'EXPUNGE'].flatMap((name) => [
    name,
    `UID ${name}`,
  ]),
  // Of large mailboxes these work through every message.
  ...['CLOSE', 'RENAME', 'DELETE'],
])

/** Whether a client that said that it sends no more still reads is found out by writing to it. */
const probeIntervalMs = 1_000

/** Tells the client now and then that work which sends nothing goes on. RFC 9585. */
export async function inProgress<T>(
  session: Pick<Session, 'tag' | 'services' | 'untagged' | 'endsAfterCommand'>,
  work: Promise<T>,
  progress: Progress = { done: undefined, goal: undefined },
): Promise<T> {
  const { tag } = session
  const { progressIntervalMs } = session.services.options()
  let toldMs = performance.now()
  const tell = (): void => {
    const nowMs = performance.now()
    if (nowMs - toldMs < progressIntervalMs && !session.endsAfterCommand) return
    toldMs = nowMs
    const { done, goal } = progress
    session.untagged(`OK [INPROGRESS ("${tag}" ${done ?? 'NIL'} ${goal ?? 'NIL'})] Still working on this`)
  }
  const timer = setInterval(tell, Math.min(progressIntervalMs, probeIntervalMs))
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
