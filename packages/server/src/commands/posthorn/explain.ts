import type { QueueEntry, QueueId } from '@posthorn/storage'
import type { Command } from 'commander'
import { type LogLine, readLog } from '../maillog-reader.ts'
import { printable, queueName } from '../postfix/queue-listing.ts'
import { CommandError, exit } from '../shell.ts'
import { locateSite, withSite } from '../site.ts'
import type { CommandContext } from './context.ts'

/** Lines of one session that are kept until it is known whose they are. */
const maxSessionLines = 200

/** `posthorn explain QUEUE-ID`: the session, the verdicts, each attempt, and where the message lies now. */
export function addExplainCommand(program: Command, { shell, site, finish }: CommandContext): void {
  program
    .command('explain <queue-id>')
    .description('what became of a message, from the log and the queue')
    .action(async (id: string) => {
      if (!/^[0-9A-Za-z]{1,32}$/.test(id)) throw new CommandError(`"${id}" is no queue ID`, exit.usage)
      const lines = await story(readLog(locateSite(shell, site()).config, 'rotated-too'), id)
      const entry = await withSite(shell, site(), ({ store }) => store.queue.get(id as QueueId))
      for (const line of lines) shell.out(`${line.time}  ${line.service.padEnd(8)} ${printable(line.text)}\n`)
      if (lines.length === 0) shell.out(`${id}: the log does not know it\n`)
      shell.out(entry === undefined ? '\nnow: not in the queue\n' : `\nnow: ${whereabouts(entry)}`)
      if (lines.length === 0 && entry === undefined) finish(exit.failure)
    })
}

/** Lines of the message, with those of the session that brought it. */
export async function story(
  log: AsyncIterable<LogLine> | Iterable<LogLine>,
  id: string,
): Promise<readonly LogLine[]> {
  const chosen = new Set<LogLine>()
  const sessions = new Map<string, LogLine[]>()
  let bringer: string | undefined
  for await (const line of log) {
    const client = clientIn(line.text)
    if (client !== undefined && line.text.startsWith('connect from ')) sessions.set(client, [])
    const session = client === undefined ? undefined : sessions.get(client)
    if (session !== undefined && session.length < maxSessionLines) session.push(line)
    if (line.queueId === id) {
      if (client !== undefined && line.text.startsWith('client=')) {
        bringer = client
        for (const before of session ?? []) if (isOf(before, id)) chosen.add(before)
      }
      chosen.add(line)
    } else if (client !== undefined && client === bringer && isOf(line, id)) chosen.add(line)
    if (client !== undefined && line.text.startsWith('disconnect from ')) {
      sessions.delete(client)
      if (client === bringer) bringer = undefined
    }
  }
  return [...chosen]
}

/** Not another message of the same session. */
const isOf = (line: LogLine, id: string): boolean =>
  line.queueId === undefined || line.queueId === 'NOQUEUE' || line.queueId === id

/** `mail.example.org[192.0.2.1]`. */
function clientIn(text: string): string | undefined {
  return /(?:^|\s)(?:from |client=)([^\s[\],;<>]{1,255}\[[^\]\s]{1,60}\])/.exec(text)?.[1]
}

function whereabouts(entry: QueueEntry): string {
  let text = `in the queue (${queueName(entry)}), ${entry.sizeBytes} octets, from <${printable(entry.sender)}>\n`
  for (const { address, transport, nextHop, state, dueMs, last } of entry.recipients) {
    const when = state === 'claimed' ? 'being delivered' : `next attempt ${new Date(dueMs).toISOString()}`
    text += `  <${printable(address)}> by ${transport} to ${printable(nextHop)}: ${when}\n`
    if (last !== undefined)
      text += `    last: ${last.status} ${printable(last.diagnostic)} (${last.remoteMta})\n`
  }
  return text
}
