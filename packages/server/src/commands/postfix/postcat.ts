import type { QueueEntry, QueueId, Store } from '@posthorn/storage'
import { getopt } from '../getopt.ts'
import { CommandError, type Shell } from '../shell.ts'
import { withSite } from '../site.ts'
import { formatTime, printable, queueName } from './queue-listing.ts'

const usage =
  'postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]'
const chunkBytes = 1 << 20

/** Shows a queued message: envelope, header, body. Postfix: postcat(1). */
export async function postcat(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'bc:defhoqv', usage)
  if (options.rest.length === 0) throw new CommandError(`usage: ${usage}`)
  const parts = ['e', 'h', 'b'].filter((flag) => options.has(flag))
  const wanted = new Set(parts.length === 0 ? ['e', 'h', 'b'] : parts)
  return withSite(shell, { config: options.value('c') }, async ({ store }) => {
    for (const name of options.rest) {
      const entry = await store.queue.get(name as QueueId)
      if (entry === undefined) throw new CommandError(`open queue file ${name}: No such file or directory`)
      await show(entry, store, wanted, shell)
    }
    return 0
  })
}

async function show(
  entry: QueueEntry,
  store: Store,
  wanted: ReadonlySet<string>,
  shell: Shell,
): Promise<void> {
  const path = `${queueName(entry)}/${entry.queueId}`
  const marks = wanted.has('e')
  if (marks)
    shell.out(`*** ENVELOPE RECORDS ${path} ***\n${envelopeText(entry)}*** MESSAGE CONTENTS ${path} ***\n`)
  if (wanted.has('h') || wanted.has('b')) await showContents(entry, store, wanted, shell)
  if (marks) shell.out(`*** HEADER EXTRACTED ${path} ***\n*** MESSAGE FILE END ${path} ***\n`)
}

function envelopeText(entry: QueueEntry): string {
  const time = `${formatTime(entry.arrivedMs)} ${new Date(entry.arrivedMs).getFullYear()}`
  const { origin, options } = entry
  const attributes = [
    ['log_client_name', origin.clientName],
    ['log_client_address', origin.clientAddress],
    ['log_helo_name', origin.helo],
    ['log_protocol_name', origin.protocol],
    ['sasl_method', origin.saslMethod],
    ['sasl_username', origin.saslUsername],
    ['envelope_id', options.envid],
    ['ret', options.ret],
    ['encoding', options.body === '8BITMIME' ? '8bit' : undefined],
  ]
  const lines = [
    `message_size: ${String(entry.sizeBytes).padStart(15)}`,
    `message_arrival_time: ${time}`,
    `create_time: ${time}`,
    ...attributes
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `named_attribute: ${name}=${value}`),
    `sender: ${entry.sender}`,
  ]
  for (const one of entry.recipients) {
    if (one.originalRecipient !== undefined) {
      lines.push(`named_attribute: dsn_orig_rcpt=${one.originalRecipient}`)
      lines.push(`original_recipient: ${one.originalRecipient.replace(/^rfc822;/i, '')}`)
    }
    lines.push(`recipient: ${one.address}`)
  }
  return `${lines.map(printable).join('\n')}\n`
}

/** Line ends as on the terminal; the header ends at the first empty line, which belongs to the body. */
async function showContents(
  entry: QueueEntry,
  store: Store,
  wanted: ReadonlySet<string>,
  shell: Shell,
): Promise<void> {
  let inBody = false
  let pending = ''
  for (let start = 0; ; start += chunkBytes) {
    const chunk = await store.queue.read(entry.queueId, start, start + chunkBytes)
    if (chunk === undefined || chunk.length === 0) break
    pending += Buffer.from(chunk).toString('latin1')
    const lines = pending.split('\n')
    pending = lines.pop() ?? ''
    let text = ''
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      inBody ||= line === ''
      if (wanted.has(inBody ? 'b' : 'h')) text += `${line}\n`
    }
    shell.outBytes(Buffer.from(text, 'latin1'))
    if (chunk.length < chunkBytes) break
  }
  if (pending !== '' && wanted.has(inBody ? 'b' : 'h')) shell.outBytes(Buffer.from(`${pending}\n`, 'latin1'))
}
