import { BodySpool } from './body-spool.ts'
import { type MacroValues, type MilterConnection, MilterFailure } from './milter-connection.ts'
import { formatMilterField, type LeadingSpace, type MilterContent } from './milter-content.ts'
import { actions, maxChunkBytes, steps } from './wire/constants.ts'
import type { MilterEdit, MilterReply } from './wire/reply.ts'
import { encodeBody, encodeEndOfBody, encodeEndOfHeaders, encodeHeader } from './wire/requests.ts'

/** What filters change beside the octets of the message. */
export interface MilterEdits {
  /** milter_header_checks: the field as it may go into the message; undefined: not at all. */
  checkField(field: Buffer): Buffer | undefined
  setSender(address: string, parameters: string): void
  addRecipient(address: string, parameters: string): void
  deleteRecipient(address: string): void
  quarantine(reason: string): void
  /** Octets that a replaced body may have. */
  readonly maxBodyBytes: number
}

export interface MessageEnd {
  /** What the filter said of the message; undefined: it went through. */
  readonly reply: MilterReply | undefined
  readonly quarantined: boolean
}

/** Changes that one filter may ask for of one message. */
const maxEdits = 20_000
const maxAddedHeaderBytes = 1_048_576
/** How often a filter may say that it is still at work, each time within milter_content_timeout. */
const maxProgress = 1_000

/** Sends a message and takes the verdict in. Rejects with MilterFailure. */
export async function sendMessage(
  connection: MilterConnection,
  content: MilterContent,
  edits: MilterEdits,
  at: { readonly macros: MacroValues; readonly contentTimeoutMs: number },
): Promise<MessageEnd> {
  const early = (await sendHeader(connection, content, at)) ?? (await sendBody(connection, content, at))
  if (early !== undefined) return { reply: early, quarantined: false }
  const first = await connection.tell('endOfBody', encodeEndOfBody(), at.contentTimeoutMs, {
    stage: 'endOfData',
    values: at.macros,
  })
  return takeEdits(connection, content, edits, first ?? { kind: 'continue' }, at.contentTimeoutMs)
}

/** undefined: the filter goes on listening. */
async function sendHeader(
  connection: MilterConnection,
  content: MilterContent,
  { macros, contentTimeoutMs }: { readonly macros: MacroValues; readonly contentTimeoutMs: number },
): Promise<MilterReply | undefined> {
  const stage = { stage: 'endOfHeaders', values: macros } as const
  if (connection.wants('header')) {
    for (const { name, value } of content.fields(spaceOf(connection))) {
      const reply = await connection.tell('header', encodeHeader(name, value), contentTimeoutMs, stage)
      if (reply !== undefined && reply.kind !== 'continue') return reply
    }
  }
  if (!connection.wants('endOfHeaders')) return undefined
  const reply = await connection.tell('endOfHeaders', encodeEndOfHeaders(), contentTimeoutMs, stage)
  return reply === undefined || reply.kind === 'continue' ? undefined : reply
}

async function sendBody(
  connection: MilterConnection,
  content: MilterContent,
  { contentTimeoutMs }: { readonly contentTimeoutMs: number },
): Promise<MilterReply | undefined> {
  if (!connection.wants('body')) return undefined
  for await (const chunk of inPieces(content.body())) {
    const reply = await connection.tell('body', encodeBody(chunk), contentTimeoutMs)
    if (reply === undefined || reply.kind === 'continue') continue
    // It has seen enough of the body, and waits for the end.
    if (reply.kind === 'skip') return undefined
    return reply
  }
  return undefined
}

async function* inPieces(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  for await (let chunk of chunks) {
    while (heldBytes + chunk.length >= maxChunkBytes) {
      const room = maxChunkBytes - heldBytes
      yield Buffer.concat([...held, chunk.subarray(0, room)])
      chunk = chunk.subarray(room)
      held = []
      heldBytes = 0
    }
    if (chunk.length === 0) continue
    held.push(chunk)
    heldBytes += chunk.length
  }
  if (heldBytes > 0) yield Buffer.concat(held)
}

const spaceOf = (connection: MilterConnection): LeadingSpace =>
  (connection.steps & steps.leadingSpace) === 0 ? 'ours' : 'part-of-value'

