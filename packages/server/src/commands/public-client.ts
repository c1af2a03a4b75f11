import { mkdirSync, rmdirSync } from 'node:fs'
import { askLocalSocket } from '@posthorn/net/local-socket'
import type { QueueId } from '@posthorn/storage'
import type { ListedEntry } from '../control/public-server.ts'
import { errorCode } from '../start-error.ts'
import { CommandError, exit, type Shell } from './shell.ts'

/** See public-server.ts for the protocol. */
export type PublicQuestion =
  | { readonly cmd: 'up' | 'pickup' }
  | { readonly cmd: 'mailq'; readonly after?: QueueId }
  | { readonly cmd: 'flush'; readonly queueId?: QueueId }
  | { readonly cmd: 'flushSite'; readonly site: string }

interface Answer {
  readonly ok?: boolean
  readonly denied?: boolean
  readonly error?: string
  readonly [field: string]: unknown
}

const timeoutMs = 30_000
/** So many pages of a queue are asked for; whoever may reads the rest without the server. */
const pagesOfServer = 10
const maxPageBytes = 64 << 20

/** undefined: no server, or none that this user may reach. */
async function ask(socket: string, question: object): Promise<Answer | undefined> {
  try {
    return (await askLocalSocket(socket, question, timeoutMs, maxPageBytes)) as Answer
  } catch (error) {
    const code = errorCode(error)
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(code)) return undefined
    if (code === 'EACCES')
      throw new CommandError(
        `${socket}: permission denied (chmod o+x on the data folder lets users pass through)`,
        exit.noPermission,
      )
    throw new CommandError(
      `the server at ${socket} does not answer: ${error instanceof Error ? error.message : String(error)}`,
      exit.tempFail,
    )
  }
}

/** Asks as an ordinary user; shows who that is when the server wants to know. undefined: no server. */
export async function askPublic(
  socket: string,
  question: PublicQuestion,
  shell: Shell,
): Promise<Answer | undefined> {
  const answer = await ask(socket, question)
  if (answer === undefined || answer.ok === true) return answer
  if (answer.denied !== true) throw new CommandError(answer.error ?? 'refused')
  const proved = await withProof(socket, async (proof) => await ask(socket, { ...question, proof }))
  if (proved?.ok === true) return proved
  throw new CommandError(
    `User ${shell.userName}(${shell.uid}) is not allowed to ${question.cmd === 'mailq' ? 'view' : 'flush'} the mail queue`,
    exit.noPermission,
  )
}

async function withProof(
  socket: string,
  work: (proof: string) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  const { folder, proof } = (await ask(socket, { cmd: 'who' })) ?? {}
  if (typeof folder !== 'string' || typeof proof !== 'string') return undefined
  mkdirSync(folder, { mode: 0o700 })
  try {
    return await work(proof)
  } finally {
    rmdirSync(folder)
    await ask(socket, { cmd: 'done', proof })
  }
}

/** What stands in the queue behind an entry, without the server; undefined: it has to be asked. */
export type RestOfQueue = (last: ListedEntry) => Promise<AsyncIterable<ListedEntry> | undefined>

/** The queue page by page; undefined: no server. */
export async function publicQueue(
  socket: string,
  shell: Shell,
  rest?: RestOfQueue,
): Promise<AsyncIterable<ListedEntry> | undefined> {
  const first = await askPublic(socket, { cmd: 'mailq' }, shell)
  return first === undefined ? undefined : wholeQueue(first, socket, shell, rest)
}

async function* wholeQueue(
  first: Answer,
  socket: string,
  shell: Shell,
  rest: RestOfQueue | undefined,
): AsyncGenerator<ListedEntry> {
  yield* pages(first, socket, shell, rest)
  if (Array.isArray(first['waiting'])) yield* first['waiting']
}

async function* pages(
  first: Answer,
  socket: string,
  shell: Shell,
  rest: RestOfQueue | undefined,
): AsyncGenerator<ListedEntry> {
  let asked = 1
  for (let answer: Answer | undefined = first; ; asked++) {
    const entries: readonly ListedEntry[] = Array.isArray(answer?.['entries']) ? answer['entries'] : []
    yield* entries
    const last = entries.at(-1)
    if (last === undefined) return
    const others = asked === pagesOfServer ? await rest?.(last) : undefined
    if (others !== undefined) {
      yield* others
      return
    }
    answer = await askPublic(socket, { cmd: 'mailq', after: last.queueId }, shell)
  }
}
