import type { QueueId, Store } from '@posthorn/storage'
import { getopt } from '../getopt.ts'
import { CommandError, readLines, type Shell } from '../shell.ts'
import { withSite } from '../site.ts'
import { queueEntries, queueName } from './queue-listing.ts'

const usage =
  'postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id (expire, un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] [-r queue_id (requeue)] [queue_directory...]'

interface Action {
  /** `placed on hold`: logged for each. */
  readonly done: string
  /** `Placed on hold: 1 message`: told at the end. */
  readonly total: string
  /** False: not there, or nothing to do. */
  apply(store: Store, id: QueueId): Promise<boolean>
}

const actions: Readonly<Record<string, Action>> = {
  d: { done: 'removed', total: 'Deleted', apply: (store, id) => store.queue.remove(id) },
  h: { done: 'placed on hold', total: 'Placed on hold', apply: (store, id) => hold(store, id, 'held') },
  H: {
    done: 'released from hold',
    total: 'Released from hold',
    apply: (store, id) => hold(store, id, 'released'),
  },
  e: {
    done: 'expired',
    total: 'Force-expired',
    apply: (store, id) => store.queue.expire(id, Date.now()),
  },
  f: {
    done: 'expired',
    total: 'Force-expired',
    apply: (store, id) => expireReleased(store, id),
  },
  r: { done: 'requeued', total: 'Requeued', apply: requeue },
}

/** Deletes, holds, releases and requeues messages. Postfix: postsuper(1). */
export async function postsuper(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'c:d:e:f:h:H:pr:sSv', usage)
  const wanted = options.flags.filter((one) => one.flag in actions)
  if (wanted.length === 0 && !['p', 's', 'S'].some((flag) => options.has(flag)))
    throw new CommandError(`usage: ${usage}`)
  return withSite(shell, { config: options.value('c') }, async ({ store }) => {
    const counts = new Map<Action, number>()
    for (const { flag, value } of wanted) {
      const action = actions[flag]
      if (action === undefined) continue
      counts.set(action, counts.get(action) ?? 0)
      for await (const ids of together(queueIds(value, store, shell))) {
        const applied = await Promise.all(ids.map((id) => action.apply(store, id)))
        const changed = ids.filter((_, at) => applied[at])
        if (value.slice(0, 3) !== 'ALL')
          for (const id of changed) shell.err(`postsuper: ${id}: ${action.done}\n`)
        counts.set(action, (counts.get(action) ?? 0) + changed.length)
      }
    }
    for (const [action, count] of counts) {
      shell.err(`postsuper: ${action.total}: ${count} message${count === 1 ? '' : 's'}\n`)
    }
    return 0
  })
}

/** Messages whose changes go to the disk together: each for itself would wait for it 100,000 times. */
const atOnce = 100

async function* together(ids: AsyncIterable<QueueId>): AsyncGenerator<readonly QueueId[]> {
  let some = new Set<QueueId>()
  for await (const id of ids) {
    some.add(id)
    if (some.size < atOnce) continue
    yield [...some]
    some = new Set()
  }
  yield [...some]
}

/** `-` is a list on standard input, `ALL` everything, `ALL deferred` what stands there. */
async function* queueIds(value: string, store: Store, shell: Shell): AsyncGenerator<QueueId> {
  if (value === '-') {
    for (const line of (await readLines(shell)).toString('latin1').split('\n')) {
      const id = line.trim().split(/\s/, 1)[0] ?? ''
      if (isQueueId(id)) yield id
    }
    return
  }
  const [all, only] = value.split(/\s+/)
  if (all !== 'ALL') {
    if (isQueueId(value)) yield value
    return
  }
  // All first: what is changed may stand elsewhere in the queue then.
  const found: QueueId[] = []
  for await (const entry of queueEntries(store))
    if (only === undefined || queueName(entry) === only) found.push(entry.queueId)
  yield* found
}

function isQueueId(text: string): text is QueueId {
  return /^[A-Za-z0-9]{1,64}$/.test(text)
}

async function hold(store: Store, id: QueueId, to: 'held' | 'released'): Promise<boolean> {
  const entry = await store.queue.get(id)
  if (entry === undefined || entry.hold === (to === 'held')) return false
  return store.queue.setHold(id, to)
}

/** As -e, for a message on hold too. */
async function expireReleased(store: Store, id: QueueId): Promise<boolean> {
  const released = await hold(store, id, 'released')
  return (await store.queue.expire(id, Date.now())) || released
}

/** There is no other queue to move it to: it is released and due now. */
async function requeue(store: Store, id: QueueId): Promise<boolean> {
  const entry = await store.queue.get(id)
  if (entry === undefined) return false
  if (entry.hold) await store.queue.setHold(id, 'released')
  await store.queue.flush({ nowMs: Date.now(), queueId: id })
  return true
}
