import { StartError } from '../start-error.ts'
import type { PrimaryMessage, WorkerMessage, WorkerQuestion } from './messages.ts'

function say(message: WorkerMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Tells the primary that this worker listens, or why it cannot. */
export const sayReady = (): void => say({ kind: 'ready' })

export function sayFailed(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  say({ kind: 'failed', message, remedy: error instanceof StartError ? error.remedy : 'see the log' })
}

/** Answers the primary's questions; without a primary (killed, crashed) the worker stops by itself. */
export function answerPrimary(answer: (question: WorkerQuestion) => Promise<unknown>): void {
  process.on('message', (message: PrimaryMessage) => {
    if (message.kind !== 'ask') return
    answer(message.question).then(
      (result) => say({ kind: 'answer', id: message.id, answer: result }),
      (error: unknown) => say({ kind: 'answer', id: message.id, answer: { error: String(error) } }),
    )
  })
  process.once('disconnect', () => void answer('stop'))
}
