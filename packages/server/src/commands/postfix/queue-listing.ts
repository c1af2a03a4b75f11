import type { QueueEntry, QueueId, Store } from '@posthorn/storage'
import type { ListedEntry, ListedRecipient } from '../../control/public-server.ts'

const pageLimit = 1000
const reasonColumn = 76
/** Postfix: showq prints short queue IDs in 11 columns, long ones in 17. */
const shortIdColumns = 11

export function isQueueId(text: string): text is QueueId {
  return /^[A-Za-z0-9]{1,64}$/.test(text)
}

/** Postfix's word for where a message stands. */
export function queueName(entry: ListedEntry): 'maildrop' | 'hold' | 'active' | 'incoming' | 'deferred' {
  if (entry.isInMaildrop === true) return 'maildrop'
  if (entry.hold) return 'hold'
  if (entry.recipients.some((one) => one.state === 'claimed')) return 'active'
  // The store counts attempts that ended without a result; those with one leave their reason.
  const isUntried = entry.recipients.every((one) => one.attempts === 0 && one.last === undefined)
  return isUntried ? 'incoming' : 'deferred'
}

/** The queue, or what stands behind an entry of it, which may have gone meanwhile. */
export async function* queueEntries(
  store: Pick<Store, 'queue'>,
  behind?: Pick<ListedEntry, 'queueId' | 'arrivedMs'>,
): AsyncGenerator<QueueEntry> {
  const from = behind === undefined ? {} : { after: behind.queueId, afterArrivedMs: behind.arrivedMs }
  let page = await store.queue.list({ ...from, limit: pageLimit })
  while (page.length > 0) {
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < pageLimit) return
    const { queueId, arrivedMs } = last
    page = await store.queue.list({ after: queueId, afterArrivedMs: arrivedMs, limit: pageLimit })
  }
}

/** Postfix: postqueue -p, mailq. Gives text as it goes: a long queue shows its first line at once. */
export async function* formatQueue(entries: AsyncIterable<ListedEntry>): AsyncGenerator<string> {
  let count = 0
  let sizeBytes = 0
  for await (const entry of entries) {
    if (count === 0) yield header(entry)
    count++
    sizeBytes += entry.sizeBytes
    yield formatEntry(entry)
  }
  if (count === 0) yield 'Mail queue is empty\n'
  else yield `-- ${Math.floor(sizeBytes / 1024)} Kbytes in ${count} Request${count === 1 ? '' : 's'}.\n`
}

function header(entry: ListedEntry): string {
  return entry.queueId.length <= shortIdColumns
    ? '-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n'
    : '----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n'
}

function formatEntry(entry: ListedEntry): string {
  const mark = { hold: '!', active: '*', maildrop: '', incoming: '', deferred: '' }[queueName(entry)]
  const id = `${entry.queueId}${mark}${entry.forcedExpiry === true ? '#' : ''}`
  const time = formatTime(entry.arrivedMs)
  const sender = printable(entry.sender === '' ? 'MAILER-DAEMON' : entry.sender)
  const long = entry.queueId.length > shortIdColumns
  const first = long
    ? `${id.padEnd(17)} ${String(entry.sizeBytes).padStart(8)} ${time}  ${sender}`
    : `${id.padEnd(shortIdColumns)} ${String(entry.sizeBytes).padStart(7)} ${time}  ${sender}`
  return `${first}\n${formatRecipients(entry.recipients)}\n`
}

/** Grouped by reason; those not tried yet come last, without one. */
function formatRecipients(recipients: readonly ListedRecipient[]): string {
  const groups = Map.groupBy(recipients, (one) => reasonOf(one))
  let text = ''
  for (const [reason, group] of groups) {
    if (reason === '') continue
    text += `${' '.repeat(Math.max(0, reasonColumn - reason.length))}(${reason})\n`
    for (const one of group) text += recipientLine(one)
  }
  const untried = groups.get('') ?? []
  if (untried.length > 0 && text !== '') text += '\n'
  for (const one of untried) text += recipientLine(one)
  return text
}

const recipientLine = (one: ListedRecipient) => `${' '.repeat(41)}${printable(one.address)}\n`

function reasonOf(recipient: ListedRecipient): string {
  return printable(recipient.last?.diagnostic ?? '')
}

/** Postfix: postqueue -j, one object a line. */
export function formatJson(entry: ListedEntry): string {
  const recipients = entry.recipients.map((one) => {
    const reason = reasonOf(one)
    return reason === '' ? { address: one.address } : { address: one.address, delay_reason: reason }
  })
  const fields = {
    queue_name: queueName(entry),
    queue_id: entry.queueId,
    arrival_time: Math.floor(entry.arrivedMs / 1000),
    message_size: entry.sizeBytes,
    forced_expire: entry.forcedExpiry === true,
    sender: entry.sender === '' ? 'MAILER-DAEMON' : entry.sender,
  }
  return `${spaced({ ...fields, recipients })}\n`
}

/** JSON with a blank after `:` and `,` outside strings, as Postfix prints it: scripts grep for it. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${spaced(member)}`)
  return `{${members.join(', ')}}`
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Sat Nov 21 23:30:28`, local time, as ctime(3) begins. */
export function formatTime(ms: number): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${days[at.getDay()]} ${months[at.getMonth()]} ${String(at.getDate()).padStart(2)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** Strangers' text on a terminal: control characters become `?`. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
