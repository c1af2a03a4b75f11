import { setTimeout } from 'node:timers/promises'
import type { QueueChange, QueueId, QueuePlace, Store } from '@posthorn/storage'
import { getopt } from '../getopt.ts'
import { CommandError, readLines, type Shell } from '../shell.ts'
import { locateSite, withSite } from '../site.ts'
import { mayOpenStore } from './hand-over.ts'
import { isQueueId, queueEntries, queueName } from './queue-listing.ts'

const usage =
  'postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]'

interface Action {
  /** `placed on hold`: said of each message. */
  readonly done: string
  /** Where it looks when no queue is named. */
  readonly queues: readonly string[]
  readonly change: () => QueueChange
}

const everywhere = ['hold', 'incoming', 'active', 'deferred']

const actions = {
  /** There is no other queue to move it to: it is released and due now. */
  requeue: { done: 'requeued', queues: everywhere, change: () => ({ kind: 'requeue', nowMs: Date.now() }) },
  remove: { done: 'removed', queues: everywhere, change: () => ({ kind: 'remove' }) },
  expire: { done: 'expired', queues: everywhere, change: () => ({ kind: 'expire', nowMs: Date.now() }) },
  hold: {
    done: 'placed on hold',
    queues: ['incoming', 'active', 'deferred'],
    change: () => ({ kind: 'hold' }),
  },
  release: { done: 'released from hold', queues: ['hold'], change: () => ({ kind: 'release' }) },
} satisfies Readonly<Record<string, Action>>

type ActionName = keyof typeof actions

const flags: Readonly<Record<string, readonly ActionName[]>> = {
  d: ['remove'],
  e: ['expire'],
  f: ['expire', 'release'],
  h: ['hold'],
  H: ['release'],
  r: ['requeue'],
}

/** In the order in which they are told at the end. */
const totals: Readonly<Record<ActionName, string>> = {
  requeue: 'Requeued',
  remove: 'Deleted',
  expire: 'Force-expired',
  hold: 'Placed on hold',
  release: 'Released from hold',
}

/** What this command can change; maildrop is not for its hands, and always empty here. */
const knownQueues = [...everywhere, 'maildrop']

/** Deletes, holds, releases and requeues messages. Postfix: postsuper(1). */
export async function postsuper(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'c:d:e:f:h:H:pr:sSv', usage)
  const strange = options.rest.find((queue) => !knownQueues.includes(queue))
  if (strange !== undefined) throw new CommandError(`invalid directory name: ${strange}`)
  const wanted = options.flags.flatMap(({ flag, value }) => {
    const names = flags[flag]
    return names === undefined ? [] : [{ names, value }]
  })
  // Nothing to mend: the files of a queue have no structure here that could be wrong.
  if (wanted.length === 0) return 0
  const place = { config: options.value('c') }
  if (!mayOpenStore(locateSite(shell, place).folder.path))
    throw new CommandError('use of this command is reserved for the superuser')
  return withSite(shell, place, async ({ store }) => {
    const counts = new Map<ActionName, number>()
    for (const { names, value } of wanted) {
      for (const name of names) counts.set(name, counts.get(name) ?? 0)
      const invalid = (id: string) => {
        for (const _ of names) shell.err(`postsuper: warning: invalid mail queue id: ${id}\n`)
      }
      for await (const ids of together(queueIds(value, { store, shell, queues: options.rest, invalid })))
        for (const name of names) {
          const changed = await applyTo(ids, actions[name], store, options.rest)
          if (value !== 'ALL')
            for (const id of changed) shell.err(`postsuper: ${id}: ${actions[name].done}\n`)
          counts.set(name, (counts.get(name) ?? 0) + changed.length)
        }
    }
    for (const name of Object.keys(totals) as ActionName[]) {
      const count = counts.get(name)
      if (count !== undefined)
        shell.err(`postsuper: ${totals[name]}: ${count} message${count === 1 ? '' : 's'}\n`)
    }
    return 0
  })
}

/** Those that were changed. */
async function applyTo(
  ids: readonly QueueId[],
  { change }: Action,
  store: Store,
  queues: readonly string[],
): Promise<readonly QueueId[]> {
  const chosen = queues.length === 0 ? ids : await within(ids, store, queues)
  const changed = new Set(await store.queue.changeMany(chosen, change()))
  return ids.filter((id) => changed.has(id))
}

/** Those that are in one of the queues. */
async function within(
  ids: readonly QueueId[],
  store: Store,
  queues: readonly string[],
): Promise<readonly QueueId[]> {
  const entries = await Promise.all(ids.map((id) => store.queue.get(id)))
  return ids.filter((_, at) => {
    const entry = entries[at]
    return entry !== undefined && queues.includes(queueName(entry))
  })
}

/** Messages of one unit of work: each for itself would wait for the disk 100,000 times, and others for many. */
const atOnce = 200
/** Between two units a server that waits for the store has its turn: who unlocks it would have it again at once. */
const restMs = 2
const placesPage = 5_000

async function* together(ids: AsyncIterable<QueueId>): AsyncGenerator<readonly QueueId[]> {
  let some = new Set<QueueId>()
  for await (const id of ids) {
    some.add(id)
    if (some.size < atOnce) continue
    yield [...some]
    some = new Set()
    await setTimeout(restMs)
  }
  yield [...some]
}

interface Wanted {
  readonly store: Store
  readonly shell: Shell
  /** Named on the command line; none: those of the action. */
  readonly queues: readonly string[]
  readonly invalid: (id: string) => void
}

/** @param queues none: whatever there is; the change itself knows what it is for. */
async function allIds(store: Store, queues: readonly string[]): Promise<QueueId[]> {
  const found: QueueId[] = []
  if (queues.length > 0) {
    for await (const entry of queueEntries(store))
      if (queues.includes(queueName(entry))) found.push(entry.queueId)
    return found
  }
  for (let behind: QueuePlace | undefined; ; ) {
    const page = await store.queue.places(behind, placesPage)
    for (const { queueId } of page) found.push(queueId)
    behind = page.at(-1)
    if (page.length < placesPage) return found
  }
}

/** `-` is a list on standard input, `ALL` everything in the queues. */
async function* queueIds(value: string, { store, shell, queues, invalid }: Wanted): AsyncGenerator<QueueId> {
  if (value === 'ALL') {
    // All first: what is changed may stand elsewhere in the queue then. Rows that lie together are read together.
    yield* (await allIds(store, queues)).toSorted()
    return
  }
  for (const id of value === '-' ? await linesOf(shell) : [value]) {
    if (isQueueId(id)) yield id
    else invalid(id)
  }
}

async function linesOf(shell: Shell): Promise<readonly string[]> {
  const lines = (await readLines(shell)).toString('latin1').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) => line.replace(/\r$/, ''))
}
