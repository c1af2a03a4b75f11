import type { QueueId } from '@posthorn/storage'
import { askServer } from '../control-client.ts'
import { getopt } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { locateSite, type SiteOptions, withSite } from '../site.ts'
import { formatJson, formatQueue, queueEntries } from './queue-listing.ts'

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
      return flushQueue(shell, site, { queueId: flag.value as QueueId })
    default:
      return flushSite(shell, site, flag.value)
  }
}

function parse(args: readonly string[]) {
  try {
    return getopt(args, 'c:fi:jps:v', usage)
  } catch (error) {
    throw error instanceof CommandError ? new CommandError(error.message, exit.unavailable) : error
  }
}

export async function showQueue(
  shell: Shell,
  options: SiteOptions,
  form: 'columns' | 'json',
): Promise<number> {
  const { folder } = locateSite(shell, options)
  if ((await askServer(folder.controlSocket, { cmd: 'status' })) === undefined) {
    shell.err('postqueue: warning: Mail system is down -- accessing queue directly\n')
  }
  await withSite(shell, options, async ({ store }) => {
    const entries = queueEntries(store)
    if (form === 'json') for await (const entry of entries) shell.out(formatJson(entry))
    else for await (const text of formatQueue(entries)) shell.out(text)
  })
  return exit.ok
}

/** Makes mail due now and wakes the queue manager. */
export async function flushQueue(
  shell: Shell,
  options: SiteOptions,
  what: { readonly queueId?: QueueId; readonly nextHop?: string },
): Promise<number> {
  const { folder } = locateSite(shell, options)
  if ((await askServer(folder.controlSocket, { cmd: 'status' })) === undefined) {
    throw new CommandError('Cannot flush mail queue - mail system is down', exit.unavailable)
  }
  await withSite(shell, options, ({ store }) => store.queue.flush({ nowMs: shell.now(), ...what }))
  if (what.queueId === undefined && what.nextHop === undefined)
    await askServer(folder.controlSocket, { cmd: 'flush' })
  return exit.ok
}

/** Postfix serves ETRN and `-s` for fast_flush_domains only: the queue is no directory of strangers' sites. */
async function flushSite(shell: Shell, options: SiteOptions, name: string): Promise<number> {
  const { config } = locateSite(shell, options)
  const domain = name.replace(/^[@#]/, '').toLowerCase()
  const served = config.values.fast_flush_domains.map((one) => one.toLowerCase())
  if (!served.some((one) => domain === one || domain.endsWith(`.${one}`) || `.${domain}` === one)) {
    throw new CommandError(`Flush service is not configured for destination "${name}"`, exit.unavailable)
  }
  return flushQueue(shell, options, { nextHop: domain })
}
