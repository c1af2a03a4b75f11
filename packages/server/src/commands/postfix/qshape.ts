import { getopt, type Options } from '../getopt.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import { type AgeOptions, AgeTable } from './age-table.ts'
import { readQueue } from './postqueue.ts'
import { queueName } from './queue-listing.ts'

const usage =
  'qshape [ -s ] [ -p ] [ -m <min_subdomains> ] [ -l ] [ -b <bucket_count> ] [ -t <bucket_time> ] [ -w <terminal_width> ] [ -N <batch_msg_count> ] [ -n <batch_top_domains> ] [ -c <config_directory> ] [ <queue_name> ... ]'

const queues: ReadonlySet<string> = new Set(['maildrop', 'incoming', 'active', 'deferred', 'hold'])

/** Counts waiting mail by domain and age. Postfix: qshape(1), QSHAPE_README. */
export async function qshape(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'lhc:psw:b:t:m:n:N:', usage)
  if (options.has('h')) {
    shell.err(`Usage: ${usage}\n`)
    return exit.failure
  }
  const wanted = new Set(options.rest.length === 0 ? ['incoming', 'active'] : options.rest.map(nameOf))
  for (const name of wanted)
    if (!queues.has(name))
      throw new CommandError(`there is no queue "${name}": ${[...queues].slice(1).join(', ')}`)
  const table = new AgeTable(ageOptions(options), shell.now())
  await readQueue(shell, { config: options.value('c') }, async (entries) => {
    for await (const entry of entries) {
      if (!wanted.has(queueName(entry))) continue
      if (options.has('s')) table.add(entry.sender, entry.arrivedMs)
      else for (const { address } of entry.recipients) table.add(address, entry.arrivedMs)
    }
  })
  shell.out(table.text())
  return exit.ok
}

/** `/var/spool/postfix/deferred` is the queue of that name: folders there are none. */
const nameOf = (word: string): string => word.replace(/\/+$/, '').replace(/^.*\//, '')

function ageOptions(options: Options): AgeOptions {
  const positive = (flag: string, usual: number): number => {
    const given = Number(options.value(flag))
    return Number.isFinite(given) && given > 0 ? given : usual
  }
  return {
    bucketMinutes: positive('t', 5),
    buckets: Math.min(Math.floor(positive('b', 10)), 1_000),
    ages: options.has('l') ? 'linear' : 'doubling',
    parents: options.has('p') ? 'counted' : 'left out',
    minSubdomains: positive('m', 5),
    width: Math.max(positive('w', 80), 80),
    top: positive('n', 0),
  }
}
