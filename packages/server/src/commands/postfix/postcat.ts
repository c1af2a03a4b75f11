import { statSync } from 'node:fs'
import type { QueueEntry, QueueId, Store } from '@posthorn/storage'
import { getopt, type Options } from '../getopt.ts'
import { CommandError, type Shell } from '../shell.ts'
import { withSite } from '../site.ts'
import { isQueueId, printable, queueName } from './queue-listing.ts'
import { envelopeRecords, lineRecord, marks, type QueueRecord, recordBytes } from './queue-records.ts'

const usage =
  'postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]'
const chunkBytes = 1 << 20

/** Shows a queued message: envelope, header, body. Postfix: postcat(1). */
export async function postcat(args: readonly string[], shell: Shell): Promise<number> {
  const options = getopt(args, 'bc:defhoqrs:v', usage)
  if (options.rest.length === 0) {
    // Standard input is a queue file at Postfix; here messages are in the store, and no file is one.
    await shell.readInput(0)
    shell.err('postcat: warning: stdin: input is not a valid queue file\n')
    return 0
  }
  const wanted = ['e', 'h', 'b'].filter((flag) => options.has(flag))
  const parts = new Set(wanted.length === 0 ? ['e', 'h', 'b'] : wanted)
  return withSite(shell, { config: options.value('c') }, async ({ store }) => {
    for (const name of options.rest) {
      if (!options.has('q') && statSync(name, { throwIfNoEntry: false })?.isFile()) {
        shell.err(`postcat: warning: ${name}: input is not a valid queue file\n`)
        continue
      }
      await new Listing(await entryOf(name, options, store), { store, parts, options, shell }).show()
    }
    return 0
  })
}

async function entryOf(name: string, options: Options, store: Store): Promise<QueueEntry> {
  const missing = options.has('q') ? `open queue file ${name}` : `open ${name}`
  // `deferred/4/4ED10367D9`, as postcat itself shows it: there is no such file, but the message.
  const path = options.has('q')
    ? undefined
    : /^.*(?:active|deferred|hold|incoming)\/(?:.\/)*([^/]+)$/.exec(name)
  if (path?.[1] !== undefined && isQueueId(path[1])) {
    const found = await store.queue.get(path[1] as QueueId)
    if (found !== undefined) return found
  }
  if (!isQueueId(name)) {
    if (options.has('q')) throw new CommandError(`bad mail queue ID: ${name}`)
    throw new CommandError(`${missing}: No such file or directory`)
  }
  const entry = await store.queue.get(name as QueueId)
  if (entry === undefined) throw new CommandError(`${missing}: No such file or directory`)
  return entry
}

interface Asked {
  readonly store: Store
  readonly parts: ReadonlySet<string>
  readonly options: Options
  readonly shell: Shell
}

/** The records of one message, with their place (-o) and their number (-d) as in a queue file of Postfix. */
class Listing {
  readonly #entry: QueueEntry
  readonly #asked: Asked
  #offset = 0

  constructor(entry: QueueEntry, asked: Asked) {
    this.#entry = entry
    this.#asked = asked
  }

  async show(): Promise<void> {
    const { queueId, sizeBytes, hold } = this.#entry
    const name = queueName(this.#entry)
    // Postfix: hash_queue_names.
    const path = `${name}/${name === 'deferred' && !hold ? `${queueId[0]}/` : ''}${queueId}`
    const { parts, shell } = this.#asked
    if (parts.has('e')) shell.out(`*** ENVELOPE RECORDS ${path} ***\n`)
    for (const record of envelopeRecords(this.#entry)) this.#put(record, 'e')
    this.#mark(marks.contents, `*** MESSAGE CONTENTS ${path} ***`)
    if (parts.has('h') || parts.has('b')) await this.#contents()
    else this.#offset += sizeBytes
    this.#mark(marks.extracted, `*** HEADER EXTRACTED ${path} ***`)
    this.#mark(marks.end, `*** MESSAGE FILE END ${path} ***`)
  }

  #mark(record: QueueRecord, text: string): void {
    if (this.#asked.parts.has('e')) this.#asked.shell.out(`${this.#before(record)}${text}\n`)
    this.#offset += recordBytes(record)
  }

  #put(record: QueueRecord, part: string): void {
    if (this.#asked.parts.has(part))
      this.#asked.shell.out(`${this.#before(record)}${printable(`${record.label}: ${record.shown}`)}\n`)
    this.#offset += recordBytes(record)
  }

  #before(record: QueueRecord): string {
    const { options } = this.#asked
    const at = options.has('o') ? `${String(this.#offset).padStart(9)} ` : ''
    return options.has('d') ? `${at}${String(record.type).padStart(3)} ` : at
  }

  /** Line ends as on the terminal; the header ends at the first empty line, which belongs to the body. */
  async #contents(): Promise<void> {
    const { store, parts, options, shell } = this.#asked
    let inBody = false
    let text = ''
    const take = (raw: string): void => {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      inBody ||= line === ''
      const record = lineRecord(line)
      if (parts.has(inBody ? 'b' : 'h'))
        text += `${this.#before(record)}${options.has('v') ? 'regular_text: ' : ''}${line}\n`
      this.#offset += recordBytes(record)
    }
    let pending = ''
    for (let start = 0; ; start += chunkBytes) {
      const chunk = await store.queue.read(this.#entry.queueId, start, start + chunkBytes)
      if (chunk === undefined || chunk.length === 0) break
      pending += Buffer.from(chunk).toString('latin1')
      const lines = pending.split('\n')
      pending = lines.pop() ?? ''
      for (const line of lines) take(line)
      shell.outBytes(Buffer.from(text, 'latin1'))
      text = ''
      if (chunk.length < chunkBytes) break
    }
    if (pending !== '') take(pending)
    shell.outBytes(Buffer.from(text, 'latin1'))
  }
}
