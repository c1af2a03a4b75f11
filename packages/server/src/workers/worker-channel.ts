import type { Socket } from 'node:net'
import type { ClientActivity } from '@posthorn/mta'
import type { WakeBus } from '@posthorn/storage'
import type { MailServerPorts } from '../start/ports.ts'
import { StartError } from '../start-error.ts'
import type {
  Failure,
  PrimaryMessage,
  WorkerConfiguration,
  WorkerMessage,
  WorkerQuestion,
} from './messages.ts'
import { WakeLinks } from './wake-links.ts'

/** A worker's end of the channel to its primary. Without a primary (killed, crashed) the cluster ends the worker. */
export interface WorkerChannel {
  readonly configuration: Promise<WorkerConfiguration>
  /** To and from the other workers, and from commands of the shell. */
  readonly wakeBus: WakeBus
  /** Answers the primary's questions, also those that came before. */
  answer(answer: (question: WorkerQuestion) => Promise<unknown>): void
  /** What clients did, for the statistics of all workers. */
  tellActivity(activity: readonly ClientActivity[]): void
  sayReady(ports: MailServerPorts): void
  /** Resolves when the message is on its way: the process may end then. */
  sayFailed(error: unknown): Promise<void>
}

async function say(message: WorkerMessage): Promise<void> {
  if (!process.connected) return
  await new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
}

function failureOf(error: unknown): Failure {
  return {
    message: error instanceof Error ? error.message : String(error),
    remedy: error instanceof StartError ? error.remedy : 'see the log',
  }
}

export function openWorkerChannel(): WorkerChannel {
  const configuration = Promise.withResolvers<WorkerConfiguration>()
  const answerer = Promise.withResolvers<(question: WorkerQuestion) => Promise<unknown>>()
  const links = new WakeLinks()
  const reply = async (id: number, question: WorkerQuestion): Promise<void> => {
    const answer = await answerer.promise
    try {
      await say({ kind: 'answer', id, answer: (await answer(question)) ?? null })
    } catch (error) {
      await say({ kind: 'answer', id, answer: null, failure: failureOf(error) })
    }
  }
  process.on('message', (message: PrimaryMessage, socket?: Socket) => {
    if (message.kind === 'wake') links.receive(message.wake)
    else if (message.kind === 'peer') {
      if (socket !== undefined) links.add(socket)
    } else if (message.kind === 'alive') void say({ kind: 'alive' })
    else if (message.kind === 'begin') configuration.resolve(message.configuration)
    else if (message.kind === 'ask') void reply(message.id, message.question)
  })
  return {
    configuration: configuration.promise,
    wakeBus: links,
    answer: (answer) => answerer.resolve(answer),
    tellActivity: (activity) => void say({ kind: 'activity', activity }),
    sayReady: (ports) => void say({ kind: 'ready', ports }),
    sayFailed: async (error) => await say({ kind: 'failed', failure: failureOf(error) }),
  }
}
