import { isIP } from 'node:net'
import { isHostName } from '@posthorn/dns'
import type { QueueId, Store } from '@posthorn/storage'
import { flushableSite } from '../../config/flushable-site.ts'
import type { ListedEntry } from '../../control/public-server.ts'
import { maildropEntries } from '../../start/maildrop-listing.ts'
import { askServer } from '../control-client.ts'
import { getopt } from '../getopt.ts'
import { askPublic, publicQueue } from '../public-client.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, openToRead, type SiteOptions, withSite } from '../site.ts'
import { mayOpenStore } from './hand-over.ts'
import { formatJson, formatQueue, isQueueId, queueEntries } from './queue-listing.ts'

const usage = 'postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site'

/** Shows the queue and starts deliveries, whether the server runs or not. Postfix: postqueue(1). */
export async function postqueue(args: readonly string[], shell: Shell): Promise<number> {
  const options = parse(args)
  const site = { config: options.value('c') }
  const [flag, ...more] = options.flags.filter((one) => 'fijps'.includes(one.flag))
  if (flag === undefined || more.length > 0 || options.rest.length > 0) {
    throw new CommandError(`usage: ${usage}`, exit.unavailable)
  }
  switch (flag.flag) {
    case 'p':
      return showQueue(shell, site, 'columns')
    case 'j':
      return showQueue(shell, site, 'json')
    case 'f':
      return flushQueue(shell, site, {})
    case 'i':
      return flushMessage(shell, site, flag.value)
    default:
      return flushSite(shell, site, flag.value)
  }
}

function parse(args: readonly string[]) {
  try {
    return getopt(args, 'c:fi:jps:v', usage)
  } catch (error) {
    throw error instanceof CommandError
      ? new CommandError(error.message, exit.unavailable, error.notice)
      : error
  }
}

export async function showQueue(
  shell: Shell,
  options: SiteOptions,
  form: 'columns' | 'json',
): Promise<number> {
  await readQueue(shell, options, async (entries) => {
    if (form === 'json') for await (const entry of entries) shell.out(formatJson(entry))
    else for await (const text of formatQueue(entries)) shell.out(text)
  })
  return exit.ok
}

/** All that waits, from the running server or the store. */
export async function readQueue(
  shell: Shell,
  options: SiteOptions,
  show: (entries: AsyncIterable<ListedEntry>) => Promise<void>,
): Promise<void> {
  const { folder } = locateSite(shell, options)
  // Who asks the server need not load the store, and sees the first line the sooner.
  const owner = mayOpenStore(folder.path)
  const rest = owner ? async (last: ListedEntry) => await restOfQueue(shell, options, last) : undefined
  const entries = await publicQueue(folder.publicSocket, shell, rest).catch((error: unknown) => {
    // authorized_mailq_users is for others than the server's own user.
    if (owner) return undefined
    throw error
  })
  if (entries !== undefined) {
    await show(entries)
    return
  }
  if (!owner) throw new CommandError('Queue report unavailable - mail system is down', exit.unavailable)
  if ((await askServer(folder.controlSocket, { cmd: 'status' })) === undefined)
    shell.err('postqueue: warning: Mail system is down -- accessing queue directly\n')
  await withSite(shell, options, async ({ store }) => await show(withMaildrop(folder.maildrop, store)))
}

async function* withMaildrop(maildrop: string, store: Store): AsyncGenerator<ListedEntry> {
  yield* queueEntries(store)
  yield* await maildropEntries(maildrop)
}

/** A long queue is read here: the server has better to do. undefined: the store cannot be opened. */
async function restOfQueue(
  shell: Shell,
  options: SiteOptions,
  last: ListedEntry,
): Promise<AsyncIterable<ListedEntry> | undefined> {
  const store = await openToRead(shell, options).catch(() => undefined)
  return store === undefined ? undefined : closing(queueEntries(store, last), store)
}

async function* closing(
  entries: AsyncIterable<ListedEntry>,
  store: { close(): Promise<void> },
): AsyncGenerator<ListedEntry> {
  try {
    yield* entries
  } finally {
    await store.close()
  }
}

const isDown = (): never => {
  throw new CommandError('Cannot flush mail queue - mail system is down', exit.unavailable)
}

/** Makes mail due now and wakes the queue manager. */
export async function flushQueue(
  shell: Shell,
  options: SiteOptions,
  what: { readonly queueId?: QueueId; readonly nextHop?: string },
): Promise<number> {
  const { folder } = locateSite(shell, options)
  if (!mayOpenStore(folder.path)) {
    const { queueId, nextHop } = what
    const question =
      nextHop === undefined
        ? { cmd: 'flush' as const, ...(queueId === undefined ? {} : { queueId }) }
        : { cmd: 'flushSite' as const, site: nextHop }
    return (await askPublic(folder.publicSocket, question, shell)) === undefined ? isDown() : exit.ok
  }
  if (what.nextHop !== undefined) {
    // The server knows where tables lead.
    const asked = await askServer(folder.controlSocket, { cmd: 'flushDomain', domain: what.nextHop })
    return asked?.ok === true ? exit.ok : isDown()
  }
  if ((await askServer(folder.controlSocket, { cmd: 'status' })) === undefined) isDown()
  await withSite(shell, options, ({ store }) => store.queue.flush({ nowMs: shell.now(), ...what }))
  if (what.queueId === undefined) await askServer(folder.controlSocket, { cmd: 'flush' })
  return exit.ok
}

export async function flushMessage(shell: Shell, options: SiteOptions, name: string): Promise<number> {
  if (!isQueueId(name))
    throw new CommandError(`Cannot flush queue ID - invalid name: "${name}"`, exit.unavailable)
  return flushQueue(shell, options, { queueId: name })
}

export async function flushSite(shell: Shell, options: SiteOptions, name: string): Promise<number> {
  const literal = /^\[(?:IPv6:(.*:.*)|([\d.]+))\]$/i.exec(name)
  const isDestination =
    literal === null ? isHostName(name) && isIP(name) === 0 : isIP(literal[1] ?? literal[2] ?? '') !== 0
  if (!isDestination)
    throw new CommandError(`Cannot flush mail queue - invalid destination: "${name}"`, exit.unavailable)
  const domain = await flushableSite(locateSite(shell, options).config, name)
  if (domain === undefined)
    throw new CommandError(`Flush service is not configured for destination "${name}"`, exit.unavailable)
  return flushQueue(shell, options, { nextHop: domain })
}