async function takeEdits(
  connection: MilterConnection,
  content: MilterContent,
  edits: MilterEdits,
  first: MilterReply,
  timeoutMs: number,
): Promise<MessageEnd> {
  const editor = new Editor(connection, content, edits)
  let reply = first
  let progress = 0
  try {
    for (;;) {
      if (reply.kind === 'edit') await editor.apply(reply.edit)
      else if (reply.kind === 'progress') {
        if (++progress > maxProgress) throw new MilterFailure('protocol', 'milter makes no progress')
      } else break
      reply = await connection.next(timeoutMs)
    }
    await editor.finish()
  } catch (error) {
    await editor.abandon()
    throw error
  }
  return { reply: reply.kind === 'continue' ? undefined : reply, quarantined: editor.quarantined }
}

const needed: Readonly<Record<MilterEdit['kind'], number>> = {
  'add-header': actions.addHeaders,
  'insert-header': actions.addHeaders,
  'change-header': actions.changeHeaders,
  'change-from': actions.changeFrom,
  'add-recipient': actions.addRecipient | actions.addRecipientWithParameters,
  'delete-recipient': actions.deleteRecipient,
  'replace-body': actions.changeBody,
  quarantine: actions.quarantine,
}

class Editor {
  readonly #connection: MilterConnection
  readonly #content: MilterContent
  readonly #edits: MilterEdits
  #body: BodySpool | undefined
  #lineEnd: 'cr' | 'other' = 'other'
  #count = 0
  #headerBytes = 0
  /** Nothing of it holds unless the filter comes to an end. */
  readonly #envelope: (() => void)[] = []
  readonly #takeBack: () => void
  quarantined = false

  constructor(connection: MilterConnection, content: MilterContent, edits: MilterEdits) {
    this.#connection = connection
    this.#content = content
    this.#edits = edits
    this.#takeBack = content.mark()
  }

  async apply(edit: MilterEdit): Promise<void> {
    if (++this.#count > maxEdits) throw new MilterFailure('protocol', 'milter asks for too many changes')
    if ((this.#connection.actions & needed[edit.kind]) === 0)
      throw new MilterFailure('protocol', `milter asks for ${edit.kind}, which it had not agreed on`)
    switch (edit.kind) {
      case 'add-header': {
        const field = this.#field(edit.name, edit.value)
        if (field !== undefined) this.#content.addField(field)
        return
      }
      case 'insert-header': {
        const field = this.#field(edit.name, edit.value)
        if (field !== undefined) this.#content.insertField(edit.index, field)
        return
      }
      case 'change-header': {
        const field = edit.value.length === 0 ? undefined : this.#field(edit.name, edit.value)
        this.#content.changeField(edit.index, edit.name, field)
        return
      }
      case 'change-from':
        this.#envelope.push(() => this.#edits.setSender(edit.address, edit.parameters))
        return
      case 'add-recipient':
        this.#envelope.push(() => this.#edits.addRecipient(edit.address, edit.parameters))
        return
      case 'delete-recipient':
        this.#envelope.push(() => this.#edits.deleteRecipient(edit.address))
        return
      case 'replace-body':
        await this.#replace(edit.octets)
        return
      case 'quarantine':
        this.quarantined = true
        this.#envelope.push(() => this.#edits.quarantine(edit.reason))
    }
  }

  #field(name: string, value: Buffer): Buffer | undefined {
    const field = formatMilterField(name, value, spaceOf(this.#connection))
    this.#headerBytes += field.length
    if (this.#headerBytes > maxAddedHeaderBytes)
      throw new MilterFailure('protocol', 'milter adds too long a header')
    return this.#edits.checkField(field)
  }

  /** Lines of a message end with CR LF, whatever the filter thinks. */
  async #replace(octets: Buffer): Promise<void> {
    this.#body ??= new BodySpool()
    let from = 0
    for (let at = octets.indexOf(0x0a); at !== -1; at = octets.indexOf(0x0a, at + 1)) {
      const whole = at > 0 ? octets[at - 1] === 0x0d : this.#lineEnd === 'cr'
      if (whole) continue
      await this.#body.write(octets.subarray(from, at))
      await this.#body.write(Buffer.from('\r'))
      from = at
    }
    await this.#body.write(octets.subarray(from))
    if (octets.length > 0) this.#lineEnd = octets[octets.length - 1] === 0x0d ? 'cr' : 'other'
    if (this.#body.sizeBytes > this.#edits.maxBodyBytes)
      throw new MilterFailure('protocol', 'milter makes the message too large')
  }

  async finish(): Promise<void> {
    if (this.#body !== undefined) await this.#content.replaceBody(this.#body)
    this.#body = undefined
    for (const change of this.#envelope) change()
  }

  async abandon(): Promise<void> {
    this.#takeBack()
    await this.#body?.close()
  }
}
